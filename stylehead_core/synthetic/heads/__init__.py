"""Rendered people with exact labels: the training set that nobody has to ask permission for."""

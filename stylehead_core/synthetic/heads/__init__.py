"""Renderer of synthetic heads with exact labels: training data without real people."""

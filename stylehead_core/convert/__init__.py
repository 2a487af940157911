"""Conversion of official checkpoints to our state dicts and back: one file per network; ``official`` converts a set."""

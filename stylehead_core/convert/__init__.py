"""Foreign checkpoints to ours and back, one file a network; ``official`` reads a whole set."""

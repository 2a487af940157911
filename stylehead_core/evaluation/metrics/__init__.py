"""One metric a file: what it measures, its source, its range, and which way is better."""

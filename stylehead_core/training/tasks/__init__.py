"""What is trained, one task a file: a frozen configuration, and the state that its ``start`` returns."""

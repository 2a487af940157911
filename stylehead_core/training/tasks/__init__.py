"""What is learnt, one stage a file. Each is a frozen configuration with ``start``, and the stage that it starts."""

"""Other programs that read plates: a script each, run by the Python of its own environment."""

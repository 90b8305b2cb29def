"""Views folded from the log: dropped and folded again at will; they touch nobody."""

"""What moves: persons and vehicles, found by a network on the parts of a picture where something does."""

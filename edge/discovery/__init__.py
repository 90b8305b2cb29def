"""Finding devices that nobody listed yet."""

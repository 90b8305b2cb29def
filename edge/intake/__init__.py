"""The one way in: what devices said, to what the log takes."""

"""A month of a lot, made from a seed: who came and went, what was paid, what went wrong, what must be found of it."""

"""The weights of the networks: which there are, where from, and whether they are what they should be."""

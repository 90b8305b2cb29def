"""Plates: from the pixels of a picture to what stands on them."""

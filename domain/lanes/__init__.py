"""Lanes: whether a barrier opens for a car that was read, what the board says, and what became of the opening."""

"""Versions of the agent on the box: the present one, the one before, and the way back."""

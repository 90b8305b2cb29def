"""Rounds: where somebody walks, at which times, and what of it was walked. No I/O, no clock."""

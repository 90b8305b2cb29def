"""Duty: who must act on a matter, until when, and who comes next where nobody does."""

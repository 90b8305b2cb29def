"""The client of GA/T 1400: a platform's session, and records handed over as objects of the standard."""

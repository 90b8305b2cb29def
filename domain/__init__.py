"""Words and rules of Gatehouse: pure functions and types, no I/O, no clock, no framework."""

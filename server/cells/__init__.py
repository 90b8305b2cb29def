"""Cells: a complex lives in one of several centres, and moves between them without losing anything."""

"""Tests of what is told outwards."""

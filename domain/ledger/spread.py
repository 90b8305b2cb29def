"""A price over its days: what of it is earned on each, in whole fen, so that all days together are the price."""

from __future__ import annotations

from datetime import date


def earned_on(fen: int, first: date, last: date, day: date) -> int:
    """The part of one day, both ends included; 0 outside. Days differ by a fen at most."""
    days = (last - first).days + 1
    if days < 1:
        raise ValueError(f"{first} to {last} are no days")
    if not first <= day <= last:
        return 0
    passed = (day - first).days
    return fen * (passed + 1) // days - fen * passed // days

"""A figure as a row: what it is, what it must reach, and whether it does."""

from __future__ import annotations

import os
from typing import Any

Row = dict[str, Any]


def full() -> bool:
    """FULL=1: the long ones at their whole length."""
    return os.environ.get("FULL", "") not in ("", "0")


def row(
    what: str,
    figure: float,
    unit: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    **beside: Any,
) -> Row:
    """One row of the table. Without a bound it is a figure to compare with; ``beside`` goes into the JSON only."""
    made: Row = {"what": what, "figure": figure, "unit": unit, **beside}
    if at_least is not None:
        made |= {"reach": f"≥ {at_least:,g}", "reached": figure >= at_least}
    if at_most is not None:
        made |= {"reach": f"≤ {at_most:,g}", "reached": figure <= at_most}
    return made


def percentile(values: list[float], share: float) -> float:
    """The value below which ``share`` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

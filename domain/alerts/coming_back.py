"""When what was silent is back: it has been heard without a gap for as long as its silence must last to be told."""

from __future__ import annotations

from datetime import datetime, timedelta

GAP = timedelta(seconds=90)  # between two hellos of a gateway that is there: at least one comes each 30 s
BACK_AFTER = timedelta(minutes=5)


def is_back(since: datetime | None, last: datetime | None, now: datetime) -> bool:
    """Whether it is not only flapping: heard without a gap for long enough, and until just now."""
    return since is not None and last is not None and now - last <= GAP and now - since >= BACK_AFTER

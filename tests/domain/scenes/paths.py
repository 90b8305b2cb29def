"""Things on their way over a picture, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from domain.scenes.geometry import Box
from domain.scenes.sightings import Moment, Sighting

NOON = datetime(2026, 11, 27, 4, tzinfo=UTC)  # 12:00 in Shanghai
SIZE = 0.02
Where = tuple[float, float]


def box_at(foot: Where) -> Box:
    """A small thing that stands there."""
    x, y = foot
    return x - SIZE / 2, y - SIZE, x + SIZE / 2, y


def moment(
    tick: int, at: Mapping[str, Where], label: str = "person", *, start: datetime = NOON, still_s: float = 0.0
) -> Moment:
    """One second a tick; each is found at each."""
    seen = tuple(
        Sighting(
            track=name, label=label, box=box_at(foot), confidence=0.9, seen_s=tick, looks=tick + 1, still_s=still_s
        )
        for name, foot in at.items()
    )
    return Moment(seconds=float(tick), at=start + timedelta(seconds=tick), seen=seen)

"""A city's day: how much happens at an hour, against the day's mean."""

from __future__ import annotations

import math
from bisect import bisect

PEAK = 8.0  # the rush of a morning, against the mean
EVENTS_A_DAY, WORST_EVENTS_A_DAY = 2_500, 60_000  # of a usual complex, and of the noisiest

_DAY_S = 86_400
_MINUTES = 24 * 60
_RUSHES = ((7.75, 0.40, 1.0), (18.25, 0.50, 0.6))  # hour, width in hours, height against the first
_QUIET_AT, _SWING = 3.0, 0.7


def _rushes(hour: float) -> float:
    return sum(height * math.exp(-(((hour - at) / width) ** 2) / 2) for at, width, height in _RUSHES)


def _base(hour: float) -> float:
    return 1 - _SWING * math.cos(2 * math.pi * (hour - _QUIET_AT) / 24)


def _day() -> list[float]:
    """For each minute; the mean is 1, and the highest is PEAK."""
    hours = [minute / 60 for minute in range(_MINUTES)]
    rushes, base = [_rushes(hour) for hour in hours], [_base(hour) for hour in hours]
    top = max(range(_MINUTES), key=rushes.__getitem__)
    mean = sum(rushes) / _MINUTES
    # of the whole the share ``part`` is rushes: mean 1 and PEAK at the top give it
    part = (PEAK - base[top]) / (rushes[top] / mean - base[top])
    return [part * rush / mean + (1 - part) * low for rush, low in zip(rushes, base, strict=True)]


_AT = _day()


def rhythm(hour: float) -> float:
    """How many times the day's mean happens at this hour (0 to 24, and round again)."""
    return _AT[int(hour * 60) % _MINUTES]


def events_a_second(weights: float, hour: float, speed: float) -> float:
    """Of complexes that weigh so much together (1: a usual one)."""
    return weights * EVENTS_A_DAY / _DAY_S * rhythm(hour) * speed


class Weighted:
    """Chooses a complex by its weight; ``at`` is a chance between 0 and 1."""

    def __init__(self, weights: list[float]) -> None:
        self._sums: list[float] = []
        total = 0.0
        for weight in weights:
            total += weight
            self._sums.append(total)
        self.total = total

    def choose(self, at: float) -> int:
        return min(bisect(self._sums, at * self.total), len(self._sums) - 1)

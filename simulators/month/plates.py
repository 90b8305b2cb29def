"""Plates of a month: so far from each other that no camera takes one for another unless the seed says so."""

from __future__ import annotations

from random import Random

from domain.plates import compare
from simulators.cars import make_car

_FAR = 2.0  # a distance at which no reading is near
_SIGNS = 5
_TRIES = 1_000


def far_plates(chance: Random, count: int) -> list[tuple[str, str]]:
    """Plates with their colours, each pair at least ``_FAR`` apart."""
    found: list[tuple[str, str]] = []
    for _ in range(count * _TRIES):
        if len(found) == count:
            break
        car = make_car(chance)
        if car.plate is not None and _is_far(car.plate, found):
            found.append((car.plate, car.color))
    if len(found) < count:
        raise ValueError(f"no {count} plates far from each other: {len(found)} were found")
    return found


def _is_far(plate: str, others: list[tuple[str, str]]) -> bool:
    return all(_differ(plate, other) >= _SIGNS or compare(plate, other) >= _FAR for other, _ in others)


def _differ(plate: str, other: str) -> int:
    """In how many places two plates have another sign: so many are far, whatever signs they are."""
    return sum(a != b for a, b in zip(plate, other, strict=False))

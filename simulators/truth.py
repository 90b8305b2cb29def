"""What really happened at a simulated site: kept beside what was sent, so that a test can compare the two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec

Cause = Literal["door_forced", "access_denied", "person_at_night"]
Direction = Literal["in", "out"]


class CarPassed(msgspec.Struct, frozen=True, tag=True):
    """A car through a lane. ``plate`` is what it wears (None: nothing), ``read`` what the camera said."""

    device: str
    direction: Direction
    plate: str | None
    read: str | None
    color: str
    occurred_at: datetime
    kept: bool = False  # a record that the camera kept and sent later


class CardShown(msgspec.Struct, frozen=True, tag=True):
    """A card at a door's reader."""

    door: int
    card: int
    granted: bool
    direction: Direction
    occurred_at: datetime


class DoorMoved(msgspec.Struct, frozen=True, tag=True):
    """A door opened, closed, or was forced."""

    door: int
    state: Literal["open", "closed", "forced_open"]
    occurred_at: datetime


class ObjectSeen(msgspec.Struct, frozen=True, tag=True):
    """A camera began to follow something."""

    camera: str
    label: str
    occurred_at: datetime


class Alarm(msgspec.Struct, frozen=True, tag=True):
    """Something that somebody should be told of, once."""

    cause: Cause
    place: str
    occurred_at: datetime


Fact = CarPassed | CardShown | DoorMoved | ObjectSeen | Alarm


class Stay(msgspec.Struct, frozen=True):
    """A car's time inside, as the drivers of it would tell."""

    plate: str
    entered_at: datetime
    left_at: datetime
    misread: bool  # one of its two reads was wrong


@dataclass
class GroundTruth:
    """Every fact in the order in which it was told."""

    facts: list[Fact] = field(default_factory=list[Fact])

    def add(self, facts: list[Fact]) -> None:
        self.facts += facts

    @property
    def cars(self) -> list[CarPassed]:
        return [fact for fact in self.facts if isinstance(fact, CarPassed)]

    @property
    def alarms(self) -> list[Alarm]:
        return [fact for fact in self.facts if isinstance(fact, Alarm)]

    @property
    def stays(self) -> list[Stay]:
        """Whole stays of cars that wear a plate."""
        return list(_stays(self.cars))

    @property
    def inside(self) -> set[str]:
        """Plates that entered and did not leave."""
        last = {car.plate: car.direction for car in sorted(self.cars, key=_when) if car.plate}
        return {plate for plate, direction in last.items() if direction == "in"}

    def counts(self) -> dict[str, Any]:
        """How many of each, for a report."""
        names = ("CarPassed", "CardShown", "DoorMoved", "ObjectSeen", "Alarm")
        found = [type(fact).__name__ for fact in self.facts]
        return {**{name: found.count(name) for name in names}, "stays": len(self.stays), "inside": len(self.inside)}


def _when(car: CarPassed) -> datetime:
    return car.occurred_at


def _stays(cars: list[CarPassed]) -> Iterator[Stay]:
    entries: dict[str, CarPassed] = {}
    for car in sorted(cars, key=_when):
        if car.plate is None:
            continue
        if car.direction == "in":
            entries[car.plate] = car
        elif (entry := entries.pop(car.plate, None)) is not None:
            misread = car.read != car.plate or entry.read != entry.plate
            yield Stay(car.plate, entry.occurred_at, car.occurred_at, misread)

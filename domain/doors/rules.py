"""The document ``doors``: schedules, holidays, groups, and what each door is particular about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from domain.desired_words import Identity, Name, once
from domain.doors.credentials import MAX_DOORS, DoorSet
from domain.doors.schedule import Schedule

_MAX_SCHEDULES, _MAX_HOLIDAYS, _MAX_GROUPS, _MAX_AT_A_DOOR, _MAX_TRIGGERS = 200, 400, 1_000, 20, 100


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Doors that go together, for those who name the group."""

    id: Identity
    doors: Annotated[tuple[DoorSet, ...], Meta(max_length=MAX_DOORS)]
    schedule: Name = ""


class Reader(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Where somebody asks at a door; who passes goes from one area to another, where they are named."""

    device: Identity
    point: Name = ""
    from_: Name = ""
    to: Name = ""


class Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An input or a contact. ``value`` is what it says when it is so: a number, or the state of a door or an alarm."""

    device: Identity
    point: Name = ""
    value: int | str = 1


class Door(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One door with its readers."""

    id: Identity
    readers: Annotated[tuple[Reader, ...], Meta(max_length=_MAX_AT_A_DOOR)]
    name: Name = ""
    place: Name = ""
    contact: Point | None = None  # which says that it stands open; none: nobody knows
    exits: Annotated[tuple[Point, ...], Meta(max_length=_MAX_AT_A_DOOR)] = ()  # buttons inside
    unlock_s: Annotated[float, Meta(gt=0, le=600)] = 8.0  # so long after it was opened for somebody it is not forced
    held_open_s: Annotated[float, Meta(ge=0, le=86_400)] = 60.0  # open for longer is an alarm; 0: never
    interlock: Name = ""  # of the doors of one name at most one is open
    first_card: bool = False  # each day nobody goes in before somebody with first_card
    anti_passback: Literal["", "soft", "hard"] = ""
    free_on_fire: bool = True
    locks_down: bool = True


class Doors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the doors of the site are."""

    doors: Annotated[tuple[Door, ...], Meta(max_length=2_000)] = ()
    schedules: Annotated[tuple[Schedule, ...], Meta(max_length=_MAX_SCHEDULES)] = ()
    holidays: Annotated[tuple[date, ...], Meta(max_length=_MAX_HOLIDAYS)] = ()
    groups: Annotated[tuple[Group, ...], Meta(max_length=_MAX_GROUPS)] = ()
    tries: Annotated[int, Meta(ge=0, le=100)] = 5  # so many wrong ones, one after the other; 0: any number
    tries_s: Annotated[float, Meta(gt=0, le=86_400)] = 120.0  # within so long
    lock_out_s: Annotated[float, Meta(gt=0, le=86_400)] = 120.0
    fire: Annotated[tuple[Point, ...], Meta(max_length=_MAX_TRIGGERS)] = ()
    lock_down: Annotated[tuple[Point, ...], Meta(max_length=_MAX_TRIGGERS)] = ()

    def __post_init__(self) -> None:
        once((door.id for door in self.doors), "door")
        once((schedule.id for schedule in self.schedules), "schedule")
        once((group.id for group in self.groups), "group")
        once((f"{reader.device} {reader.point}" for door in self.doors for reader in door.readers), "reader")
        known = {schedule.id for schedule in self.schedules}
        for group in self.groups:
            if group.schedule and group.schedule not in known:
                raise ValueError(f"group {group.id}: there is no schedule {group.schedule!r}")
        for door in self.doors:
            if door.anti_passback and not any(reader.to for reader in door.readers):
                raise ValueError(f"door {door.id}: anti_passback needs to know where its readers lead: from and to")


class Rules:
    """The document, ready to be asked."""

    def __init__(self, version: int, doors: Doors) -> None:
        self.version, self.body = version, doors
        self.holidays = frozenset(doors.holidays)
        self.groups = MappingProxyType({group.id: group for group in doors.groups})
        self.doors = MappingProxyType({door.id: door for door in doors.doors})
        self._schedules = {schedule.id: schedule for schedule in doors.schedules}
        self._readers = {(r.device, r.point): (door, r) for door in doors.doors for r in door.readers}

    def at(self, device: str, point: str) -> tuple[Door, Reader] | None:
        """The door, and the reader of it; None where nothing particular is known."""
        return self._readers.get((device, point))

    def schedule(self, name: str) -> Schedule | None:
        """None where there is none: then it is never time."""
        return self._schedules.get(name)

    def beside(self, door: Door) -> Iterator[Door]:
        """The other doors of its interlock."""
        return (other for other in self._interlocks.get(door.interlock, ()) if other.id != door.id)

    @cached_property
    def _interlocks(self) -> dict[str, list[Door]]:
        names = {door.interlock for door in self.body.doors if door.interlock}
        return {name: [door for door in self.body.doors if door.interlock == name] for name in names}


NO_RULES = Rules(0, Doors())

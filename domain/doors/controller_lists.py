"""The cards that a controller which decides by itself should hold: of the list, what a controller can go by."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec

from domain.access import CardList
from domain.doors.credentials import Card
from domain.doors.rules import Rules

_BEGINS = date(2020, 1, 1)  # of a card without a first day


class Held(msgspec.Struct, frozen=True, gc=False):
    """A card as a controller holds it."""

    begins: date
    until: date
    doors: tuple[str, ...]  # points

    @property
    def text(self) -> str:
        """To compare by, and to keep."""
        return "|".join((self.begins.isoformat(), self.until.isoformat(), *self.doors))


def cards_for(device: str, points: Iterable[str], cards: CardList, rules: Rules) -> dict[str, Held]:
    """Card number -> how the controller should hold it, for the doors that it decides about.

    It knows no schedules of ours: a card that has one does not open there. Of several entries the widest counts.
    """
    wanted = tuple(points)
    found: dict[str, Held] = {}
    for number, entries in cards.by_number.items():
        for entry in entries if not any(entry.revoked for entry in entries) else ():
            doors = tuple(point for point in wanted if _opens(entry, device, point, rules))
            if doors:
                found[number] = _wider(found.get(number), Held(entry.from_ or _BEGINS, entry.until, doors))
    return found


def _opens(card: Card, device: str, point: str, rules: Rules) -> bool:
    if any(doors.holds(device, point) for doors in card.doors):
        return True
    groups = (rules.groups[name] for name in card.groups if name in rules.groups)
    return any(not group.schedule and any(doors.holds(device, point) for doors in group.doors) for group in groups)


def _wider(held: Held | None, other: Held) -> Held:
    """The entry that lasts longer: two cannot be held, and their union might open what neither does."""
    return other if held is None or other.until > held.until else held

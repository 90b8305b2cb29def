"""Which cards a device that decides by itself shall hold: pure, from the credentials in force. It never opens more than
``domain.access`` would."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date

import msgspec

from domain.access import CardList
from domain.desired_bodies import Card, Device

_ALWAYS = date(2000, 1, 1)


class CardWish(msgspec.Struct, frozen=True, order=True):
    """A card as it shall be in a device: the doors it opens there, on the days ``begin`` to ``end``."""

    number: str  # in the one spelling of canonical_card
    begin: date
    end: date
    points: tuple[str, ...]


class Wishes(msgspec.Struct, frozen=True):
    """All cards of one device by number, and the numbers that were revoked: those are to go first."""

    version: int
    cards: dict[str, CardWish]
    revoked: tuple[str, ...]


Opens = Callable[[Card, str, str], bool]


def opens_by_itself(entry: Card, device: str, point: str) -> bool:
    """Whether an entry names the door, at any hour of its days: all that a device can go by."""
    return any(doors.holds(device, point) for doors in entry.doors)


def wishes_of(cards: CardList, device: Device, today: date, opens: Opens = opens_by_itself) -> Wishes:
    """Doors that the gateway decides are not the device's to open. Revoked beats every other entry of a card.

    ``opens`` must be false for what holds at some hours only: a device knows days and no hours.
    """
    points = [door.point for door in device.doors if door.decides == "device"]
    wished: dict[str, CardWish] = {}
    revoked: list[str] = []
    for number, entries in cards.by_number.items():
        if any(entry.revoked for entry in entries):
            revoked.append(number)
        elif wish := _wish(number, [(entry, _points(entry, device.id, points, opens)) for entry in entries], today):
            wished[number] = wish
    return Wishes(cards.version, wished, tuple(revoked))


def _wish(number: str, entries: Sequence[tuple[Card, list[str]]], today: date) -> CardWish | None:
    """A device keeps one span of days a card: of several entries those count that are valid today, for as long as all
    of them are; where none is, the next one. The rest comes when the days are over."""
    opened = [(entry, held) for entry, held in entries if held]
    if not opened:
        return None
    valid = [pair for pair in opened if _begin(pair[0]) <= today <= pair[0].until]
    chosen = valid or [min(opened, key=lambda pair: (pair[0].until < today, _begin(pair[0]), pair[0].until))]
    begin = max(_begin(entry) for entry, _ in chosen)
    end = min(entry.until for entry, _ in chosen)
    return CardWish(number, begin, end, tuple(sorted({point for _, held in chosen for point in held})))


def _points(entry: Card, device: str, points: Iterable[str], opens: Opens) -> list[str]:
    return [point for point in points if opens(entry, device, point)]


def _begin(entry: Card) -> date:
    return entry.from_ or _ALWAYS

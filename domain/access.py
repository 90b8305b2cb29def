"""Whether an entry opens a door: a pure function of the list, the door and the moment. Revoked beats everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from domain.doors.credentials import Card, Credentials, Entry, Known, canonical_card
from domain.doors.rules import NO_RULES, Rules
from domain.doors.secrets import digests_of
from domain.events import Event, is_replay

Reason = Literal[
    "card_list",
    "revoked",
    "not_yet_valid",
    "expired",
    "outside_schedule",
    "wrong_door",
    "unknown_card",
    "too_late",
    "fire",
    "lock_down",
    "locked_out",
    "used",
    "first_card_needed",
    "interlock",
    "anti_passback",
    "anti_passback_soft",
]
# How near an entry came to opening, the nearest first: what a person at the desk wants to hear of several entries.
_NEAREST: tuple[Reason, ...] = ("card_list", "outside_schedule", "not_yet_valid", "expired", "wrong_door")
# The device refused for a reason of its own, which no card list outweighs.
_DEVICE_KNOWS_BETTER = frozenset(
    {"anti_passback", "interlock", "more_cards_needed", "first_card_needed", "door_normally_closed"}
)
_CODES: tuple[Literal["qr", "token"], ...] = ("qr", "token")


class Decision(msgspec.Struct, frozen=True):
    """What was decided, why, and by which entry of which version of the list (0: there is no list)."""

    granted: bool
    reason: Reason
    version: int
    card: str | None = None
    entry: Entry | None = None
    duress: bool = False  # by the second PIN


class CardList:
    """A version of the credentials, ready to be asked. ``key`` is the site's own: a digest was stirred by it, or, made
    where nobody has it, by none."""

    def __init__(self, version: int, credentials: Credentials, key: bytes = b"") -> None:
        self.version, self.body, self._key = version, credentials, key
        self._salt = bytes.fromhex(credentials.salt)
        self._cards: dict[str, tuple[Card, ...]] = {}  # tuples, as the garbage collector passes them over
        for card in credentials.cards:
            number = canonical_card(card.card)
            self._cards[number] = (*self._cards.get(number, ()), card)
        self._known = {entry.digest: entry for entry in credentials.known}
        self._under_duress = {entry.duress_digest: entry for entry in credentials.known if entry.duress_digest}

    @cached_property
    def by_number(self) -> Mapping[str, Sequence[Card]]:
        """The entries as a controller can go by them that knows days and no hours: one that has any opens nothing
        there."""
        return {number: tuple(map(_without_hours, entries)) for number, entries in self._cards.items()}

    def keyed(self, key: bytes) -> CardList:
        """The same list where the site has a key."""
        return CardList(self.version, self.body, key)

    def decide(
        self, number: str, device: str, point: str, at: datetime, zone: ZoneInfo, rules: Rules = NO_RULES
    ) -> Decision:
        """Whether the card opens the door at ``at`` (aware), by the calendar of ``zone``."""
        return self.decide_cards((number,), device, point, at, zone, rules)

    def decide_cards(
        self, numbers: Sequence[str], device: str, point: str, at: datetime, zone: ZoneInfo, rules: Rules
    ) -> Decision:
        """The same for a card that has several spellings."""
        entries = [entry for number in numbers for entry in self._cards.get(canonical_card(number), ())]
        return self._decide(entries, device, point, at, zone, rules)

    def decide_pin(self, pin: str, device: str, point: str, at: datetime, zone: ZoneInfo, rules: Rules) -> Decision:
        """Whether somebody who keyed this may come in, perhaps because somebody else makes him."""
        digests = digests_of("pin", pin, self._salt, self._key)
        forced = next((self._under_duress[digest] for digest in digests if digest in self._under_duress), None)
        found = [forced] if forced else [self._known[digest] for digest in digests if digest in self._known]
        decision = self._decide(found, device, point, at, zone, rules)
        return msgspec.structs.replace(decision, duress=forced is not None)

    def decide_code(self, code: str, device: str, point: str, at: datetime, zone: ZoneInfo, rules: Rules) -> Decision:
        """Whether somebody who shows this code may come in: a visitor's, a phone's, or a card's number as text."""
        digests = [digest for kind in _CODES for digest in digests_of(kind, code, self._salt, self._key)]
        entries: list[Entry] = [self._known[digest] for digest in digests if digest in self._known]
        entries += self._cards.get(canonical_card(code), ())
        return self._decide(entries, device, point, at, zone, rules)

    def _decide(
        self, entries: Sequence[Entry], device: str, point: str, at: datetime, zone: ZoneInfo, rules: Rules
    ) -> Decision:
        revoked = next((entry for entry in entries if entry.revoked), None)
        if revoked is not None:
            return Decision(False, "revoked", self.version, revoked.id, revoked)
        local = at.astimezone(zone)
        judged: list[tuple[Reason, Entry]] = [(_judge(entry, device, point, local, rules), entry) for entry in entries]
        if not judged:
            return Decision(False, "unknown_card", self.version)
        reason, entry = min(judged, key=lambda one: _NEAREST.index(one[0]))
        return Decision(reason == "card_list", reason, self.version, entry.id, entry)


NO_CARDS = CardList(0, Credentials(()))


def asks_for_a_decision(event: Event) -> bool:
    """Whether a door asks: a live swipe that the device did not let through, for want of a right of the card.

    A device that refused a PIN or a code by itself does not tell what it was: it asks nothing.
    """
    asking = ("denied", "pending") if event.method == "card" else ("pending",)
    return (
        event.kind == "access"
        and event.method in ("card", "pin", "qr")
        and event.result in asking
        and event.reason not in _DEVICE_KNOWS_BETTER
        and not is_replay(event)
    )


def _without_hours(card: Card) -> Card:
    has_hours = card.schedule or card.from_at is not None or card.until_at is not None
    return msgspec.structs.replace(card, doors=(), groups=()) if has_hours else card


def is_once(entry: Entry) -> bool:
    """Whether an entry opens one time and no more."""
    return isinstance(entry, Known) and entry.kind == "qr"


def _judge(entry: Entry, device: str, point: str, local: datetime, rules: Rules) -> Reason:
    ways = list(_ways(entry, device, point, rules))
    if not ways:
        return "wrong_door"
    if _is_before(entry, local):
        return "not_yet_valid"
    if local.date() > entry.until or (entry.until_at is not None and local > entry.until_at):
        return "expired"
    return "card_list" if any(_is_time(schedules, local, rules) for schedules in ways) else "outside_schedule"


def _is_before(entry: Entry, local: datetime) -> bool:
    is_early = entry.from_at is not None and local < entry.from_at
    return is_early or (entry.from_ is not None and local.date() < entry.from_)


def _ways(entry: Entry, device: str, point: str, rules: Rules) -> Iterator[tuple[str, ...]]:
    """The schedules that must all hold, for each way in which the entry has the door: by itself, or by a group."""
    if any(doors.holds(device, point) for doors in entry.doors):
        yield (entry.schedule,)
    for name in entry.groups:
        group = rules.groups.get(name)
        if group is not None and any(doors.holds(device, point) for doors in group.doors):
            yield (entry.schedule, group.schedule)


def _is_time(schedules: tuple[str, ...], local: datetime, rules: Rules) -> bool:
    found = [rules.schedule(name) for name in schedules if name]
    return all(schedule is not None and schedule.holds(local, rules.holidays) for schedule in found)

"""The verdict on one asking: fire before lock-down, lock-down before rights, rights before the rules of the door."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from domain.access import CardList, Decision, Reason, is_once
from domain.doors.credentials import Entry, Known
from domain.doors.rules import Door, Reader, Rules
from domain.doors.state import DoorState, Effect, FirstCame, Let, Tried, Used, Went

Method = Literal["card", "pin", "qr"]
Alarm = Literal["duress", "lock_out"]


class Asking(msgspec.Struct, frozen=True):
    """Somebody at a reader. ``texts``: the spellings of a card's number, or what was keyed or shown."""

    device: str
    point: str
    method: Method
    texts: tuple[str, ...]
    at: datetime

    def __repr__(self) -> str:
        return f"Asking({self.device}, {self.point}, {self.method}, …)"  # what was keyed is in no text


class Verdict(msgspec.Struct, frozen=True):
    """The decision, what it entails for the state, and the alarms that it raises."""

    decision: Decision
    effects: Sequence[Effect] = ()
    alarms: Sequence[Alarm] = ()


def verdict(asking: Asking, state: DoorState, cards: CardList, rules: Rules, zone: ZoneInfo) -> Verdict:
    """Pure: the same asking of the same state by the same documents gives the same verdict."""
    found = rules.at(asking.device, asking.point)
    door, reader = found if found else (None, None)
    if state.fire and door is not None and door.free_on_fire:
        return Verdict(Decision(True, "fire", cards.version))
    if asking.method != "card" and _is_locked_out(asking, state):
        return Verdict(Decision(False, "locked_out", cards.version))
    decision = _right(asking, cards, rules, zone)
    if decision.reason == "unknown_card":
        return _wrong(asking, state, decision, rules)
    entry = decision.entry
    alarms: tuple[Alarm, ...] = ("duress",) if decision.duress and decision.reason != "revoked" else ()
    if not decision.granted or entry is None:
        return Verdict(decision, (), alarms)
    reason = _own_rules(asking, state, entry, door, reader, rules, zone)
    if reason not in ("card_list", "anti_passback_soft"):
        return Verdict(msgspec.structs.replace(decision, granted=False, reason=reason), (), alarms)
    effects = tuple(_let_in(asking, entry, door, reader, zone))
    told = msgspec.structs.replace(decision, reason=reason)
    return Verdict(told, effects, alarms)


def _right(asking: Asking, cards: CardList, rules: Rules, zone: ZoneInfo) -> Decision:
    where = (asking.device, asking.point, asking.at, zone, rules)
    if asking.method == "pin":
        return cards.decide_pin(asking.texts[0], *where)
    if asking.method == "qr":
        return cards.decide_code(asking.texts[0], *where)
    return cards.decide_cards(asking.texts, *where)


def _own_rules(
    asking: Asking,
    state: DoorState,
    entry: Entry,
    door: Door | None,
    reader: Reader | None,
    rules: Rules,
    zone: ZoneInfo,
) -> Reason:
    """What the door is particular about, once the right is there."""
    if is_once(entry) and (used_key(entry) in state.used or (isinstance(entry, Known) and entry.used)):
        return "used"
    if door is None or reader is None:
        return "lock_down" if state.lock_down and not entry.passes_lock_down else "card_list"
    if state.lock_down and door.locks_down and not entry.passes_lock_down:
        return "lock_down"
    if door.first_card and not entry.first_card and state.first.get(door.id) != asking.at.astimezone(zone).date():
        return "first_card_needed"
    if any(_is_open(other, state, asking.at) for other in rules.beside(door)):
        return "interlock"
    if door.anti_passback and _is_passed_back(entry, reader, state):
        return "anti_passback" if door.anti_passback == "hard" else "anti_passback_soft"
    return "card_list"


def _let_in(asking: Asking, entry: Entry, door: Door | None, reader: Reader | None, zone: ZoneInfo) -> Iterator[Effect]:
    if is_once(entry):
        yield Used(used_key(entry))
    if door is None or reader is None:
        yield Let((asking.device, asking.point), "", asking.at)
        return
    yield Let((asking.device, asking.point), door.id, asking.at + timedelta(seconds=door.unlock_s))
    if reader.to:
        yield Went(holder_of(entry), reader.to)
    if door.first_card and entry.first_card:
        yield FirstCame(door.id, asking.at.astimezone(zone).date())


def _wrong(asking: Asking, state: DoorState, decision: Decision, rules: Rules) -> Verdict:
    """One more wrong one; the last that is borne locks the reader out for what is keyed or shown."""
    reader, limits = (asking.device, asking.point), rules.body
    if not limits.tries or _is_locked_out(asking, state):
        return Verdict(decision)
    if state.recent_tries(reader, asking.at, limits.tries_s) + 1 < limits.tries:
        return Verdict(decision, (Tried(reader, asking.at),))
    until = asking.at + timedelta(seconds=limits.lock_out_s)
    return Verdict(decision, (Tried(reader, asking.at, until),), ("lock_out",))


def used_key(entry: Entry) -> str:
    """By what it is remembered that an entry was used: the next visitor's may have the same id."""
    return entry.digest if isinstance(entry, Known) else entry.id


def holder_of(entry: Entry) -> str:
    """Whose place in the areas an entry moves."""
    return entry.holder or entry.id


def _is_locked_out(asking: Asking, state: DoorState) -> bool:
    until = state.locked_out.get((asking.device, asking.point))
    return until is not None and asking.at < until


def _is_open(door: Door, state: DoorState, at: datetime) -> bool:
    until = state.unlocked.get(door.id)
    return door.id in state.standing_open or (until is not None and at < until)


def _is_passed_back(entry: Entry, reader: Reader, state: DoorState) -> bool:
    """Whether the holder is somewhere else than where this reader leads from. Of whom nobody knows, it is not said."""
    area = state.areas.get(holder_of(entry))
    if area is None or not reader.to:
        return False
    return area != reader.from_ if reader.from_ else area == reader.to

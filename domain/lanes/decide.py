"""Whether a barrier opens for a car: a pure function of the lane, the read, who is known, who is inside and what was
paid. What is stale never opens; only the exact plate counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from domain.lanes.read import Read
from domain.lanes.register import Register, today_at
from domain.lanes.settings import Lane
from domain.lanes.stays import Stays
from domain.lanes.with_pass import to_pay
from domain.plates import classify, colors_agree
from domain.tariff import BadStay, LotTariff, NoPrice, counting
from domain.tariff.fee import Line

Action = Literal["open", "refuse", "pay", "ignore"]
Reason = Literal[
    "pass",
    "white_list",
    "temporary_list",
    "emergency",
    "ticket",  # a visitor, let in by the plate
    "free",  # nothing is due
    "paid",
    "not_charged",  # no tariff is in force here
    "unread_let",  # the plate was not read, and the lane lets such cars
    "button",
    "person",  # somebody opened it
    "due",
    "replay",
    "too_late",
    "turned_back",
    "wrong_way",
    "unread",
    "low_confidence",
    "suspect_fake",
    "black_list",
    "unknown_plate",
    "no_entry",  # nobody saw it come in
    "unpriced",  # the tariff has no price for the stay
]
Alarm = Literal["wrong_way", "plate_black_listed"]
_EMERGENCY = frozenset({"police", "armed_police", "emergency"})


class Paid(msgspec.Struct, frozen=True):
    """What was paid for the stay that began at ``entered_at``, and when."""

    plate: str
    entered_at: datetime
    fen: int
    at: datetime  # the fee was reckoned up to this moment


class Verdict(msgspec.Struct, frozen=True):
    """What is decided, and why. ``due_fen``: what is still to be paid; ``fee_fen``: what the stay costs in all."""

    action: Action
    reason: Reason
    alarms: tuple[Alarm, ...] = ()
    fee_fen: int | None = None
    due_fen: int | None = None
    tariff: str | None = None
    entered_at: datetime | None = None
    days_left: int | None = None  # of a pass
    lines: tuple[Line, ...] = ()  # the fee's explanation, for who stands there


class Known(msgspec.Struct, frozen=True):
    """All that a decision is made from beside the lane and the read."""

    register: Register
    stays: Stays
    lot: LotTariff | None = None
    paid: Callable[[str], Paid | None] = lambda _: None
    zone: ZoneInfo = ZoneInfo("Asia/Shanghai")


def decide(lane: Lane, read: Read, known: Known) -> Verdict:
    """What happens to the car."""
    found = _no_car(lane, read) or _no_plate(lane, read)
    if found is not None:
        return found
    alarms = _alarms(lane, read, known)
    verdict = _barred(lane, read, known) or _by_right(lane, read, known) or _visitor(lane, read, known)
    return msgspec.structs.replace(verdict, alarms=alarms)


def _no_car(lane: Lane, read: Read) -> Verdict | None:
    """What is no car that wants to pass here now."""
    if read.stale:
        return Verdict("ignore", "replay" if read.stale == "replay" else "too_late")
    if read.turned_back:
        return Verdict("ignore", "turned_back")
    if read.travel in lane.against:
        return Verdict("refuse", "wrong_way", ("wrong_way",))
    return None


def _no_plate(lane: Lane, read: Read) -> Verdict | None:
    """A reading that nobody may be let through by: a person or the button decides."""
    if not read.plate:
        return Verdict("open", "unread_let") if lane.unread == "open" else Verdict("refuse", "unread")
    if read.status == "suspect_fake":
        return Verdict("refuse", "suspect_fake")
    if read.confidence is not None and read.confidence < lane.least_confidence:
        return Verdict("refuse", "low_confidence")
    return None


def _alarms(lane: Lane, read: Read, known: Known) -> tuple[Alarm, ...]:
    is_black = lane.black == "refuse" and known.register.listed(read.plate, read.at) == "black"
    return ("plate_black_listed",) if is_black else ()


def _barred(lane: Lane, read: Read, known: Known) -> Verdict | None:
    if lane.black == "refuse" and known.register.listed(read.plate, read.at) == "black":
        return Verdict("refuse", "black_list")
    return None


def _by_right(lane: Lane, read: Read, known: Known) -> Verdict | None:
    """A car that need not ask."""
    if lane.emergency == "open" and _is_emergency(read):
        return Verdict("open", "emergency")
    entry, today = known.register.pass_of(read.plate), today_at(read.at, known.zone)
    if entry is not None and entry.holds_on(today) and _is_covered(lane, read, known):
        return Verdict("open", "pass", days_left=(entry.until - today).days)
    match known.register.listed(read.plate, read.at):
        case "white":
            return Verdict("open", "white_list")
        case "temporary":
            return Verdict("open", "temporary_list")
        case _:
            return None


def _is_covered(lane: Lane, read: Read, known: Known) -> bool:
    """Whether a pass is enough: to come in always; to leave where it covers the whole stay, or nothing is charged."""
    stay = known.stays.inside(read.plate) if lane.direction == "out" else None
    if stay is None or stay.entered_at is None or known.lot is None or known.lot.at(stay.entered_at) is None:
        return True
    if read.at < stay.entered_at:
        return True
    return not to_pay(read.plate, (stay.entered_at, read.at), known.register, known.stays, known.zone)


def _is_emergency(read: Read) -> bool:
    """By the grammar of the plate and its colour; a plate of another colour only looks like one."""
    found = classify(read.plate, read.color)
    return found is not None and found.plate_class in _EMERGENCY and colors_agree(read.color, "white")


def _visitor(lane: Lane, read: Read, known: Known) -> Verdict:
    if lane.direction == "in":
        return Verdict("open", "ticket") if lane.visitors == "ticket" else Verdict("refuse", "unknown_plate")
    return at_the_exit(lane, read, known)


def at_the_exit(lane: Lane, read: Read, known: Known) -> Verdict:
    """What a visitor owes: the fee as the book at the centre will have it, coupons taken off, less what was paid."""
    if known.lot is None:
        return Verdict("open", "not_charged")
    stay = known.stays.inside(read.plate)
    if stay is None or stay.entered_at is None:
        return Verdict("refuse", "no_entry")
    if known.lot.at(stay.entered_at) is None:
        return Verdict("open", "not_charged")
    color = stay.color if stay.color != "unknown" else read.color
    paid = _paid_for(read.plate, stay.entered_at, known)
    in_grace = paid is not None and paid.at <= read.at <= paid.at + timedelta(seconds=lane.paid_s)
    until = paid.at if paid is not None and in_grace else read.at
    earlier = known.stays.earlier(read.plate, stay.entered_at)
    entry = known.register.pass_of(read.plate)
    try:
        times = (stay.entered_at, until)
        parts = to_pay(read.plate, times, known.register, known.stays, known.zone)
        coupons = counting(known.register.coupons_of(read.plate, stay.entered_at), read.at)
        name = entry.name if entry else ""
        quote = known.lot.quote_parts(color, read.plate, times, earlier, parts, name, coupons)
    except (NoPrice, BadStay):
        return Verdict("refuse", "unpriced", entered_at=stay.entered_at)
    due = max(0, quote.fee_fen - (paid.fen if paid else 0))
    action, reason = _asked(due, paid)
    return Verdict(action, reason, (), quote.fee_fen, due, quote.version, stay.entered_at, lines=quote.lines)


def _asked(due_fen: int, paid: Paid | None) -> tuple[Action, Reason]:
    if due_fen:
        return "pay", "due"
    return "open", "paid" if paid else "free"


def _paid_for(plate: str, entered_at: datetime, known: Known) -> Paid | None:
    """A payment counts for the stay that it was asked for, and for no later one."""
    paid = known.paid(plate)
    return paid if paid is not None and paid.entered_at == entered_at else None

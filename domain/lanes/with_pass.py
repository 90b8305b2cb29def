"""What of a car's stay its pass covers, by what the gateway knows: the same functions as in the book."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.desired_bodies import Pass
from domain.lanes.register import Register
from domain.lanes.stays import Stays
from domain.tariff.passes import Interval, Right, Visit, billed, without_place


def right_of(entry: Pass, zone: ZoneInfo) -> Right:
    """From the first day's midnight to that after the last, or to when it was ended."""
    begins = datetime.combine(entry.from_, time(), zone) if entry.from_ else None
    ends = datetime.combine(entry.until + timedelta(days=1), time(), zone)
    if entry.ended is not None:
        ends = min(ends, entry.ended)
    return Right(begins, ends, entry.hours, entry.name)


def to_pay(plate: str, stay: Interval, register: Register, stays: Stays, zone: ZoneInfo) -> list[Interval]:
    """The stretches of a stay that a car without a pass would pay for."""
    entry = register.pass_of(plate)
    if entry is None:
        return [stay]
    shared, unplaced = register.place_of(entry), None
    if shared is not None:
        others = (visit for one in register.sharing(entry) for visit in stays.visits(one))
        own = Visit(*stay, plate)
        unplaced = without_place(shared.places, shared.beyond, own, (one for one in others if one.plate != plate))
    return billed(stay, right_of(entry, zone), unplaced, zone)

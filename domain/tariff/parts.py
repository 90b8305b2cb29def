"""A stay that two versions of a tariff share: each part by its own plan, free time by the one in force at the entry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from domain.tariff.fee import BadStay, Line, Quote, fee
from domain.tariff.plan import Free, Plan


class Part(NamedTuple):
    """A stretch of a stay, and the plan it is billed by."""

    plan: Plan
    start: datetime
    end: datetime


def fee_of_parts(parts: Sequence[Part]) -> Quote:
    """The fee of a stay cut between plans. Raises BadStay, NoPrice.

    Free time is had once: where the whole stay is within that of its first plan it costs nothing; else the first part
    is billed as the beginning of the longer stay that it is, and later parts have no free time of their own.
    """
    first = parts[0]
    if any(part.plan.looks_back for part in parts):
        raise BadStay("a plan with a window cap or free time limited per day cannot be split: bill by the entry")
    whole = fee(_free_alone(first.plan), first.start, parts[-1].end)
    if first.plan.free is not None and all(line.rule == "free time" for line in whole.lines):
        return msgspec.structs.replace(whole, version=first.plan.version)
    begun = fee(first.plan, first.start, first.end, lasts_until=parts[-1].end)
    lines = [*begun.lines]
    for part in parts[1:]:
        lines += _later(part, _deducted_until(first))
    return Quote(sum(line.fen for line in lines), tuple(lines), first.plan.version)


def _deducted_until(first: Part) -> datetime:
    """Until when the free time runs that is deducted from the stay; its beginning where none is."""
    free = first.plan.free
    is_deducted = free is not None and free.mode == "deduct"
    return first.start + timedelta(minutes=free.minutes) if free is not None and is_deducted else first.start


def _later(part: Part, free_until: datetime) -> list[Line]:
    """A part's lines, begun with one that says by which version."""
    zone, begin = ZoneInfo(part.plan.timezone), min(max(part.start, free_until), part.end)
    at = part.start.astimezone(zone)
    lines = [Line(at, at, f"from here on by version {part.plan.version[:12]}", 0, 0)]
    if begin > part.start:
        lines.append(Line(at, begin.astimezone(zone), "free time", 0, 0))
    if begin < part.end:
        lines += fee(msgspec.structs.replace(part.plan, free=None), begin, part.end).lines
    return lines


def _free_alone(plan: Plan) -> Plan:
    return msgspec.structs.replace(plan, charge=Free(), full_cycle_fen=None)

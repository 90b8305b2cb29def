"""What a day's events would have fired under a draft, beside what they fire under the rules in force: bounded, and said
where it was cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Literal

import msgspec
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.rehearsal import Rehearsal, would_have_fired
from domain.alerts.rules import Fact as Known
from domain.alerts.rules import Rules
from domain.alerts.words import Alert, lateness
from domain.days import day_number
from domain.events import Event, is_unsure
from domain.places import Place
from domain.sketch import Sketch
from domain.wire import BadBatch
from eventlog.log import Record
from server.batches import Batch
from server.cells.catalogue import voice_of
from server.store.engine import Database
from server.store.schema import batch, batch_day, gateway, mark

MOST_EVENTS = 60_000  # what a complex says on its worst day
MOST_TIME = timedelta(seconds=5)
MOST_SHOWN = 200
_BATCHES = 40
_EPOCH = date(1970, 1, 1)

What = Literal["new", "gone", "changed", "same"]
_ORDER: tuple[What, ...] = ("new", "gone", "changed", "same")
Told = tuple[Event, Known]


class Line(msgspec.Struct, frozen=True):
    """A fact that is an alert under one of the two, or both."""

    what: What
    now: Alert | None
    draft: Alert | None

    @property
    def alert(self) -> Alert:
        found = self.draft or self.now
        if found is None:
            raise ValueError("a line without an alert")
        return found


class Preview(msgspec.Struct, frozen=True):
    """Both lists and their difference. ``looked`` of the day's ``events`` were looked at; ``shown`` lines are here."""

    day: date
    events: int
    looked: int
    now: dict[str, int]  # rule -> how often it fired
    draft: dict[str, int]
    matters_now: int
    matters_draft: int
    counts: dict[What, int]
    lines: tuple[Line, ...]

    @property
    def is_cut(self) -> bool:
        return self.looked < self.events

    @property
    def rules(self) -> list[tuple[str, int, int]]:
        """Each rule with how often it fired now and by the draft, what differs most first."""
        names = {*self.now, *self.draft}
        counted = [(name, self.now.get(name, 0), self.draft.get(name, 0)) for name in names]
        return sorted(counted, key=lambda one: (-abs(one[2] - one[1]), -one[1], one[0]))

    @property
    def lines_left_out(self) -> int:
        return sum(self.counts.values()) - len(self.lines)


class Asked(msgspec.Struct, frozen=True):
    """Of which complex and day, under which rules."""

    complex: str
    place: Place
    day: date
    now: Rules
    draft: Rules


async def preview(db: Database, asked: Asked, clock: Callable[[], datetime]) -> Preview:
    """Reads the day's batches from the log, in their order, until the day, the events or the time are at their end."""
    until, told, looked = clock() + MOST_TIME, list[Told](), 0
    async with db.read() as connection:
        counted = await _counted(connection, asked)
    events = sum(count for _, count in counted)
    for start in range(0, len(counted), _BATCHES):
        some = _within(counted[start : start + _BATCHES], MOST_EVENTS - looked)
        if not some or clock() >= until:
            break
        async with db.read() as connection:
            records = await _records(connection, [position for position, _ in some])
        batches = await asyncio.to_thread(_unpacked, records)
        told += await asyncio.to_thread(_told, batches, asked)
        read = {one.position for one in batches}
        looked += sum(count for position, count in some if position in read)
    return await asyncio.to_thread(_compared, asked, told, events, looked)


def _within(counted: Sequence[tuple[int, int]], left: int) -> list[tuple[int, int]]:
    """The first batches that hold no more events than that."""
    kept: list[tuple[int, int]] = []
    for position, count in counted:
        left -= count
        if left < 0:
            break
        kept.append((position, count))
    return kept


async def _counted(connection: AsyncConnection, asked: Asked) -> list[tuple[int, int]]:
    """The batches with events recorded on that day, by position, and how many."""
    here, day = asked.complex, (asked.day - _EPOCH).days
    its = select(gateway.c.id).where(gateway.c.complex == here)
    stream = (mark.c.gateway == batch_day.c.gateway, mark.c.stream == batch_day.c.stream)
    stream = (*stream, mark.c.epoch == batch_day.c.epoch)
    query = select(batch_day.c.position, func.sum(batch_day.c["count"])).select_from(mark)
    query = query.join(batch_day, stream[0] & stream[1] & stream[2])
    query = query.where(or_(mark.c.gateway.in_(its), mark.c.gateway == voice_of(here)), batch_day.c.day == day)
    query = query.where(batch_day.c.position > 0).group_by(batch_day.c.position).order_by(batch_day.c.position)
    return [(position, int(count)) for position, count in (await connection.execute(query)).all()]


async def _records(connection: AsyncConnection, positions: Sequence[int]) -> list[Record]:
    columns = (batch.c.position, batch.c.body, batch.c.complex, batch.c.received_at)
    query = select(*columns).where(batch.c.position.in_(positions)).order_by(batch.c.position)
    return [Record(*row) for row in (await connection.execute(query)).all()]


def _unpacked(records: Sequence[Record]) -> list[Batch]:
    """Those that can be read; a damaged one counts as not looked at, until it is mended."""
    found: list[Batch] = []
    for record in records:
        with suppress(BadBatch):
            found.append(Batch(record))
    return found


def _told(batches: Sequence[Batch], asked: Asked) -> list[Told]:
    """What may be an alert under either, of that day."""

    def is_wanted(sketch: Sketch) -> bool:
        return asked.now.may_fire(sketch) or asked.draft.may_fire(sketch)

    zone, wanted = asked.place.zone, (asked.day - _EPOCH).days
    found: list[Told] = []
    for one in batches:
        for fact in one.facts_where(is_wanted):
            event = fact.event
            if fact.complex == asked.complex and day_number(event.recorded_at or fact.received_at, zone) == wanted:
                late = lateness(event.occurred_at, fact.received_at, unsure=is_unsure(event))
                found.append((event, Known(fact.id, fact.complex, late, fact.gateway)))
    return found


def _compared(asked: Asked, told: Sequence[Told], events: int, looked: int) -> Preview:
    now = would_have_fired(asked.now, told, asked.place)
    draft = would_have_fired(asked.draft, told, asked.place)
    lines = _lines(now, draft)
    counts: dict[What, int] = {what: sum(line.what == what for line in lines) for what in _ORDER}
    matters = {"matters_now": len(now.incidents), "matters_draft": len(draft.incidents)}
    kept = tuple(lines[:MOST_SHOWN])
    return Preview(asked.day, events, looked, now.by_rule, draft.by_rule, counts=counts, lines=kept, **matters)


def _lines(now: Rehearsal, draft: Rehearsal) -> list[Line]:
    """What differs first; within that, as it happened."""
    old = {alert.fact: alert for alert in now.alerts}
    new = {alert.fact: alert for alert in draft.alerts}
    lines = [Line(_what(old.get(fact), new.get(fact)), old.get(fact), new.get(fact)) for fact in {**old, **new}]
    return sorted(lines, key=lambda line: (_ORDER.index(line.what), line.alert.occurred_at, line.alert.id))


def _what(now: Alert | None, draft: Alert | None) -> What:
    if now is None or draft is None:
        return "new" if now is None else "gone"
    alike = (now.rule, now.severity, now.category) == (draft.rule, draft.severity, draft.category)
    return "same" if alike else "changed"

"""Statements on care: who asked for it, the latest movement, up to when everything was heard, visits, results."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Select, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.care.watch import State, Terms, Watch, due_at, state
from server.store.care_tables import care_task, care_watch
from server.store.engine import stamp
from server.store.resident_tables import credential, household
from server.store.schema import batch, complex_, cursor, device_state, gateway, mark
from server.store.scope import Scope, within
from server.store.upsert import insert

MOST_SHOWN, MOST_TASKS, MOST_WORDS = 500, 50, 500
RESULTS = ("well", "helped", "away", "hospital", "nobody", "other")
_ON_THE_WAY = timedelta(seconds=30)  # so long before it came a hello may have been written
_STREAMS = ("urgent", "routine")  # in which doors and cards travel


class WatchView(msgspec.Struct, frozen=True):
    """A household that is looked after, for those who do."""

    complex: str
    complex_name: str
    timezone: str
    id: str
    household: str
    building: str
    unit: str
    room: str
    consent_by: str
    consented_at: datetime
    until: datetime
    hours: int
    quiet_from: str
    quiet_to: str
    device: str
    point: str
    counts_from: datetime
    moved_at: datetime | None
    heard_at: datetime | None
    off_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    made_at: datetime
    made_by: str
    open_task: str | None = None

    @property
    def watch(self) -> Watch:
        terms = Terms(self.hours, self.quiet_from, self.quiet_to)
        is_off = self.off_at is not None or self.ended_at is not None
        return Watch(terms, self.counts_from, self.until, self.moved_at, self.heard_at, is_off)

    def state(self, now: datetime) -> State:
        return "over" if self.ended_at is not None else state(self.watch, ZoneInfo(self.timezone), now)

    @property
    def due_at(self) -> datetime:
        """When a visit comes of it if nothing moves."""
        return due_at(self.watch.terms, self.watch.since, ZoneInfo(self.timezone))


class TaskView(msgspec.Struct, frozen=True):
    """A visit: since when nothing moved, and what came of it."""

    complex: str
    id: str
    watch: str
    since: datetime
    due_at: datetime
    opened_at: datetime
    alert: str
    said_at: datetime | None
    result: str | None
    words: str | None
    done_at: datetime | None
    done_by: str | None


def digest_of(token: str) -> str:
    """As a family's link is kept."""
    return hashlib.sha256(f"gatehouse care:{token}".encode()).hexdigest()


def _views() -> Select[Any]:
    home = [household.c[name] for name in ("building", "unit", "room")]
    of = and_(care_task.c.complex == care_watch.c.complex, care_task.c.watch == care_watch.c.id)
    opened = select(func.max(care_task.c.id)).where(of, care_task.c.done_at.is_(None)).scalar_subquery()
    named = (complex_.c.name.label("complex_name"), complex_.c.timezone, opened.label("open_task"))
    query = select(care_watch, *home, *named).join(complex_, complex_.c.id == care_watch.c.complex)
    return query.join(household, household.c.id == care_watch.c.household)


async def views(connection: AsyncConnection, scope: Scope) -> list[WatchView]:
    """Those that go on first, then what ended lately."""
    query = _views().where(within(care_watch.c.complex, scope))
    order = (care_watch.c.ended_at.is_not(None), care_watch.c.ended_at.desc(), care_watch.c.made_at, care_watch.c.id)
    rows = await connection.execute(query.order_by(*order).limit(MOST_SHOWN))
    return [msgspec.convert(row, WatchView) for row in rows.mappings()]


async def view(connection: AsyncConnection, scope: Scope, identity: str) -> WatchView | None:
    query = _views().where(care_watch.c.id == identity, within(care_watch.c.complex, scope))
    return await _first(connection, query)


async def by_token(connection: AsyncConnection, token: str) -> WatchView | None:
    """The family's, unless it has ended."""
    query = _views().where(care_watch.c.digest == digest_of(token), care_watch.c.ended_at.is_(None))
    return await _first(connection, query)


async def _first(connection: AsyncConnection, query: Select[Any]) -> WatchView | None:
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else msgspec.convert(row, WatchView)


async def active(connection: AsyncConnection, complex_id: str = "") -> list[WatchView]:
    """All that have not ended, of every complex or of one."""
    query = _views().where(care_watch.c.ended_at.is_(None))
    rows = await connection.execute(query.where(care_watch.c.complex == complex_id) if complex_id else query)
    return [msgspec.convert(row, WatchView) for row in rows.mappings()]


async def complexes(connection: AsyncConnection) -> list[str]:
    """Those in which somebody is looked after."""
    query = select(care_watch.c.complex).distinct().where(care_watch.c.ended_at.is_(None))
    return list((await connection.execute(query.order_by(care_watch.c.complex))).scalars())


async def home_of(connection: AsyncConnection, complex_id: str, building: str, unit: str, room: str) -> str | None:
    """The household of an address."""
    where = {"complex": complex_id, "building": building, "unit": unit, "room": room}
    query = select(household.c.id).where(*(household.c[name] == text for name, text in where.items()))
    return (await connection.execute(query)).scalar()


async def is_watched(connection: AsyncConnection, complex_id: str, home: str) -> bool:
    here = (care_watch.c.complex == complex_id, care_watch.c.household == home, care_watch.c.ended_at.is_(None))
    return (await connection.execute(select(care_watch.c.id).where(*here))).first() is not None


async def add(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    await connection.execute(care_watch.insert().values(**values))


async def set_off(connection: AsyncConnection, one: WatchView, now: datetime, *, is_off: bool) -> bool:
    """Whether it was otherwise. Off: the latest movement is forgotten; on: hours begin anew."""
    here = (care_watch.c.complex == one.complex, care_watch.c.id == one.id, care_watch.c.ended_at.is_(None))
    was = care_watch.c.off_at.is_(None) if is_off else care_watch.c.off_at.is_not(None)
    values = {"off_at": stamp(now) if is_off else None, "moved_at": None, "counts_from": stamp(now)}
    return (await connection.execute(update(care_watch).where(*here, was).values(**values))).rowcount == 1


async def end(connection: AsyncConnection, complex_id: str, identity: str, by: str, now: datetime) -> bool:
    """For good: what was known of movements goes with it. Whether it went on until now."""
    here = (care_watch.c.complex == complex_id, care_watch.c.id == identity, care_watch.c.ended_at.is_(None))
    values = {"ended_at": stamp(now), "ended_by": by, "moved_at": None, "heard_at": None}
    return (await connection.execute(update(care_watch).where(*here).values(**values))).rowcount == 1


class Watched(msgspec.Struct, frozen=True):
    """By what a movement of a household is known: its own door, or entries and numbers of its cards."""

    complex: str
    id: str
    device: str
    point: str
    entries: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()


async def watched_in(connection: AsyncConnection, complexes: Collection[str]) -> list[Watched]:
    """Those of these complexes that are on."""
    on = (care_watch.c.complex.in_(sorted(complexes)), care_watch.c.ended_at.is_(None), care_watch.c.off_at.is_(None))
    names = ("complex", "id", "device", "point", "household")
    rows = (await connection.execute(select(*(care_watch.c[name] for name in names)).where(*on))).mappings().all()
    cards = await _cards(connection, {row["household"] for row in rows if not row["device"]})
    found: list[Watched] = []
    for row in rows:
        entries, numbers = cards.get(row["household"], (frozenset[str](), frozenset[str]()))
        found.append(Watched(row["complex"], row["id"], row["device"], row["point"], entries, numbers))
    return found


async def _cards(
    connection: AsyncConnection, homes: Collection[str]
) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """By household, its own credentials: no visitor's code."""
    names = ("household", "id", "canonical")
    query = select(*(credential.c[name] for name in names)).where(credential.c.household.in_(sorted(homes)))
    of: dict[str, tuple[set[str], set[str]]] = {}
    for row in await connection.execute(query.where(credential.c.link.is_(None))):
        entries, numbers = of.setdefault(row.household, (set(), set()))
        entries.add(row.id)
        numbers |= {row.canonical} if row.canonical else set()
    return {home: (frozenset(entries), frozenset(numbers)) for home, (entries, numbers) in of.items()}


async def moved(connection: AsyncConnection, at: Mapping[tuple[str, str], datetime]) -> None:
    """The latest movement stands, whichever comes last."""
    for (complex_id, identity), time in sorted(at.items()):
        later = or_(care_watch.c.moved_at.is_(None), care_watch.c.moved_at < stamp(time))
        on = (care_watch.c.complex == complex_id, care_watch.c.id == identity)
        on = (*on, care_watch.c.ended_at.is_(None), care_watch.c.off_at.is_(None))
        await connection.execute(update(care_watch).where(*on, later).values(moved_at=stamp(time)))


async def told_until(connection: AsyncConnection, complex_id: str) -> datetime | None:
    """Up to when everything that gateways of a complex had recorded is in the log, by their last word; None where one
    has said nothing yet, or has something left."""
    mine = (gateway.c.complex == complex_id, gateway.c.replaced_at.is_(None))
    rows = (await connection.execute(select(gateway.c.id, gateway.c.last_seen_at, gateway.c.status).where(*mine))).all()
    if not rows or any(row.last_seen_at is None for row in rows):
        return None
    marks = await _marks(connection, [row.id for row in rows])
    if any(_has_more(row.id, row.status, marks) for row in rows):
        return None
    return min(datetime.fromisoformat(row.last_seen_at) for row in rows) - _ON_THE_WAY


async def _marks(connection: AsyncConnection, gateways: Iterable[str]) -> dict[tuple[str, str, str], int]:
    query = select(mark).where(mark.c.gateway.in_(sorted(gateways)), mark.c.stream.in_(_STREAMS))
    rows = await connection.execute(query)
    return {(row.gateway, row.stream, row.epoch): row.last for row in rows}


class _Stream(msgspec.Struct):
    epoch: str
    head: int


class _Said(msgspec.Struct):
    """What a gateway's hello says of its log."""

    streams: dict[str, _Stream]


def _has_more(identity: str, status: Any, marks: Mapping[tuple[str, str, str], int]) -> bool:
    """Whether a gateway said that it holds records which are not here; one that says nothing of a stream may."""
    try:
        streams = msgspec.convert(status, _Said).streams
    except msgspec.ValidationError:
        return True
    if not set(_STREAMS) <= set(streams):
        return True
    return any(marks.get((identity, name, streams[name].epoch), 0) < streams[name].head for name in _STREAMS)


async def newest_position(connection: AsyncConnection, shard: str) -> int:
    """Of a shard's batches; 0 where there is none."""
    query = select(func.max(batch.c.position)).where(batch.c.shard == int(shard))
    return (await connection.execute(query)).scalar() or 0


async def read_until(connection: AsyncConnection, reader: str, shard: str) -> int:
    query = select(cursor.c.position).where(cursor.c.reader == reader, cursor.c.shard == shard)
    return (await connection.execute(query)).scalar() or 0


async def heard(connection: AsyncConnection, complex_id: str, at: datetime) -> None:
    """Nothing until then is still to come, but for a door that is itself away."""
    away = select(device_state.c.device).where(
        device_state.c.complex == complex_id, device_state.c.kind == "availability", device_state.c.state == "offline"
    )
    later = or_(care_watch.c.heard_at.is_(None), care_watch.c.heard_at < stamp(at))
    on = (care_watch.c.complex == complex_id, care_watch.c.ended_at.is_(None), care_watch.c.device.not_in(away))
    await connection.execute(update(care_watch).where(*on, later).values(heard_at=stamp(at)))


async def open_task(connection: AsyncConnection, values: Mapping[str, Any]) -> bool:
    """Whether it is new: a visit is named by its household and since when nothing moved."""
    adding = insert(care_task).values(**values)
    done = await connection.execute(adding.on_conflict_do_nothing(index_elements=["complex", "id"]))
    return done.rowcount == 1


async def unsaid(connection: AsyncConnection) -> list[TaskView]:
    """Visits of which the log does not know yet."""
    query = select(care_task).where(care_task.c.said_at.is_(None), care_task.c.done_at.is_(None))
    rows = await connection.execute(query.order_by(care_task.c.opened_at).limit(MOST_SHOWN))
    return [msgspec.convert(row, TaskView) for row in rows.mappings()]


async def said(connection: AsyncConnection, one: TaskView, now: datetime) -> None:
    here = (care_task.c.complex == one.complex, care_task.c.id == one.id)
    await connection.execute(update(care_task).where(*here).values(said_at=stamp(now)))


async def tasks_of(connection: AsyncConnection, complex_id: str, watch: str) -> list[TaskView]:
    """The newest first."""
    query = select(care_task).where(care_task.c.complex == complex_id, care_task.c.watch == watch)
    rows = await connection.execute(query.order_by(care_task.c.opened_at.desc()).limit(MOST_TASKS))
    return [msgspec.convert(row, TaskView) for row in rows.mappings()]


async def task(connection: AsyncConnection, scope: Scope, identity: str) -> TaskView | None:
    query = select(care_task).where(care_task.c.id == identity, within(care_task.c.complex, scope))
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else msgspec.convert(row, TaskView)


async def done(connection: AsyncConnection, one: TaskView, result: str, words: str, by: str, now: datetime) -> bool:
    """Whether it was open. Its household's hours begin anew."""
    here = (care_task.c.complex == one.complex, care_task.c.id == one.id, care_task.c.done_at.is_(None))
    values = {"result": result, "words": words, "done_at": stamp(now), "done_by": by}
    if (await connection.execute(update(care_task).where(*here).values(**values))).rowcount != 1:
        return False
    its = (care_watch.c.complex == one.complex, care_watch.c.id == one.watch, care_watch.c.counts_from < stamp(now))
    await connection.execute(update(care_watch).where(*its).values(counts_from=stamp(now)))
    return True

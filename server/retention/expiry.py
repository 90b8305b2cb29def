"""Lets go of what is past its term: a few batches a transaction, so that a kill between them costs nothing."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.places import Place
from domain.retention import STREAMS_OF, Class, Judge, Terms
from domain.subjects import forms_in_encoded
from domain.tombstones import TOMBSTONE, tombstone
from domain.wire import BadBatch
from eventlog.log import Record
from eventlog.shards import SHARD_NAMES
from server.batches import Batch
from server.facts import Fact
from server.retention import holds
from server.retention.letting_go import Change, apply, remove_unread
from server.retention.unfold import alerted
from server.store.engine import Database, stamp
from server.store.retention_tables import expired, retention_cursor, withheld
from server.store.schema import alert, cursor
from server.store.schema import batch as batch_table
from server.store.upsert import insert

log = structlog.get_logger()

READERS = ("alerts", "doors", "parking", "conservation", "orders", "pictures", "detections", "charges")
_BATCHES = 8  # a step: some thousands of events, a fraction of a second


class Expiry:
    """One round goes over everything that has become due since the last."""

    def __init__(
        self,
        db: Database,
        terms: Terms,
        places: Mapping[str, Place],
        now: Callable[[], datetime],
        at_once: int = _BATCHES,
    ) -> None:
        self._db, self._terms, self._places, self._now, self._at_once = db, terms, places, now, at_once

    async def round(self, progress: Callable[[], None] = lambda: None) -> Counter[str]:
        """Let go of every record that is due; what went, in numbers."""
        went = Counter[str]()
        for shard in SHARD_NAMES:
            await self._again(shard, went, progress)
            for _, classes in self._terms.by_length():
                await self._class(shard, classes, went, progress)
        return +went

    async def _class(
        self, shard: str, classes: Sequence[Class], went: Counter[str], progress: Callable[[], None]
    ) -> None:
        """The batches of a shard in which something of these classes has come to its term."""
        while True:
            began = time.monotonic()
            found = await self._step(shard, classes)
            if found is None:
                return
            went += found
            progress()
            await asyncio.sleep(min(1.0, time.monotonic() - began))  # as long as others had to wait

    async def _step(self, shard: str, classes: Sequence[Class]) -> Counter[str] | None:
        """The next few batches; None where there are no more."""
        async with self._db.write(shard=shard) as connection:
            after, through = await _at(connection, shard, classes[0]), await _folded(connection, shard)
            streams = {stream for name in classes for stream in STREAMS_OF[name]}
            due = (
                batch_table.c.shard == int(shard),
                batch_table.c.position > after,
                batch_table.c.position <= through,
                batch_table.c.stream.in_(sorted(streams)),
                batch_table.c.received_at < stamp(self._terms.cutoff(classes[0], self._now())),
            )
            records = await _records(connection, due, self._at_once)
            if not records:
                return None
            went = await self._let_go(connection, shard, records)
            for name in classes:
                await _move(connection, shard, name, records[-1].position)
        return went

    async def _again(self, shard: str, went: Counter[str], progress: Callable[[], None]) -> None:
        """Batches that a hold kept: the hold may be over."""
        after = 0
        while True:
            async with self._db.write(shard=shard) as connection:
                kept = select(withheld.c.position).where(withheld.c.shard == shard, withheld.c.position > after)
                positions = (
                    await connection.execute(kept.order_by(withheld.c.position).limit(self._at_once))
                ).scalars()
                asked = list(positions)
                if not asked:
                    return
                await connection.execute(delete(withheld).where(withheld.c.position.in_(asked)))
                records = await _records(connection, (batch_table.c.position.in_(asked),), self._at_once)
                went += await self._let_go(connection, shard, records)
            after = asked[-1]
            progress()

    async def _let_go(self, connection: AsyncConnection, shard: str, records: Sequence[Record]) -> Counter[str]:
        in_force = await holds.that_keep(connection, self._now())
        by_class: dict[Class, Counter[str]] = {}
        changes: list[Change] = []
        for record in records:
            try:
                looked = await _Look.at(connection, record)
            except BadBatch as error:
                await self._damaged(connection, record, error)
                continue
            due = looked.due(Judge(self._terms, self._places.get(record.complex, Place()), self._now()))
            held = {index for index in due if in_force and looked.is_held(index, in_force)}
            if held:
                await connection.execute(
                    insert(withheld).values(position=record.position, shard=shard).on_conflict_do_nothing()
                )
            change = looked.change({index: name for index, name in due.items() if index not in held})
            if change is not None:
                changes.append(change)
                for index, name in due.items():
                    by_class.setdefault(name, Counter())["records"] += index not in held
        went = await apply(connection, changes)
        await self._count(connection, by_class, went)
        return went

    async def _damaged(self, connection: AsyncConnection, record: Record, error: BadBatch) -> None:
        """What cannot be read cannot be judged: it waits for its gateway to send it again, and goes with the alarms."""
        log.warning("batch_not_judged", position=record.position, error=str(error))
        if record.received_at < stamp(self._terms.cutoff("alarm", self._now())):
            await remove_unread(connection, record.position)

    async def _count(
        self, connection: AsyncConnection, by_class: Mapping[Class, Counter[str]], went: Counter[str]
    ) -> None:
        day = self._now().date().isoformat()
        for name, counts in by_class.items():
            await count(connection, day, name, counts)
        rest = Counter({what: number for what, number in went.items() if what not in ("records", "doors")})
        await count(connection, day, "derived", rest)


class _Look:
    """A record unpacked, with what must be known to judge it."""

    def __init__(self, record: Record, batch: Batch, alerts: Mapping[int, list[str]], shown: set[str]) -> None:
        self.record, self.batch, self._alerts, self._shown = record, batch, alerts, shown
        self.facts: list[Fact] = batch.facts()

    @classmethod
    async def at(cls, connection: AsyncConnection, record: Record) -> _Look:
        batch = Batch(record)
        names = {media.sha256 for fact in batch.facts() for media in fact.event.media if media.sha256}
        query = select(alert.c.picture).where(alert.c.complex == record.complex, alert.c.picture.in_(sorted(names)))
        shown = set((await connection.execute(query)).scalars()) if names else set[str]()
        return cls(record, batch, await alerted(connection, batch.facts()), shown)

    def due(self, judge: Judge) -> dict[int, Class]:
        found: dict[int, Class] = {}
        for index, fact in enumerate(self.facts):
            name = judge.due(fact.event, fact.received_at, self._shown, is_alarm=index in self._alerts)
            if name is not None:
                found[index] = name
        return found

    def is_held(self, index: int, in_force: Sequence[Any]) -> bool:
        fact = self.facts[index]
        names = (
            forms_in_encoded(self.batch.bodies[index]) if any(hold.names_somebody for hold in in_force) else set[str]()
        )
        at, device = fact.event.occurred_at, fact.event.device
        return any(hold.holds(fact.complex, device, at, names) for hold in in_force)

    def change(self, due: Mapping[int, Class]) -> Change | None:
        if not due:
            return None
        bodies = self.batch.bodies
        left = [fact for index, fact in enumerate(self.facts) if index not in due and fact.event.kind != TOMBSTONE]
        changed = {index: tombstone(bodies[index], "expired") for index in due}
        return Change(self.record, self.batch, bodies, changed, [self.facts[index] for index in due], is_whole=not left)


async def count(connection: AsyncConnection, day: str, name: str, counts: Mapping[str, int]) -> None:
    """Add to what went on a day."""
    for what, number in counts.items():
        statement = insert(expired).values({"day": day, "class": name, "what": what, "count": number})
        added = {"count": expired.c["count"] + statement.excluded["count"]}
        await connection.execute(statement.on_conflict_do_update(index_elements=["day", "class", "what"], set_=added))


async def _records(connection: AsyncConnection, where: Sequence[Any], limit: int) -> list[Record]:
    columns = (batch_table.c.position, batch_table.c.body, batch_table.c.complex, batch_table.c.received_at)
    query = select(*columns).where(*where).order_by(batch_table.c.position).limit(limit)
    return [Record(row[0], row[1], row[2], row[3]) for row in await connection.execute(query)]


async def _at(connection: AsyncConnection, shard: str, name: Class) -> int:
    same = (retention_cursor.c["class"] == name, retention_cursor.c.shard == shard)
    return (await connection.execute(select(retention_cursor.c.position).where(*same))).scalar() or 0


async def _move(connection: AsyncConnection, shard: str, name: Class, position: int) -> None:
    statement = insert(retention_cursor).values({"class": name, "shard": shard, "position": position})
    moved = {"position": statement.excluded.position}
    await connection.execute(statement.on_conflict_do_update(index_elements=["class", "shard"], set_=moved))


async def _folded(connection: AsyncConnection, shard: str) -> int:
    """Up to where every projection and the book have read: what one of them has not seen stays until it has."""
    same = (cursor.c.shard == shard, cursor.c.reader.in_(READERS))
    query = select(func.count(), func.min(cursor.c.position)).where(*same)
    readers, position = (await connection.execute(query)).one()
    return (position or 0) if readers == len(READERS) else 0

"""Makes tombstones of the records in the log that name one plate, card or person."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.retention import Hold
from domain.subjects import Subject
from domain.tombstones import TOMBSTONE, tombstone, without_pictures
from domain.wire import BadBatch
from eventlog.log import Record
from eventlog.shards import shard_of
from server.batches import Batch
from server.retention import erasures, holds, search, told
from server.retention.letting_go import Change, apply
from server.store.engine import Database
from server.store.schema import batch as batch_table

_BATCHES = 20
_Pictures = dict[str, set[str]]  # complex -> names of pictures of records that go


class LogEraser:
    """May pass over the log more than once; counts what went in all of them."""

    def __init__(self, db: Database, identity: str, subject: Subject, progress: Callable[[str], None]) -> None:
        self._db, self._identity, self._subject, self._progress = db, identity, subject, progress
        self._in_force: Sequence[Hold] = ()
        self.went = Counter[str]()
        self.sent: defaultdict[str, list[str]] = defaultdict(list)  # feed -> events it had been sent
        self.held = 0  # records that a legal hold keeps, in the last pass

    async def erase(self, scope: Collection[str], now: datetime) -> None:
        """One pass. ``scope``: in these complexes; none: in every one."""
        async with self._db.read() as connection:
            self._in_force = await holds.that_keep(connection, now)
        pictures = await self._named(scope)
        async with self._db.write() as connection:
            names = {name for found in pictures.values() for name in found}
            await erasures.note_pictures(connection, self._identity, names)
        of_shards: defaultdict[str, _Pictures] = defaultdict(dict)
        for complex_id, found in pictures.items():
            of_shards[shard_of(complex_id)][complex_id] = found
        for shard, of_shard in of_shards.items():
            await self._rewrite(shard, of_shard)

    async def _named(self, scope: Collection[str]) -> _Pictures:
        """The complexes with records that must go, and what those records show."""
        pictures, self.held = defaultdict[str, set[str]](set), 0
        async for seen in search.events(self._db, self._subject, scope, lambda: self._progress("reading the log")):
            if erasures.is_held(self._in_force, seen.fact.complex, seen.body):
                self.held += 1
                continue
            pictures[seen.fact.complex] |= {media.sha256 for media in seen.fact.event.media if media.sha256}
        return pictures

    async def _rewrite(self, shard: str, pictures: _Pictures) -> None:
        """A few batches in a transaction, until the end of the shard."""
        after: int | None = 0
        while after is not None:
            async with self._db.write(shard=shard) as connection:
                after = await self._rewrite_some(connection, shard, pictures, after)
            self._progress("rewriting batches")

    async def _rewrite_some(
        self, connection: AsyncConnection, shard: str, pictures: _Pictures, after: int
    ) -> int | None:
        """The position of the last batch that was looked at; None where there was none."""
        records = await _records(connection, shard, list(pictures), after)
        for complex_id, names in pictures.items():
            of = [record for record in records if record.complex == complex_id]
            changes = [change for record in of if (change := self._change(record, names))]
            if changes:
                await self._apply(connection, changes, names)
        return records[-1].position if records else None

    async def _apply(self, connection: AsyncConnection, changes: Sequence[Change], names: set[str]) -> None:
        self.went += await apply(connection, changes, names)
        gone = [fact.id for change in changes for fact in change.gone]
        for feed, ids in (await told.sent_to(connection, gone)).items():
            self.sent[feed].extend(ids)

    def _change(self, record: Record, names: Collection[str]) -> Change | None:
        """What becomes of a batch: who is named goes, and the pictures of whom are named nowhere any more."""
        try:
            batch = Batch(record)
        except BadBatch:
            return None
        named = search.indexes_of(batch.bodies, self._subject.form)
        kept = {i for i in named if erasures.is_held(self._in_force, record.complex, batch.bodies[i])}
        return change_of(record, batch, {i for i in named if i not in kept}, names, kept)


async def _records(connection: AsyncConnection, shard: str, complexes: Sequence[str], after: int) -> list[Record]:
    columns = (batch_table.c.position, batch_table.c.body, batch_table.c.complex, batch_table.c.received_at)
    query = select(*columns).where(
        batch_table.c.shard == int(shard), batch_table.c.complex.in_(complexes), batch_table.c.position > after
    )
    rows = (await connection.execute(query.order_by(batch_table.c.position).limit(_BATCHES))).all()
    return [Record(row[0], row[1], row[2], row[3]) for row in rows]


def change_of(
    record: Record, batch: Batch, gone: Collection[int], names: Collection[str], kept: Collection[int] = ()
) -> Change | None:
    """The change that makes tombstones of ``gone`` and takes pictures out of the rest."""
    facts, changed = batch.facts(), dict[int, bytes]()
    for index, body in enumerate(batch.bodies):
        if index in gone and facts[index].event.kind != TOMBSTONE:
            changed[index] = tombstone(body, "erased")
        elif index not in kept and (less := without_pictures(body, names)) is not body:
            changed[index] = less
    if not changed:
        return None
    return Change(record, batch, batch.bodies, changed, [facts[index] for index in changed if index in gone])

"""Erases one plate, card or person: from the log, from all that was derived, from what lies beside it; then looks."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.retention import Hold
from domain.subjects import Subject, key_of
from domain.tombstones import TOMBSTONE, tombstone, without_pictures
from domain.wire import BadBatch
from eventlog.log import Record
from eventlog.shards import SHARD_NAMES, shard_of
from server.batches import Batch
from server.media import MediaBox
from server.retention import erase_beside, erasures, holds, search, told
from server.retention.compact import compact, raw_hits
from server.retention.letting_go import Change, apply
from server.retention.noted import note
from server.store.engine import Database, stamp
from server.store.retention_tables import erasure
from server.store.schema import batch as batch_table
from server.store.schema import complex_

_BATCHES, _TRIES = 20, 3


class Report(msgspec.Struct):
    """What an erasure did, in numbers, and what a search over everything finds afterwards."""

    id: str
    went: dict[str, int]
    held: int  # records that a legal hold keeps
    remaining: dict[str, int]  # by table; "log": records
    raw: int  # bytes of the database's files in which it still stands (SQLite)
    receivers: dict[str, int]  # feeds that had been sent records, and how many
    gateways: dict[str, str] = {}  # what each has answered
    compacted: str = ""

    @property
    def is_clean(self) -> bool:
        return not self.held and not self.remaining and not self.raw


class Eraser:
    """One erasure at a time; killed in between, the same call goes on: the list has it already."""

    def __init__(
        self, db: Database, media: MediaBox, folder: Path, now: Callable[[], datetime], look_s: float = erasures.LOOK_S
    ) -> None:
        self._db, self._media, self._folder, self._now, self._look_s = db, media, folder, now, look_s

    async def erase(
        self,
        subject: Subject,
        complex_id: str,
        why: holds.Why,
        feeds: Collection[tuple[str, Collection[str]]] = (),
        progress: Callable[[str], None] = lambda _: None,
        identity: str = "",
    ) -> Report:
        """Erase everything up to now. ``complex_id`` "": in every complex. ``identity``: of one that was begun.

        Raises BadSubject.
        """
        identity = identity or await self.begin(subject, complex_id, why)
        await asyncio.sleep(1.5 * self._look_s)  # from here on every process blanks what arrives
        scope = [complex_id] if complex_id else []
        went, sent = Counter[str](), dict[str, list[str]]()
        held, remaining = 0, dict[str, int]()
        for _ in range(_TRIES):  # a reader may have held a record in its hands while it was erased
            held = await self._from_log(identity, subject, scope, went, sent, progress)
            went += await erase_beside.erase(self._db, subject, scope, identity, self._now())
            progress("searching")
            remaining = await self._remaining(subject, scope)
            if not remaining or held:
                break
        while await self._media.forget_unkept():
            progress("deleting pictures")
        await self._tell(identity, scope, sent, feeds)
        progress("compacting")
        done = await compact(self._db, self._folder)
        raw = 0 if held else await raw_hits(self._db, self._folder, subject)
        report = Report(identity, dict(+went), held, remaining, raw, {}, compacted=done)
        report.receivers = {feed: len(ids) for feed, ids in sent.items()}
        await self._end(identity, report, why)
        return report

    async def begin(self, subject: Subject, complex_id: str, why: holds.Why) -> str:
        """Put it on the list: from here on nothing of it comes in. Its id. Raises BadSubject."""
        identity, now = f"erasure-{secrets.token_hex(8)}", self._now()
        async with self._db.write() as connection:
            key = key_of(await erasures.salt_of(connection), subject.form)
            entry = erasures.listed(identity, subject.kind, complex_id, key, why, now)
            await erasures.keep(connection, entry)
            await erasures.write_file(connection, self._folder)
            await note(connection, "erasure_begun", why.who, {"id": identity, "document": why.document}, now)
        return identity

    async def _from_log(
        self,
        identity: str,
        subject: Subject,
        scope: Collection[str],
        went: Counter[str],
        sent: dict[str, list[str]],
        progress: Callable[[str], None],
    ) -> int:
        """Make tombstones of the records; how many a hold keeps."""
        async with self._db.read() as connection:
            in_force = holds.holds_of(await holds.in_force(connection, self._now()))
        pictures: dict[str, set[str]] = {}
        held = 0
        async for seen in search.events(self._db, subject, scope, lambda: progress("reading the log")):
            if erasures.is_held(in_force, seen.fact.complex, seen.body):
                held += 1
                continue
            names = {media.sha256 for media in seen.fact.event.media if media.sha256}
            pictures.setdefault(seen.fact.complex, set()).update(names)
        async with self._db.write() as connection:
            names = {name for found in pictures.values() for name in found}
            await erasures.note_pictures(connection, identity, names)
        for shard in SHARD_NAMES:
            of_shard = {name: found for name, found in pictures.items() if shard_of(name) == shard}
            if of_shard:
                await self._rewrite(shard, subject, of_shard, in_force, went, sent, progress)
        return held

    async def _rewrite(
        self,
        shard: str,
        subject: Subject,
        pictures: dict[str, set[str]],
        in_force: Sequence[Hold],
        went: Counter[str],
        sent: dict[str, list[str]],
        progress: Callable[[str], None],
    ) -> None:
        after = 0
        while True:
            async with self._db.write(shard=shard) as connection:
                records = await _records(connection, shard, list(pictures), after)
                if not records:
                    return
                for complex_id, names in pictures.items():
                    of = [record for record in records if record.complex == complex_id]
                    changes = [change for record in of if (change := _change(record, subject, names, in_force))]
                    if changes:
                        went += await apply(connection, changes, names)
                        gone = [fact.id for change in changes for fact in change.gone]
                        for feed, ids in (await told.sent_to(connection, gone)).items():
                            sent.setdefault(feed, []).extend(ids)
            after = records[-1].position
            progress("rewriting batches")

    async def _remaining(self, subject: Subject, scope: Collection[str]) -> dict[str, int]:
        found = Counter[str]()
        async for _ in search.events(self._db, subject, scope):
            found["log"] += 1
        async for hit in search.rows(self._db, subject, scope):
            found[hit.table.name] += 1
        return dict(found)

    async def _tell(
        self,
        identity: str,
        scope: Collection[str],
        sent: dict[str, list[str]],
        feeds: Collection[tuple[str, Collection[str]]],
    ) -> None:
        """Gateways by desired state, receivers by an event of their own."""
        async with self._db.read() as connection:
            known = (await connection.execute(select(complex_.c.id))).scalars().all()
        for complex_id in scope or known:
            async with self._db.write() as connection:
                await told.put_list(connection, complex_id, self._now())
        async with self._db.write() as connection:
            await told.tell_receivers(connection, identity, sent, feeds, self._now())

    async def _end(self, identity: str, report: Report, why: holds.Why) -> None:
        state = "done" if report.is_clean else "held" if report.held else "incomplete"
        values = {"state": state, "done_at": stamp(self._now()), "report": msgspec.to_builtins(report)}
        async with self._db.write() as connection:
            await connection.execute(update(erasure).where(erasure.c.id == identity).values(**values))
            await note(connection, "erasure_ended", why.who, {"id": identity, "state": state}, self._now())

    async def apply_list(self, progress: Callable[[str], None] = lambda _: None) -> Counter[str]:
        """Erase again all that the list names: after an older copy of the database was put back."""
        went = Counter[str]()
        async with self._db.write() as connection:
            await erasures.read_file(connection, self._folder)
        listed = erasures.Erasures(self._db, self._now)
        async for record in search.records(self._db, ()):
            progress("reading the log")
            found = await listed.named_in(record)
            if found is not None:
                went += await self._apply_to(record, *found)
        async with self._db.write() as connection:
            await erasures.write_file(connection, self._folder)
            known = (await connection.execute(select(complex_.c.id))).scalars().all()
            for complex_id in known:
                await told.put_list(connection, complex_id, self._now())
        went += await erase_beside.erase_by_list(self._db, self._now())
        while await self._media.forget_unkept():
            progress("deleting pictures")
        await compact(self._db, self._folder)
        return went

    async def _apply_to(self, record: Record, batch: Batch, named: dict[int, str]) -> Counter[str]:
        pictures = {m.sha256 for index in named for m in batch.facts()[index].event.media if m.sha256}
        change = change_of(record, batch, named, pictures)
        if change is None:
            return Counter()
        async with self._db.write(record.complex) as connection:
            await erasures.note_pictures(connection, next(iter(named.values())), pictures)
            return await apply(connection, [change], pictures)


async def _records(connection: AsyncConnection, shard: str, complexes: Sequence[str], after: int) -> list[Record]:
    columns = (batch_table.c.position, batch_table.c.body, batch_table.c.complex, batch_table.c.received_at)
    query = select(*columns).where(
        batch_table.c.shard == int(shard), batch_table.c.complex.in_(complexes), batch_table.c.position > after
    )
    rows = (await connection.execute(query.order_by(batch_table.c.position).limit(_BATCHES))).all()
    return [Record(row[0], row[1], row[2], row[3]) for row in rows]


def _change(record: Record, subject: Subject, names: Collection[str], in_force: Sequence[Hold]) -> Change | None:
    """What becomes of a batch: who is named goes, and the pictures of whom are named nowhere any more."""
    try:
        batch = Batch(record)
    except BadBatch:
        return None
    named = search.indexes_of(batch.bodies, subject.form)
    kept = {i for i in named if erasures.is_held(in_force, record.complex, batch.bodies[i])}
    return change_of(record, batch, {i for i in named if i not in kept}, names, kept)


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

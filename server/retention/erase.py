"""Erases one plate, card or person: from the log, from all that was derived, from what lies beside it; then looks."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy import select, update

from domain.subjects import Subject, key_of
from eventlog.log import Record
from eventlog.tail import AGE_S
from server.batches import Batch
from server.media import MediaBox
from server.retention import erase_beside, erasures, holds, search, told
from server.retention.compact import compact, raw_hits
from server.retention.letting_go import apply
from server.retention.log_eraser import LogEraser, change_of
from server.retention.noted import note
from server.store.engine import Database, stamp
from server.store.retention_tables import erasure
from server.store.schema import complex_

_TRIES = 3
# Until every process knows of it, and nobody who follows the log is given from memory what came before that.
SETTLE_S = 1.5 * erasures.LOOK_S + AGE_S


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
        self, db: Database, media: MediaBox, folder: Path, now: Callable[[], datetime], settle_s: float = SETTLE_S
    ) -> None:
        self._db, self._media, self._folder, self._now, self._settle_s = db, media, folder, now, settle_s

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
        await asyncio.sleep(self._settle_s)  # from here on every process blanks what arrives
        scope = [complex_id] if complex_id else []
        log, beside, remaining = LogEraser(self._db, identity, subject, progress), Counter[str](), dict[str, int]()
        for _ in range(_TRIES):  # a reader may have held a record in its hands while it was erased
            await log.erase(scope, self._now())
            beside += await erase_beside.erase(self._db, subject, scope, identity, self._now())
            progress("searching")
            remaining = await self._remaining(subject, scope)
            if not remaining or log.held:
                break
        while await self._media.forget_unkept():
            progress("deleting pictures")
        await self._tell(identity, scope, log.sent, feeds)
        progress("compacting")
        done = await compact(self._db, self._folder)
        raw = 0 if log.held else await raw_hits(self._db, self._folder, subject)
        receivers = {feed: len(ids) for feed, ids in log.sent.items()}
        report = Report(identity, dict(log.went + beside), log.held, remaining, raw, receivers, compacted=done)
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

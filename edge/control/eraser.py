"""Erases here what the centre's list names: kept records, pictures, parked bytes; looks again, and answers."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import structlog

from domain.desired_bodies import Erasure
from domain.events import Event, decode_event
from domain.subjects import ErasureList, erased_by, forms_in
from domain.tombstones import tombstone
from edge.store.media import MediaStore
from eventlog.follow import rung_or_after
from eventlog.log import LogBroken, Record
from eventlog.sqlite import SqliteEventLog
from eventlog.sqlite_rows import Statement

log = structlog.get_logger()

# Erasures that were carried out here and answered for.
SCHEMA = "CREATE TABLE IF NOT EXISTS erased(id TEXT PRIMARY KEY, at TEXT NOT NULL) WITHOUT ROWID;\n"
_DONE = "INSERT OR IGNORE INTO erased(id, at) VALUES(?, ?)"
_PARKED = """SELECT number, received_at, topic, detail, payload, headers FROM parked
WHERE number > ? ORDER BY number LIMIT ?"""
_AT_ONCE = 500
_AGAIN_S, _RETRY_S = 3_600.0, 5.0
_ROOM = 2  # times the file: a file written anew stands beside itself for a while

Say = Callable[[Event, Sequence[Statement]], None]
Others = Callable[[], Awaitable[int]]


class Found(msgspec.Struct):
    """What falls under the list: sequences by stream, pictures, parked messages, kept wishes."""

    records: dict[str, dict[int, bytes]] = {}
    pictures: set[str] = set()
    parked: list[int] = []
    wishes: int = 0

    @property
    def numbers(self) -> Counter[str]:
        records = sum(len(bodies) for bodies in self.records.values())
        return Counter(records=records, pictures=len(self.pictures), parked=len(self.parked), documents=self.wishes)


class Eraser:
    """Goes by the newest list; what comes back (from a store that was set aside) goes again within the hour."""

    def __init__(
        self,
        store: SqliteEventLog,
        media: MediaStore,
        folder: Path,
        say: Say,
        now: Callable[[], datetime],
        others: Others,
    ) -> None:
        """``others`` lets go of whom the list names where lanes and doors remember them, and says how many went."""
        self._others = others
        self._store, self._media, self._folder, self._say, self._now = store, media, folder, say, now
        self._list: ErasureList | None = None
        self._some = asyncio.Event()

    def go_by(self, erasures: ErasureList | None) -> None:
        """Another list."""
        if erasures != self._list:
            self._list = erasures
            self._some.set()

    async def run(self) -> None:
        """Erase until cancelled. A store that cannot be written is tried again."""
        while True:
            await rung_or_after(self._some, _AGAIN_S)
            self._some.clear()
            try:
                await self.erase()
            except LogBroken as error:
                log.error("not_erased", error=str(error))
                self._some.set()
                await asyncio.sleep(_RETRY_S)

    async def erase(self) -> Counter[str]:
        """Erase what falls under the list, look again, and answer for each entry that is new; what was, in numbers."""
        of = self._list
        if of is None or not of.entries:
            return Counter()
        fresh = await self._fresh(of.entries)
        found = await self._find(of)
        went = found.numbers
        await self._go(found)
        went["remembered"] = await self._others()
        if fresh or +went:
            went["set_aside"] = await asyncio.to_thread(self._forget_set_aside)
            went["compacted"] = await self._compact()
        left = (await self._find(of)).numbers
        for entry in fresh:
            self._answer(entry, went, left.total())
        return +went

    async def _fresh(self, entries: Collection[Erasure]) -> list[Erasure]:
        known = {row[0] for row in await self._store.query("SELECT id FROM erased")}
        return [entry for entry in entries if entry.id not in known]

    async def _find(self, of: ErasureList) -> Found:
        found = Found({}, set(), [], 0)
        for stream in self._store.partitions:
            async for record in self._records(stream):
                if erased_by(record.body, of) is not None:
                    found.records.setdefault(stream, {})[record.position] = tombstone(record.body, "erased")
                    event = decode_event(record.body)
                    found.pictures.update(media.sha256 for media in event.media if media.sha256)
        found.parked = [number async for number in self._parked(of)]
        found.wishes = await self._wishes(of)
        return found

    async def _records(self, stream: str) -> AsyncIterator[Record]:
        after = 0
        while records := await self._store.read(stream, after, _AT_ONCE):
            for record in records:
                yield record
            after = records[-1].position
            await asyncio.sleep(0)  # a door waits for nobody

    async def _parked(self, of: ErasureList) -> AsyncIterator[int]:
        after = 0
        while rows := await self._store.query(_PARKED, (after, _AT_ONCE)):
            for number, received_at, topic, detail, payload, headers in rows:
                forms = forms_in([topic, detail, headers]) | forms_in(_content(payload))
                if of.matches(forms, datetime.fromisoformat(received_at)) is not None:
                    yield number
            after = rows[-1][0]

    async def _wishes(self, of: ErasureList) -> int:
        """Documents that still name somebody: newer ones that do not are on their way."""
        rows = await self._store.query("SELECT body, applied_at FROM desired WHERE kind <> 'erasures'")
        return sum(
            of.matches(forms_in(msgspec.json.decode(body)), datetime.fromisoformat(at)) is not None for body, at in rows
        )

    async def _go(self, found: Found) -> None:
        for stream, bodies in found.records.items():
            sequences = sorted(bodies)
            for start in range(0, len(sequences), _AT_ONCE):
                some = {sequence: bodies[sequence] for sequence in sequences[start : start + _AT_ONCE]}
                await self._store.rewrite(stream, some)
        await self._media.forget(sorted(found.pictures))
        if found.parked:
            await self._store.write([("DELETE FROM parked WHERE number = ?", [(number,) for number in found.parked])])

    def _forget_set_aside(self) -> int:
        """Stores that were set aside and carried over are kept for nobody; one that is not yet is counted by none."""
        done = [place for place in self._folder.glob("corrupt-*") if (place / "salvaged.json").exists()]
        for place in done:
            shutil.rmtree(place, ignore_errors=True)
        return len(done)

    async def _compact(self) -> int:
        """Whether the file was written anew: where there is room for it."""
        path = self._store.path
        if shutil.disk_usage(path.parent).free < _ROOM * path.stat().st_size:
            log.warning("erased_not_compacted", path=str(path))
            return 0
        await self._store.compact()
        return 1

    def _answer(self, entry: Erasure, went: Counter[str], left: int) -> None:
        """The centre shows it beside the erasure. It says numbers and names nobody."""
        numbers = {**went, "remaining": left}
        event = Event(
            kind="command_result",
            device="gateway",
            label="erasure",
            request_id=entry.id,
            state="confirmed" if not left else "refused",
            ok=not left,
            text=" ".join(f"{name}={count}" for name, count in numbers.items()),
            time=self._now(),
        )
        log.info("erased", id=entry.id, **numbers)
        self._say(event, [(_DONE, [(entry.id, self._now().isoformat())])])


def _content(payload: bytes) -> Any:
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return payload.decode("utf-8", "replace")

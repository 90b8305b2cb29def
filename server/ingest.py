"""Batches in: checked, appended in group commits, answered with the watermark; what is refused keeps its bytes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec
from sqlalchemy import func, select

from domain.ids import content_name
from domain.wire import BadBatch, check_events, unpack
from eventlog.group_commit import Bounds, GroupCommit
from eventlog.log import Arrival, BatchLog, LogBroken, Receipt
from eventlog.shards import shard_of
from server.batches import Fresh, Unpacked
from server.hurry import Hurry
from server.pouring import Pouring
from server.spans import SpanOf, no_span
from server.store.engine import Database, stamp
from server.store.failures import ComplexMoved
from server.store.schema import refusal

_REFUSALS_KEPT, _REFUSED_BYTES = 1_000, 64 * 1024
BOUNDS = Bounds(group_items=256, wait_s=0.0, queue_items=4_096, queue_bytes=256 * 1024 * 1024)


class Busy(Exception):
    """More waits than may wait; the gateway keeps its batch and comes again."""


class _Waiting(msgspec.Struct, frozen=True):
    arrival: Arrival
    receipt: asyncio.Future[Receipt]
    presses: bool


class Ingest:
    """The one way into the centre's log."""

    def __init__(
        self,
        log: BatchLog,
        db: Database,
        now: Callable[[], datetime],
        bounds: Bounds = BOUNDS,
        sieve: Callable[[Arrival], Awaitable[Arrival]] | None = None,
    ) -> None:
        """``sieve`` gives a batch as it may be kept: without what was erased and comes back."""
        self._log, self._db, self._now, self._sieve = log, db, now, sieve
        self._queue: GroupCommit[_Waiting] = GroupCommit(self._commit, bounds)
        self.counts: Counter[str] = Counter()
        self.pouring, self.hurry, self.fresh = Pouring(), Hurry(), Fresh()
        self.events_stored = 0
        self.span: SpanOf = no_span

    @property
    def waiting(self) -> int:
        """Batches that wait for their commit."""
        return self._queue.waiting

    async def run(self) -> None:
        """Commit what waits until cancelled."""
        await self._queue.run()

    async def take(self, gateway: str, complex_id: str, packed: bytes, presses: bool = False) -> Receipt:
        """The receipt of a batch, once it is durable. Raises BadBatch (its bytes are kept), Busy, LogBroken.

        ``presses``: its gateway says that readers shall not rest before they have looked, whatever its stream.
        """
        try:
            arrival, known = _opened(gateway, complex_id, packed)
        except BadBatch as error:
            self.counts[error.reason] += 1
            await self.refuse(gateway, error.reason, str(error), packed)
            raise
        if self._sieve is not None:
            arrival = await self._sieve(arrival)
        if self._queue.full:
            self.counts["busy"] += 1
            raise Busy("more batches wait than may wait; come again")
        self.fresh.put(packed, known)  # of one that the sieve changed nobody asks
        presses = presses or arrival.header.stream == "urgent"
        waiting = _Waiting(arrival, asyncio.get_running_loop().create_future(), presses)
        self._queue.offer(waiting, len(arrival.packed))
        receipt = await waiting.receipt
        self.counts[receipt.outcome] += 1
        if receipt.outcome == "closed":
            raise ComplexMoved(f"{complex_id} moves, or moved, to another cell")
        self.pouring.came(arrival.header.count)
        if receipt.outcome in ("gap", "overlap"):
            detail = (
                f"{arrival.header.first}-{arrival.header.last} of {arrival.header.stream}, have {receipt.watermark}"
            )
            await self.refuse(gateway, receipt.outcome, detail, arrival.packed)
        return receipt

    async def _commit(self, group: list[_Waiting]) -> None:
        try:
            with self.span("ingest.commit", {"batches": len(group)}):
                receipts = await self._log.append([waiting.arrival for waiting in group])
        except LogBroken as error:
            for waiting in group:
                _answer(waiting, error)
            return
        for waiting, receipt in zip(group, receipts, strict=True):
            if receipt.outcome == "stored":
                self.events_stored += waiting.arrival.header.count
                if waiting.presses:
                    self.hurry.call(shard_of(waiting.arrival.complex))
            _answer(waiting, receipt)

    async def refuse(self, gateway: str, reason: str, detail: str, body: bytes) -> None:
        """Keep what was not taken, the newest thousand, for a person to look at."""
        if len(body) > _REFUSED_BYTES:
            detail = f"{detail} (the first {_REFUSED_BYTES} of {len(body)} bytes, sha256 {content_name(body)})"
        values = {"gateway": gateway, "reason": reason, "detail": detail, "body": body[:_REFUSED_BYTES]}
        async with self._db.write() as connection:
            await connection.execute(refusal.insert().values(**values, received_at=stamp(self._now())))
            newest = select(func.max(refusal.c.number)).scalar_subquery()
            await connection.execute(refusal.delete().where(refusal.c.number <= newest - _REFUSALS_KEPT))


def _answer(waiting: _Waiting, answer: Receipt | LogBroken) -> None:
    if waiting.receipt.done():  # the gateway hung up; it will ask again and be told "known"
        return
    if isinstance(answer, LogBroken):
        waiting.receipt.set_exception(answer)
    else:
        waiting.receipt.set_result(answer)


def checked(gateway: str, complex_id: str, packed: bytes) -> Arrival:
    """A batch as one to append: whole, of this gateway, with as many events as it says. Raises BadBatch."""
    return _opened(gateway, complex_id, packed)[0]


def _opened(gateway: str, complex_id: str, packed: bytes) -> tuple[Arrival, Unpacked]:
    header, unpacked = unpack(packed)
    if header.gateway != gateway:
        raise BadBatch("foreign", f"the batch is of {header.gateway}, the token of {gateway}")
    check_events(header, unpacked)
    return Arrival(header, packed, complex_id), (header, unpacked)

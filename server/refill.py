"""What the centre had and no longer has whole: found in its log, asked for again at the gateways that keep it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import bindparam, delete, select

from domain.wire import MAX_EVENTS
from eventlog.log import Arrival, Wanted
from eventlog.shards import shard_of
from server.centre_log import CentreLog
from server.store.engine import Database, stamp
from server.store.retention_tables import withheld
from server.store.schema import batch, wanted
from server.store.upsert import insert

_AT_ONCE = 50
_WANTED = (
    select(wanted.c.gateway, wanted.c.stream, wanted.c.epoch, wanted.c.first, wanted.c.last)
    .where(wanted.c.gateway.in_(bindparam("gateways", expanding=True)))
    .order_by(wanted.c.first)
)


class Verified(msgspec.Struct, frozen=True):
    """What a walk through the log found: ranges that are damaged or lost, and how many sequences that is."""

    ranges: int
    sequences: int


class Refill:
    """Asks gateways for ranges again, and puts what they send in its place."""

    def __init__(
        self,
        log: CentreLog,
        db: Database,
        now: Callable[[], datetime],
        sieve: Callable[[Arrival], Awaitable[Arrival]] | None = None,
    ) -> None:
        """``sieve`` gives a batch as it may be kept: without what was erased and comes back."""
        self._log, self._db, self._now, self._sieve = log, db, now, sieve

    async def verify(self, progress: Callable[[], None] = lambda: None) -> Verified:
        """Walk the whole log and ask for all that is damaged or lost."""
        ranges = sequences = 0
        async for found in self._log.damaged_and_lost():
            await self._ask(found)
            ranges, sequences = ranges + 1, sequences + found.last - found.first + 1
            progress()
        return Verified(ranges, sequences)

    async def _ask(self, found: Wanted) -> None:
        values = {**msgspec.structs.asdict(found), "since": stamp(self._now())}
        async with self._db.write() as connection:
            await connection.execute(insert(wanted).values(values).on_conflict_do_nothing())

    async def wanted_of_all(self, gateways: Sequence[str]) -> dict[str, list[dict[str, object]]]:
        """What gateways are asked for, for the answers to their hellos; most have no entry."""
        found: dict[str, list[dict[str, object]]] = {}
        async with self._db.read(at_once=True) as connection:
            for row in (await connection.execute(_WANTED, {"gateways": list(gateways)})).mappings():
                entry = {str(name): value for name, value in row.items()}
                of_one = found.setdefault(str(entry.pop("gateway")), [])
                if len(of_one) < _AT_ONCE:
                    of_one.append(entry)
        return found

    async def take(self, arrival: Arrival) -> bool:
        """Put a batch that was asked for in its place; whether anything was mended. Raises LogBroken."""
        header = arrival.header
        if header.count > MAX_EVENTS:
            return False
        if self._sieve is not None:
            arrival = await self._sieve(arrival)
        mended = await self._log.mend(arrival)
        if mended:
            await self._judge_again(arrival)
        await self._no_longer(header.gateway, header.stream, header.epoch, header.first, header.last)
        return mended

    async def _judge_again(self, arrival: Arrival) -> None:
        """What came anew is whole: the next round of retention lets go of what had been let go of in it."""
        header, shard = arrival.header, shard_of(arrival.complex)
        same = [batch.c[name] == getattr(header, name) for name in ("gateway", "stream", "epoch", "first")]
        async with self._db.write(shard=shard) as connection:
            query = select(batch.c.position).where(batch.c.shard == int(shard), *same)
            rows = [{"position": row.position, "shard": shard} for row in await connection.execute(query)]
            if rows:
                await connection.execute(insert(withheld).on_conflict_do_nothing(), rows)

    async def _no_longer(self, gateway: str, stream: str, epoch: str, first: int, last: int) -> None:
        """What was sent, or what the gateway says it has no more, is not asked for again; the rest of a range is."""
        same = (wanted.c.gateway == gateway, wanted.c.stream == stream, wanted.c.epoch == epoch)
        async with self._db.write() as connection:
            inside = (*same, wanted.c.first >= first, wanted.c.last <= last)
            await connection.execute(delete(wanted).where(*inside))
            begun = (*same, wanted.c.first >= first, wanted.c.first <= last)
            await connection.execute(wanted.update().where(*begun).values(first=last + 1))

    async def cannot(self, gateway: str, stream: str, epoch: str, first: int, last: int) -> None:
        """The gateway no longer has a range: it stays lost, and is not asked for again until the next walk."""
        await self._no_longer(gateway, stream, epoch, first, last)

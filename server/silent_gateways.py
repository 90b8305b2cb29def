"""Says of each gateway that the centre no longer hears: a fact of its own in the log, and so an alert as any other."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.events import Event
from eventlog.log import BatchLog
from server.cells import moves
from server.centre_voice import say
from server.rounds import look_every
from server.store.engine import Database, stamp
from server.store.schema import gateway

ALARM = "gateway_silent"
SILENT_AFTER = timedelta(minutes=5)  # a gateway says hello at least every 30 s: ten in a row did not come
LOOK_EVERY_S = 20.0
_MOST = 500  # told in one look; the rest in the next


class Silent(NamedTuple):
    """A gateway, and when it was heard last."""

    id: str
    complex: str
    last_seen_at: str


class SilentGateways:
    """One process at a time does it. It must itself have been looking for as long as it calls others silent: a centre
    that was away, slept or had no database heard nobody, and that says nothing of them."""

    def __init__(
        self,
        db: Database,
        batches: BatchLog,
        now: Callable[[], datetime],
        passed_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db, self._log, self._now, self._passed_s = db, batches, now, passed_s
        self._since_s = self._looked_s = -LOOK_EVERY_S

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        self._since_s = self._looked_s = self._passed_s()
        await look_every(LOOK_EVERY_S, "silent_gateways", self.look)

    async def look(self) -> int:
        """Of how many it was told just now."""
        async with self._db.read() as connection:
            found = await _silent(connection, stamp(self._now() - SILENT_AFTER))
        if not self._was_there():
            return 0
        for one in found:
            await say(self._log, one.complex, event_of(one, self._now()))
            async with self._db.write(one.complex) as connection:
                told = update(gateway).where(gateway.c.id == one.id)
                await connection.execute(told.values(silence_told=one.last_seen_at))
        return len(found)

    def _was_there(self) -> bool:
        """Whether looks came one behind the other for long enough; called where the database just answered."""
        now_s = self._passed_s()
        if now_s - self._looked_s > 3 * LOOK_EVERY_S:
            self._since_s = now_s
        self._looked_s = now_s
        return now_s - self._since_s >= SILENT_AFTER.total_seconds()


async def _silent(connection: AsyncConnection, before: str) -> list[Silent]:
    """Those of whose silence nobody was told yet. One that never said anything is not set up."""
    columns = (gateway.c.id, gateway.c.complex, gateway.c.last_seen_at)
    is_new = gateway.c.silence_told.is_distinct_from(gateway.c.last_seen_at)
    query = select(*columns).where(gateway.c.last_seen_at < before, gateway.c.replaced_at.is_(None), is_new)
    query = query.where(gateway.c.complex.not_in(await moves.away(connection)))  # nobody writes for those
    rows = await connection.execute(query.order_by(gateway.c.last_seen_at, gateway.c.id).limit(_MOST))
    return [Silent(*row) for row in rows]


def event_of(one: Silent, now: datetime) -> Event:
    """Its number is of the gateway's last word, so that a silence is one fact, however often it is said."""
    return Event(
        kind="alarm",
        device=f"gateway:{one.id}",
        time=now,
        recorded_at=now,
        source_event_id=f"{ALARM}/{one.id}/{one.last_seen_at}",
        alarm=ALARM,
        state="active",
        ext={"last_contact": one.last_seen_at},
    )

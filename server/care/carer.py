"""Looks after households that asked for it: up to when everything was heard, whose hours are over, whose term is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.words import alert_id
from domain.events import Event
from domain.ids import derive, fact_id
from eventlog.log import BatchLog
from eventlog.shards import shard_of
from server.audit import Actor, Subject, record
from server.care.movements import Movements
from server.cells import moves
from server.centre_voice import say
from server.rounds import look_every
from server.store import care_rows
from server.store.care_rows import WatchView
from server.store.engine import Database, stamp

LOOK_EVERY_S = 20.0
ALARM, RULE = "care_check", "alarm_care_check"
_ITSELF = Actor("gatehouse", "centre")


class _Asked(NamedTuple):
    """What gateways had told at a look: good once the reader has come to ``position``."""

    position: int
    at: datetime


class Carer:
    """One process at a time does it."""

    def __init__(self, db: Database, batches: BatchLog, now: Callable[[], datetime]) -> None:
        self._db, self._log, self._now = db, batches, now
        self._asked: dict[str, _Asked] = {}

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        await look_every(LOOK_EVERY_S, "care", self.look)

    async def look(self) -> int:
        """Everything that is due now; how many visits are new."""
        async with self._db.read() as connection:
            away = await moves.away(connection)  # nobody writes for those
            complexes = {one for one in await care_rows.complexes(connection) if one not in away}
        self._asked = {name: asked for name, asked in self._asked.items() if name in complexes}
        opened = 0
        for complex_id in sorted(complexes):
            await self._hear(complex_id)
            opened += await self._judge(complex_id)
        await self._say()
        return opened

    async def _hear(self, complex_id: str) -> None:
        """The reader may be a moment behind at any look: what a look saw is confirmed by the next."""
        shard = shard_of(complex_id)
        async with self._db.read() as connection:
            until = await care_rows.told_until(connection, complex_id)
            position = await care_rows.newest_position(connection, shard)
            read = await care_rows.read_until(connection, Movements.name, shard)
        before = self._asked.get(complex_id)
        if before is not None and read >= before.position:
            async with self._db.write(complex_id) as connection:
                await care_rows.heard(connection, complex_id, before.at)
            del self._asked[complex_id]
        if until is not None and complex_id not in self._asked:
            self._asked[complex_id] = _Asked(position, until)

    async def _judge(self, complex_id: str) -> int:
        """In the complex's turn, by what holds now: the reader and the family write too."""
        opened = 0
        async with self._db.write(complex_id) as connection:
            now = self._now()
            for one in await care_rows.active(connection, complex_id):
                state = one.state(now)
                if state == "over" and await care_rows.end(connection, complex_id, one.id, "", now):
                    on = Subject("care", one.id)
                    record(connection, _ITSELF, "care.ended", now, on=on, complex_id=complex_id)
                if state == "due" and one.open_task is None:
                    opened += await self._open(connection, one, now)
        return opened

    async def _open(self, connection: AsyncConnection, one: WatchView, now: datetime) -> bool:
        task = _task(one, now)
        is_new = await care_rows.open_task(connection, task)
        if is_new:
            on = Subject("care", one.id)
            record(connection, _ITSELF, "care.due", now, on=on, complex_id=one.complex, details={"task": task["id"]})
        return is_new

    async def _say(self) -> None:
        """What was kept and not said, by a kill in between, is said now: the same fact for ever."""
        async with self._db.read() as connection:
            away = await moves.away(connection)
            unsaid = [one for one in await care_rows.unsaid(connection) if one.complex not in away]
        for one in unsaid:
            await say(self._log, one.complex, event_of(one.id, self._now()))
            async with self._db.write(one.complex) as connection:
                await care_rows.said(connection, one, self._now())


def _task(one: WatchView, now: datetime) -> dict[str, str]:
    since = one.watch.since
    identity = derive("care", one.complex, one.id, stamp(since)).hex()[:24]
    told = {"complex": one.complex, "id": identity, "watch": one.id, "since": stamp(since)}
    fact = derive(one.complex, (fact_id(event_of(identity, now)) or b"").hex())
    return told | {"due_at": stamp(one.due_at), "opened_at": stamp(now), "alert": alert_id(RULE, fact)}


def event_of(task: str, now: datetime) -> Event:
    """A visit as a fact of the centre's, whose number names it whenever it is said. It names nobody: whose it is stands
    where those look who may."""
    return Event(
        kind="alarm",
        device=f"care:{task}",
        time=now,
        recorded_at=now,
        source_event_id=f"care/{task}",
        alarm=ALARM,
        state="active",
    )

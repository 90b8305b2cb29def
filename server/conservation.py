"""Holds each gateway's statement against the centre's log: when it comes, every hour, and when a person asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec
import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.conservation import Judged, compare, in_sum
from domain.days import date_of, day_number
from domain.events import Event
from domain.places import Place
from domain.statements import Row, Statement, Untaken
from eventlog.log import BatchLog
from eventlog.shards import shard_of
from server.audit import Actor, Subject, command_line, record
from server.cells import moves
from server.centre_voice import say
from server.gateway_auth import Gateway
from server.store import conservation_counts, findings, statement_rows
from server.store.conservation_counts import Scope
from server.store.engine import Database
from server.store.failures import DatabaseBusy
from server.store.schema import gateway as gateway_table
from server.store.statement_rows import Head

log = structlog.get_logger()

ALARM = "conservation_gap"
RECENT_DAYS = 40
_EDGE_DAYS = 2  # at the beginning of a span of days, where a record may be counted within it at one end only
_HOUR_S = 3_600.0
_SHARE = 0.1  # of the time, for the hourly round: it begins when a server starts, and a city is just coming back
_FULL_EVERY = 24  # of the hourly rounds
_AGAIN_S = 1.0  # while something is still to be counted,
_MOST_AGAIN = 60  # and so often
_MOST_DUE = 10_000


class Balance(msgspec.Struct, frozen=True):
    """A gateway's days, the newest first, each stream's epochs in sum; by the statement of ``head``."""

    gateway: str
    head: Head
    zone: str  # of the complex
    first_day: int  # 0: from the beginning
    days: list[Judged]
    untaken: list[Untaken]

    @property
    def broken(self) -> dict[tuple[str, int], dict[str, int]]:
        return {(day.stream, day.day): day.differences for day in self.days if day.verdict == "broken"}

    @property
    def is_settled(self) -> bool:
        """Whether nothing that was received is still to be counted."""
        return not any(day.waiting for day in self.days)


class Conservation:
    """The comparison, and what follows from a difference: a finding on the page, an alarm in the log."""

    def __init__(
        self, db: Database, batches: BatchLog, places: Mapping[str, Place], now: Callable[[], datetime]
    ) -> None:
        self._db, self._log, self._places, self._now = db, batches, places, now
        self._due: dict[str, int] = {}  # how often it may still come again at once
        self._some = asyncio.Event()
        self._rounds = 0

    async def take(self, gateway: Gateway, said: Statement) -> bool:
        """Keep a statement; whether it was news. It is compared soon after, behind the request."""
        async with self._db.write() as connection:
            is_new = await statement_rows.keep(connection, gateway.id, said, self._now())
        self.compare_soon(gateway.id)
        return is_new

    def compare_soon(self, gateway: str) -> None:
        if len(self._due) < _MOST_DUE:  # beyond, the hourly round comes by
            self._due[gateway] = _MOST_AGAIN
            self._some.set()

    async def ask(self, gateway: str, by: Actor | None = None, complex_id: str | None = None) -> None:
        """Let the gateway be asked for a statement at its next hello."""
        async with self._db.write() as connection:
            now = self._now()
            await statement_rows.ask(connection, gateway, now)
            on = Subject("gateway", gateway)
            record(connection, by or command_line(), "statement.asked", now, on=on, complex_id=complex_id)

    async def are_wanted(self, gateways: Sequence[str]) -> set[str]:
        """Of which of these gateways a statement is wanted."""
        async with self._db.read() as connection:
            return await statement_rows.wanted(connection, gateways)

    async def balance(self, gateway: Gateway, *, is_full: bool = True) -> Balance:
        """Every day of a gateway, or the last ones."""
        zone = self._places.get(gateway.complex, Place()).zone
        today = day_number(self._now(), zone)
        async with self._db.read() as connection:
            head = await statement_rows.head(connection, gateway.id)
            since = 0 if is_full or (head.zone or zone.key) != zone.key else today - RECENT_DAYS - _EDGE_DAYS
            days = await self._days(connection, gateway, head, since, today)
            untaken = await statement_rows.turned_away(connection, gateway.id, since)
        first = since + _EDGE_DAYS if since else 0
        shown = [day for day in in_sum(days) if day.day >= first]
        return Balance(gateway.id, head, zone.key, first, shown, untaken)

    async def _days(
        self, connection: AsyncConnection, gateway: Gateway, head: Head, since: int, today: int
    ) -> list[Judged]:
        stated: dict[tuple[str, str], list[Row]] = {}
        for row in await statement_rows.rows(connection, gateway.id, since):
            stated.setdefault((row.stream, row.epoch), []).append(row)
        shard, found = int(shard_of(gateway.complex)), list[Judged]()
        for name in sorted(stated.keys() | await conservation_counts.epochs(connection, gateway.id)):
            present = (head.streams or {}).get(name[0])
            is_present = present is None or present.epoch == name[1]
            through = present.through if present and is_present else None
            scope = Scope(gateway.id, shard, *name, through, since, today)
            counted = await conservation_counts.counted(connection, scope)
            found += compare(name, stated.get(name, []), counted, is_present=is_present)
        return found

    async def check(self, gateway: Gateway, *, is_full: bool = True) -> Balance:
        """Compare, and let what is broken be known: kept for the page, and once in the log. Raises LogBroken."""
        found = await self.balance(gateway, is_full=is_full)
        async with self._db.read() as connection:
            known = await findings.known(connection, gateway.id)
            is_open = bool(await findings.broken_days(connection, [gateway.id]))
        fresh = {key: numbers for key, numbers in found.broken.items() if key not in known}
        for (stream, day), numbers in fresh.items():
            await self._alarm(gateway, stream, day, numbers)
        if found.broken or is_open:  # else there is nothing to keep, and nothing to clear
            async with self._db.write() as connection:
                await findings.keep(connection, gateway.id, found.broken, found.first_day, self._now())
        return found

    async def _alarm(self, gateway: Gateway, stream: str, day: int, numbers: Mapping[str, int]) -> None:
        """Append what was found to the log: an alert of it is derived as any other, and is there after a rebuild.

        Should it be appended twice (a kill before the finding is kept), both say the same fact: the alert is one.
        """
        await say(self._log, gateway.complex, _event(gateway, stream, day, numbers, self._now()))

    async def run(self) -> None:
        """Compare what is due, and everything every hour, until cancelled. What fails is told, and comes again."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._run_due())
            tasks.create_task(self._run_hourly())

    async def _run_due(self) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            due, self._due = self._due, {}
            for gateway, tries in due.items():
                if not await self._check_due(gateway, is_full=False) and tries:
                    self._due.setdefault(gateway, tries - 1)
            if self._due:
                await asyncio.sleep(_AGAIN_S)
                self._some.set()

    async def _check_due(self, identity: str, *, is_full: bool) -> bool:
        """Whether no more is to be seen by looking again at once."""
        try:
            gateway = await self._gateway(identity)
            return gateway is None or (await self.check(gateway, is_full=is_full)).is_settled
        except Exception as error:  # noqa: BLE001 - the edge of a loop: told, and tried again within the hour
            log.error("conservation_not_checked", gateway=identity, error=repr(error))
            return True

    async def _gateway(self, identity: str) -> Gateway | None:
        async with self._db.read() as connection:
            return await gateway_of(connection, identity)

    async def _run_hourly(self) -> None:
        while True:
            try:
                await self.check_all(is_full=self._rounds % _FULL_EVERY == 0, share=_SHARE)
            except DatabaseBusy as error:  # the next round comes
                log.error("conservation_round_left_out", error=str(error))
            self._rounds += 1
            await asyncio.sleep(_HOUR_S)

    async def check_all(self, *, is_full: bool, share: float = 1.0) -> None:
        """One gateway after the other, in a ``share`` of the time: nothing else waits for it."""
        async with self._db.read() as connection:
            gone = gateway_table.c.complex.in_(await moves.away(connection))
            query = select(gateway_table.c.id).where(gateway_table.c.replaced_at.is_(None), ~gone)
            ids = (await connection.execute(query.order_by(gateway_table.c.id))).scalars().all()
        for identity in ids:
            began = time.monotonic()
            await self._check_due(identity, is_full=is_full)
            await asyncio.sleep((time.monotonic() - began) * (1 / share - 1))


async def gateway_of(connection: AsyncConnection, identity: str) -> Gateway | None:
    query = select(gateway_table.c.id, gateway_table.c.complex).where(gateway_table.c.id == identity)
    row = (await connection.execute(query)).first()
    return None if row is None else Gateway(row.id, row.complex)


def _event(gateway: Gateway, stream: str, day: int, numbers: Mapping[str, int], now: datetime) -> Event:
    """The finding as a fact of the centre. Its number names the day and the stream, so that it is one fact for ever."""
    event = Event(
        kind="alarm",
        device=f"gateway:{gateway.id}",
        point=f"{date_of(day)} {stream}",
        time=now,
        recorded_at=now,
        source_event_id=f"conservation/{gateway.id}/{stream}/{day}",
        alarm=ALARM,
        state="active",
    )
    event.metrics = {name: float(count) for name, count in numbers.items()}
    return event

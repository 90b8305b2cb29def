"""The sender to a library above us: what it subscribed to, on each subscription at its own pace."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Actor, Subject, record
from server.feeds.cascade.notifying import Notifying
from server.feeds.gat1400.sender import Gat1400Sender
from server.feeds.sender import Offer, Verdict
from server.store import handover_rows, viid_rows
from server.store.engine import unstamp
from server.store.viid_rows import Held

_ITSELF = Actor("gatehouse", "centre")


class CascadeSender:
    """Of one platform. ``beside``: what else is kept up within the session: the directory, hits of watch lists."""

    def __init__(
        self,
        platform: str,
        peer: str,
        sender: Gat1400Sender,
        notifying: Notifying,
        now: Callable[[], datetime],
        beside: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        self._platform, self._peer = platform, peer
        self._sender, self._notifying, self._now = sender, notifying, now
        self._beside = beside

    async def keep(self) -> None:
        """Hold the session until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._sender.keep())
            for work in self._beside:
                tasks.create_task(_done(work))

    async def close(self) -> None:
        await self._sender.close()

    async def send(self, offers: Sequence[Offer]) -> Sequence[Verdict]:
        """One verdict an offer, in order; never raises for the far end's illness."""
        return await self._sender.send(offers)

    async def before(self, connection: AsyncConnection) -> Collection[str]:
        """What was cancelled or is over goes no more; a report begins where its time has come."""
        now = self._now()
        held = {one.of.id: one for one in await viid_rows.subscriptions(connection, [self._peer])}
        self._notifying.known = {number: one.of for number, one in held.items()}
        oldest = await handover_rows.oldest_by_line(connection, self._platform)
        for line in oldest:
            await self._withhold(connection, line, held.get(line), now)
        active = {line: held[line] for line in oldest if line in held and held[line].state(now) == "active"}
        fresh = [line for line, one in active.items() if _may_begin(one, now)]
        if fresh:
            await viid_rows.reported(connection, self._peer, fresh, now)
        return {line for line, one in active.items() if line not in fresh and not _goes_on(one, unstamp(oldest[line]))}

    async def _withhold(self, connection: AsyncConnection, line: str, one: Held | None, now: datetime) -> None:
        state = one.state(now) if one is not None else "cancelled"
        if state == "active":
            return
        why = "over" if state == "expired" else "cancelled"
        count = await handover_rows.withhold_line(connection, self._platform, line, why, now)
        on, told = Subject("platform", self._platform), {"count": count, why: count}
        record(connection, _ITSELF, "handover.withheld", now, on=on, details=told)


def _may_begin(one: Held, now: datetime) -> bool:
    return one.reported_at is None or now - one.reported_at >= timedelta(seconds=one.of.interval_s)


def _goes_on(one: Held, oldest: datetime) -> bool:
    """What was owed when the report began belongs to it, however many messages that takes."""
    return one.reported_at is not None and oldest <= one.reported_at


async def _done(work: Callable[[], Awaitable[None]]) -> None:
    await work()

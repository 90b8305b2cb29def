"""Sends steps of the duty ladder to people: claimed in the complex's turn, sent beside each other, each outcome kept.

A process that is killed between the claim and the far end's answer does not know whether the far end took it. Then it
is sent again: at worst somebody reads the same message twice, with the same key. Claimed and never sent, an emergency
would be lost in silence; that is worse. (docs/decisions/0048-channels.md)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import msgspec
import structlog

from domain.delivery import Refusal, next_at, retry_in
from server.channels.browsers import digest_of
from server.channels.channel import NotSent
from server.channels.registry import Channels
from server.duty.telling import claim
from server.duty.turn import Claimed, Turn
from server.rounds import look_every
from server.store import delivery_rows, person_channel_rows
from server.store.delivery_rows import Delivery
from server.store.engine import Database, stamp
from server.store.failures import DatabaseBusy

log = structlog.get_logger()

LOOK_S = 0.5
MOST_AT_ONCE = 64
_MOST_OF_ONE = 16  # of a complex, so that a flood in one does not stand before an emergency in another


class Outbox:
    """One of these runs in all processes together (server/leases.py)."""

    def __init__(
        self,
        db: Database,
        channels: Channels,
        public_url: str,
        now: Callable[[], datetime],
        shown: Callable[[], None] = lambda: None,
    ) -> None:
        """``shown``: something for screens was committed."""
        self._db, self._channels, self._url, self._now, self._shown = db, channels, public_url, now, shown
        self._sending = set[asyncio.Task[None]]()

    async def run(self) -> None:
        """Until cancelled. What is under way then is sent again by whoever comes next."""
        try:
            await self.begin()
            await look_every(LOOK_S, "channels", self.look)
        finally:
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)

    async def begin(self) -> None:
        """What an earlier process left half done is due at once: it was alone, and is gone."""
        async with self._db.write() as connection:
            if count := await delivery_rows.release(connection, self._now()):
                log.info("deliveries_resumed", count=count)

    async def look(self) -> None:
        """Claim what is due, complex by complex, and begin to send it."""
        async with self._db.read(at_once=True) as connection:
            complexes = await delivery_rows.due_in(connection, self._now())
        for complex_id in complexes:
            room = min(_MOST_OF_ONE, MOST_AT_ONCE - len(self._sending))
            if room <= 0:
                return
            try:
                await self._look_at(complex_id, room)
            except DatabaseBusy:
                raise
            except Exception as error:  # noqa: BLE001 - of one complex: the others are told meanwhile
                log.error("telling_failed", complex=complex_id, error=repr(error))

    async def _look_at(self, complex_id: str, room: int) -> None:
        async with self._db.write(complex_id, at_once=True) as connection:
            turn = Turn(connection, self._channels, self._url, complex_id, self._now())
            claimed = await claim(turn, room)
        if turn.has_shown:
            self._shown()
        for one in claimed:
            task = asyncio.create_task(self._send(one))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        while self._sending:
            await asyncio.gather(*self._sending, return_exceptions=True)

    async def _send(self, claimed: Claimed) -> None:
        try:
            failure = await self._to_each(claimed)
            await self._keep(claimed.delivery, failure)
        except Exception as error:  # noqa: BLE001 - the claim runs out, and it is sent again
            log.error("delivery_unsaid", key=claimed.delivery.key, error=repr(error))

    async def _to_each(self, claimed: Claimed) -> NotSent | None:
        """Sent where one of the addresses took it; a browser that is gone is forgotten."""
        failures = [await self._to_one(claimed, to) for to in claimed.addresses]
        if not failures:
            return NotSent("bad_address", "it has no address any more")
        taken = any(failure is None for failure in failures)
        return None if taken else failures[-1]

    async def _to_one(self, claimed: Claimed, to: str) -> NotSent | None:
        channel = claimed.delivery.channel
        try:
            await self._channels.send(channel, msgspec.structs.replace(claimed.notice, to=to))
        except NotSent as failure:
            if failure.why == "gone" and self._channels.means(channel) == "web_push":
                await self._forget(to)
            return failure
        return None

    async def _forget(self, to: str) -> None:
        async with self._db.write() as connection:
            await person_channel_rows.remove_browser(connection, digest_of(to))

    async def _keep(self, one: Delivery, failure: NotSent | None) -> None:
        now = self._now()
        async with self._db.write(one.complex, at_once=True) as connection:
            await delivery_rows.outcome(connection, one, **_outcome(one, failure, now))
        if failure is None:
            log.info("told", key=one.key, person=one.person, desk=one.desk)
        else:
            log.warning("not_told", key=one.key, why=failure.why, words=failure.words, attempts=one.attempts)


def _outcome(one: Delivery, failure: NotSent | None, now: datetime) -> dict[str, object]:
    at = stamp(now)
    if failure is None:
        until = stamp(next_at(one.severity, now))
        return {"state": "sent", "at": at, "again_at": None, "next_at": until, "words": None}
    why: Refusal = failure.why
    said = {"error": why, "words": failure.words or None, "at": at}
    wait = retry_in(one.severity, why, one.attempts, failure.asked)
    if wait is not None:
        return {**said, "again_at": stamp(now + wait)}
    return {**said, "state": "failed", "again_at": None, "next_at": at}

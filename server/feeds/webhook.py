"""A webhook: sends a feed's outbox in order, tries again while the far end is ill, parks what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import aiohttp
import structlog
from sqlalchemy import bindparam, select, update

from eventlog.follow import rung_or_after
from server.feeds.cloudevents import BATCH_TYPE, joined, signature_headers
from server.store.engine import Database
from server.store.schema import delivery

log = structlog.get_logger()

_AT_ONCE = 50
_POLL_S = 2.0
_TIMEOUT = aiohttp.ClientTimeout(total=15)
# The far end is ill rather than of another opinion: the same request may be right later.
_TRY_AGAIN = frozenset({401, 403, 404, 408, 425, 429})


class FarEndIll(Exception):
    """The far end cannot take anything now."""


class FarEndRefused(Exception):
    """The far end says that what we sent is wrong."""


class Webhook:
    """One feed's sender."""

    def __init__(
        self,
        feed: str,
        url: str,
        secret: bytes,
        db: Database,
        now: Callable[[], datetime],
        retry_s: Callable[[int], float],
    ) -> None:
        self._feed, self._url, self._secret = feed, url, secret
        self._db, self._now, self._retry_s = db, now, retry_s
        self.more = asyncio.Event()

    async def run(self) -> None:
        """Send until cancelled."""
        failures = 0
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            while True:
                try:
                    await self._step(session)
                    failures = 0
                except Exception as error:  # noqa: BLE001 - the edge of a loop: shown, and tried again
                    failures += 1
                    log.warning("webhook_waits", feed=self._feed, error=repr(error), failures=failures)
                    await asyncio.sleep(self._retry_s(failures))

    async def _step(self, session: aiohttp.ClientSession) -> None:
        self.more.clear()  # before the look: what is queued after it rings again
        waiting = await self._waiting()
        if waiting:
            await self._deliver(session, waiting)
        else:
            await rung_or_after(self.more, _POLL_S)

    async def _waiting(self) -> Sequence[Any]:
        query = select(delivery.c.id, delivery.c.body).where(
            delivery.c.feed == self._feed, delivery.c.state == "waiting"
        )
        async with self._db.read() as connection:
            return (await connection.execute(query.order_by(delivery.c.number).limit(_AT_ONCE))).all()

    async def _deliver(self, session: aiohttp.ClientSession, rows: Sequence[Any]) -> None:
        """Send a group; a refused group is halved until the one that is refused stands alone, and is parked."""
        try:
            await self._send(session, joined([row.body for row in rows]))
        except FarEndRefused as error:
            if len(rows) == 1:
                log.error("delivery_parked", feed=self._feed, id=rows[0].id.hex(), error=str(error))
                await self._settle(rows, "parked", str(error))
                return
            middle = len(rows) // 2
            await self._deliver(session, rows[:middle])
            await self._deliver(session, rows[middle:])
        else:
            await self._settle(rows, "sent", None)

    async def _send(self, session: aiohttp.ClientSession, body: bytes) -> None:
        headers = {"Content-Type": BATCH_TYPE}
        if self._secret:
            headers |= signature_headers(self._secret, body, self._now())
        try:
            async with session.post(self._url, data=body, headers=headers, allow_redirects=False) as response:
                judge(response.status, (await response.content.read(500)).decode(errors="replace"))
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise FarEndIll(repr(error)) from error

    async def _settle(self, rows: Sequence[Any], state: str, error: str | None) -> None:
        """What was sent keeps only its id, so that it is never sent again; what was parked keeps its body."""
        changed: dict[str, Any] = {"state": state, "error": error, "attempts": delivery.c.attempts + 1}
        if state == "sent":
            changed["body"] = None
        same = (delivery.c.feed == self._feed, delivery.c.id == bindparam("the_id"))
        async with self._db.write() as connection:
            statement = update(delivery).where(*same).values(changed)
            await connection.execute(statement, [{"the_id": row.id} for row in rows])


def judge(status: int, said: str) -> None:
    """Raises FarEndIll or FarEndRefused."""
    if 200 <= status < 300:
        return
    if status >= 500 or status < 400 or status in _TRY_AGAIN:
        raise FarEndIll(f"{status} {said}")
    raise FarEndRefused(f"{status} {said}")

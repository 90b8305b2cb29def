"""Hands one platform what it is owed: claimed and counted, then sent, then settled by the far end's verdict.

Whatever is between claim and verdict when this ends is sent again by whoever comes next, under the same id: the far
end folds by it. Settled before the answer, a record could be lost (docs/decisions/0054-upper-platforms.md).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.feeds.basis import Cover
from eventlog.follow import rung_or_after
from server.audit import Actor, Subject, record
from server.feeds.offering import kept_fact
from server.feeds.resting import Resting
from server.feeds.sender import Accepted, Again, Offer, Paced, Refused, Sender, Verdict
from server.store import handover_rows, platform_rows
from server.store.engine import Database
from server.store.handover_rows import Settled

log = structlog.get_logger()

AT_ONCE = 200
_POLL_S = 1.0
ITSELF = Actor("gatehouse", "centre")


class Handing:
    """One platform's; one of them runs in all processes together."""

    def __init__(
        self,
        platform: str,
        sender: Sender,
        db: Database,
        now: Callable[[], datetime],
        retry_s: Callable[[int], float],
        at_once: int = AT_ONCE,
    ) -> None:
        self.platform, self._sender, self._db = platform, sender, db
        self._now, self._retry_s, self._at_once = now, retry_s, at_once
        self._resting = Resting(retry_s)
        self._session = ""
        self.more = asyncio.Event()

    async def run(self) -> None:
        """Hold the session and hand over, until cancelled."""
        async with self._db.write() as connection:
            unanswered = await handover_rows.release(connection, self.platform)
        if unanswered:
            log.info("handover_resumed", platform=self.platform, unanswered=unanswered)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep())
            tasks.create_task(self._hand_over())

    async def _keep(self) -> None:
        failures = 0
        while True:
            try:
                await self._sender.keep()
                return  # a protocol that has no session
            except Exception as error:  # noqa: BLE001 - the edge of a loop: shown, and tried again
                failures += 1
                log.warning("platform_session_ill", platform=self.platform, error=repr(error), failures=failures)
                await self._stands("ill")
                await asyncio.sleep(self._retry_s(failures))

    async def _hand_over(self) -> None:
        failures = 0
        while True:
            self.more.clear()  # before the look: what is offered after it rings again
            try:
                found = await self.step()
                failures = 0 if found is not False else failures + 1
            except Exception as error:  # noqa: BLE001 - the edge of a loop: shown, and tried again
                found, failures = False, failures + 1
                log.error("handover_failed", platform=self.platform, error=repr(error), failures=failures)
            if found is False:
                await asyncio.sleep(self._retry_s(failures))
            elif found is None:
                await rung_or_after(self.more, _POLL_S)

    async def step(self) -> bool | None:
        """One transmission: whether the far end took any of it, for good or ill; None where nothing was to be sent.

        Where it took nothing it is ill, and all wait; where it did, only devices do whose record it did not take.
        """
        offers = await self._claim()
        if not offers:
            return None
        verdicts = await self._send(offers)
        await self._settle(offers, verdicts)
        taken = [_device(offer) for offer, one in zip(offers, verdicts, strict=True) if not isinstance(one, Again)]
        if taken:
            blocked = {_device(offer) for offer, one in zip(offers, verdicts, strict=True) if isinstance(one, Again)}
            self._resting.note(blocked, taken)
        return bool(taken)

    async def _claim(self) -> list[Offer]:
        """What leaves now, counted in the audit before it does; what no basis covers any more, or lies in another area
        since, is withheld."""
        async with self._db.write() as connection:
            one = await platform_rows.find(connection, self.platform)
            cover = await platform_rows.cover_of(connection, self.platform, self._now())
            lines = await self._sender.before(connection) if isinstance(self._sender, Paced) else ()
            rows = await handover_rows.waiting(connection, self.platform, self._at_once, self._resting.now(), lines)
            inside = await platform_rows.inside(connection, one, {row.complex for row in rows}) if one else set[str]()
            offers = [offer for row in rows if row.complex in inside and (offer := _offer(row, cover)) is not None]
            leaving = {offer.id for offer in offers}
            staying = [row for row in rows if row.id not in leaving]
            await _withhold(connection, self.platform, staying, cover, self._now(), inside)
            if one is None or not one.is_on or not offers:
                return []
            await handover_rows.claim(connection, self.platform, [offer.id for offer in offers])
            self._note(connection, "handover.sent", _counted(offers))
        return offers

    async def _send(self, offers: Sequence[Offer]) -> list[Verdict]:
        """A protocol that breaks its word is as a far end that is ill: nothing is lost by it."""
        try:
            verdicts = list(await self._sender.send(offers))
        except Exception as error:  # noqa: BLE001 - of one transmission: shown, and tried again
            log.error("sender_failed", platform=self.platform, error=repr(error))
            return [Again(repr(error))] * len(offers)
        if len(verdicts) != len(offers):
            log.error("sender_miscounts", platform=self.platform, offers=len(offers), verdicts=len(verdicts))
            return [Again("the answer does not fit what was sent")] * len(offers)
        return verdicts

    async def _settle(self, offers: Sequence[Offer], verdicts: Sequence[Verdict]) -> None:
        settled = [_settled(offer, verdict) for offer, verdict in zip(offers, verdicts, strict=True)]
        counts = Counter(one.state for one in settled)
        said = next((one.reason for one in settled if one.reason), "accepted")
        async with self._db.write() as connection:
            now = self._now()
            await handover_rows.settle(connection, self.platform, settled, now)
            await platform_rows.answered(connection, self.platform, said, now)
            self._note(connection, "handover.answered", {"count": len(settled), **counts})
        await self._stands("ill" if counts["waiting"] == len(settled) else "open")

    async def _stands(self, session: str) -> None:
        if session == self._session:
            return
        async with self._db.write() as connection:
            await platform_rows.stands(connection, self.platform, session, self._now())
        self._session = session

    def _note(self, connection: AsyncConnection, action: str, details: dict[str, Any]) -> None:
        record(connection, ITSELF, action, self._now(), on=Subject("platform", self.platform), details=details)


async def withhold(db: Database, platform: str, now: datetime) -> None:
    """What waits and no basis covers, where nothing may be sent at all."""
    async with db.write() as connection:
        cover = await platform_rows.cover_of(connection, platform, now)
        rows = await handover_rows.waiting(connection, platform, AT_ONCE)
        await _withhold(connection, platform, [row for row in rows if _offer(row, cover) is None], cover, now)


async def _withhold(
    connection: AsyncConnection,
    platform: str,
    rows: Sequence[Any],
    cover: Cover,
    now: datetime,
    inside: Collection[str] | None = None,
) -> None:
    """``inside``: the complexes whose records it is owed, where that was asked."""
    if not rows:
        return
    why = {row.id: _why(row, cover, inside) for row in rows}
    settled = [Settled(id_, "withheld", reason) for id_, reason in why.items()]
    await handover_rows.settle(connection, platform, settled, now)
    details = {"count": len(rows), **Counter(why.values())}
    record(connection, ITSELF, "handover.withheld", now, on=Subject("platform", platform), details=details)


def _why(row: Any, cover: Cover, inside: Collection[str] | None) -> str:
    if inside is not None and row.complex not in inside:
        return "out_of_area"
    return "class_off" if row.data_class in cover.off else "no_basis"


def _offer(row: Any, cover: Cover) -> Offer | None:
    """The record as it may go now; None where nothing covers it any more."""
    fact = kept_fact(row)
    event = cover.cut(fact.event, row.data_class)
    if event is None:
        return None
    fact = msgspec.structs.replace(fact, event=event)
    return Offer(row.id, event, fact, row.data_class, bool(row.urgent), row.line or "")


def _device(offer: Offer) -> tuple[str, str]:
    return offer.fact.complex, offer.event.device


def _counted(offers: Sequence[Offer]) -> dict[str, Any]:
    """What the audit keeps of a transmission: how many of what, and a digest of their ids; no picture, no contents."""
    digest = hashlib.sha256(b"".join(offer.id for offer in offers)).hexdigest()
    return {"count": len(offers), "classes": Counter(offer.data_class for offer in offers), "ids_sha256": digest}


def _settled(offer: Offer, verdict: Verdict) -> Settled:
    match verdict:
        case Accepted():
            return Settled(offer.id, "accepted", None)
        case Refused(reason):
            return Settled(offer.id, "refused", reason[:500])
        case Again(reason):
            return Settled(offer.id, "waiting", reason[:500])

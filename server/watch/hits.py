"""Hits as they come up: for the order's sender and the officer on duty, and for nobody else; a reader of the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.duty.plan import LEVELS
from domain.events import WATCH_HIT, Event
from domain.ids import derive
from domain.watch.matching import SAME_CAR
from server.audit import Subject, record
from server.batches import Batch, facts_of
from server.duty.duties import Duties
from server.facts import Fact
from server.store import watch_hit_rows, watch_order_rows, watch_rows
from server.store.engine import stamp
from server.store.watch_rows import Kept
from server.watch.below import Below
from server.watch.book import ITSELF

_HOWS = frozenset({"exact", "doubtful"})


class WatchHits:
    """A feed: a hit of an entry that is over, withdrawn or not ours is dropped, and that it was is on record.

    What gateways found, and what is found here among the cars of libraries below us.
    """

    name = "watch_hits"

    def __init__(self, duties: Duties, now: Callable[[], datetime]) -> None:
        self._duties, self._now = duties, now
        self._below = Below()

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        facts = facts_of(batches, {WATCH_HIT})
        below = await self._below.hits(connection, batches, self._now())
        if not facts and not below:
            return
        known = await watch_rows.some(connection, {(fact.complex, fact.event.code or "") for fact in (*facts, *below)})
        for fact in facts:
            await self._take(connection, fact, known)
        for fact in below:
            if not await watch_hit_rows.is_told(connection, _row(fact), SAME_CAR):
                await self._take(connection, fact, known)

    async def concerns(self, connection: AsyncConnection, batches: Sequence[Batch]) -> bool:
        for batch in batches:
            if batch.holds({WATCH_HIT}) or await self._below.concerns(connection, batch):
                return True
        return False

    async def _take(self, connection: AsyncConnection, fact: Fact, known: Mapping[tuple[str, str], Kept]) -> None:
        now, entry = self._now(), known.get((fact.complex, fact.event.code or ""))
        on = Subject("watch", entry.id if entry else "")
        why = why_not(fact, entry, now)
        if why is not None or entry is None:
            record(connection, ITSELF, "watch.dropped", now, on=on, complex_id=fact.complex, details={"why": why})
            return
        accounts = await self._whom(connection, fact.complex, entry, now)
        row = _row(fact)
        if await watch_hit_rows.add(connection, row, accounts, now):
            if entry.sender_kind == "platform":
                await watch_order_rows.owe(connection, entry.sender, row, entry.disposition, now)
            by = {"by": fact.event.ext["by"]} if fact.event.ext.get("by") else {}
            details = {"hit": fact.id.hex(), "how": fact.event.state, "told": accounts, **by}
            record(connection, ITSELF, "watch.hit", now, on=on, complex_id=fact.complex, details=details)

    async def _whom(self, connection: AsyncConnection, complex_id: str, entry: Kept, now: datetime) -> list[str]:
        """The sender, and the officers on duty; where nobody of them is, every officer of the complex."""
        officers = await watch_hit_rows.officers(connection, complex_id)
        machine = await self._duties.of(connection, complex_id)
        on_duty = {person for level in LEVELS for person in machine.rota.on_duty(level, now, machine.place)}
        called = [name for name in officers if name in on_duty] or officers
        sender = [entry.sender] if entry.sender_kind == "account" and entry.sender in officers else []
        return sorted({*called, *sender})


def why_not(fact: Fact, entry: Kept | None, now: datetime) -> str | None:
    """Why a hit counts for nothing; by the moment of the reading, and by now."""
    if entry is None:
        return "unknown"
    if fact.event.state not in _HOWS:
        return "unread"
    if entry.withdrawn_at is not None:
        return "withdrawn"
    return None if entry.is_in_force(fact.event.occurred_at) and entry.is_in_force(now) else "over"


def _row(fact: Fact) -> dict[str, Any]:
    event, of = fact.event, fact.event.ext.get("of")
    passage = derive(fact.complex, of) if isinstance(of, str) and of else None
    where = {"device": event.device, "lane": event.lane, "place": event.place, "direction": event.direction}
    times = {"at": stamp(event.occurred_at), "received_at": stamp(fact.received_at), "time_quality": event.time_quality}
    named = {"complex": fact.complex, "id": fact.id.hex(), "entry": event.code, "how": event.state}
    differs = event.ext.get("differs")
    read = {"differs": differs[:8] if isinstance(differs, str) else None, "confidence": event.confidence}
    return {**named, **times, **where, **read, "passage": passage, "label": event.label, "picture": _picture(event)}


def _picture(event: Event) -> str | None:
    found = {media.role: media.sha256 for media in reversed(event.media) if media.sha256}
    return found.get("scene") or found.get("plate")

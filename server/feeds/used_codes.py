"""Visitors' codes that opened at one gateway: all gateways of the complex are told, so that none opens again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Actor, record
from server.batches import Batch, facts_of
from server.cells import moves
from server.facts import Fact
from server.rounds import look_every
from server.store import access_list, code_uses
from server.store.code_uses import Use
from server.store.engine import Database

log = structlog.get_logger()

_LOOK_EVERY_S = 1.0
_ITSELF = Actor("gatehouse", "centre")


class UsedCodes:
    """A reader of the log. It only notes what was used: lists are written in the turn of those who change them."""

    name = "used_codes"

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        found = {use.key: use for fact in facts_of(batches, {"access"}) if (use := _use(fact)) is not None}
        await code_uses.note(connection, list(found.values()))

    async def concerns(self, connection: AsyncConnection, batches: Sequence[Batch]) -> bool:
        return any(_use(fact) is not None for fact in facts_of(batches, {"access"}))


def _use(fact: Fact) -> Use | None:
    """Whoever was let in by what was shown."""
    event, entry = fact.event, fact.event.ext.get("card")
    by_code = event.kind == "access" and event.method == "qr" and event.result == "granted"
    if not by_code or not isinstance(entry, str) or event.ext.get("decided_by") != "gateway":
        return None
    where = event.place or f"{event.device} {event.point or ''}".strip()
    return Use(fact.complex, entry, event.occurred_at, where, fact.gateway)


class Teller:
    """Puts what was noted into the lists."""

    def __init__(self, db: Database, now: Callable[[], datetime]) -> None:
        self._db, self._now = db, now

    async def run(self) -> None:
        """Look every second, until cancelled."""
        await look_every(_LOOK_EVERY_S, "used_codes", self.look)

    async def look(self) -> None:
        """One version of a complex's list for all that was noted of it meanwhile."""
        async with self._db.read(at_once=True) as connection:
            away = await moves.away(connection)  # nobody writes for those
            complexes = [one for one in await code_uses.complexes(connection) if one not in away]
        for complex_id in complexes:
            async with self._db.write() as connection:
                await self._tell(connection, complex_id)

    async def _tell(self, connection: AsyncConnection, complex_id: str) -> None:
        now = self._now()
        await access_list.adopt(connection, complex_id, now)
        used = await code_uses.take(connection, complex_id)
        if used:  # not for phones' tokens, which stay good
            versions = await access_list.publish(connection, complex_id, _ITSELF.who, now)
            details = {"codes": used, **{f"{kind}_version": version for kind, version in versions.items()}}
            record(connection, _ITSELF, "visitor.used", now, complex_id=complex_id, details=details)

"""Hellos in: many at once in one transaction; each is told its watermarks, what is wanted, and when to come again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, select

from eventlog.together import Together, patience_s
from server.cells import moves
from server.centre_log import CentreLog
from server.conservation import Conservation
from server.refill import Refill
from server.store import device_rows, found_rows, health_rows
from server.store.engine import Database
from server.store.health_rows import Hello
from server.store.schema import gateway

_LEAST_S, _MOST_S, _HELLOS_A_SECOND = 5.0, 30.0, 80.0
_FEW, _GATEWAYS_A_SECOND, _MOST_GATHER_S = 200, 1_000.0, 3.0
_COUNT_EVERY_S = 5.0


class Answer(msgspec.Struct, frozen=True):
    """``again_s``: when the next hello is early enough; ``gather_s``: for how long what is routine may be gathered into
    one batch. The more gateways there are, the longer."""

    watermarks: Mapping[tuple[str, str], int]
    wanted: list[dict[str, object]]
    statement_wanted: bool
    again_s: float
    gather_s: float = 0.0


class Hellos:
    """The one place where a hello is kept."""

    def __init__(
        self, db: Database, log: CentreLog, refill: Refill, conservation: Conservation, now: Callable[[], datetime]
    ) -> None:
        self._db, self._log, self._refill, self._conservation, self._now = db, log, refill, conservation, now
        self._together: Together[tuple[str, dict[str, Any]], Answer] = Together(
            self._take, patience_s=lambda: patience_s(self._count)
        )
        self._count, self._counted_at = 0, datetime.min.replace(tzinfo=now().tzinfo)

    @property
    def waiting(self) -> int:
        return self._together.waiting

    async def take(self, gateway_id: str, status: dict[str, Any]) -> Answer:
        """Keep what a gateway says of itself. Raises DatabaseBusy."""
        return await self._together.ask((gateway_id, status))

    async def _take(self, said: Sequence[tuple[str, dict[str, Any]]]) -> list[Answer]:
        now, ids = self._now(), sorted({id_ for id_, _ in said})
        found = {id_: told for id_, status in said if (told := found_rows.told_in(status)) is not None}
        marks = await self._log.watermarks_of(ids)
        async with self._db.write(at_once=True) as connection:
            away = await moves.gateways_away(connection, ids)  # nothing of theirs is changed; they hear it soon
            kept = [Hello(id_, now, _without_found(status), marks[id_]) for id_, status in said if id_ not in away]
            if kept:
                await health_rows.keep(connection, kept)
                await device_rows.keep(connection, kept)
            for id_, told in sorted(found.items()):  # in one order: nobody waits for each other in a circle
                if id_ not in away:
                    await found_rows.keep(connection, id_, told)
        wanted, asked = await self._refill.wanted_of_all(ids), await self._conservation.are_wanted(ids)
        count = await self._counted(now)
        paces = again_s(count), gather_s(count)
        return [Answer(marks[id_], wanted.get(id_, []), id_ in asked, *paces) for id_, _ in said]

    async def _counted(self, now: datetime) -> int:
        """How many gateways there are, or were a little ago."""
        if (now - self._counted_at).total_seconds() > _COUNT_EVERY_S:
            self._counted_at = now
            async with self._db.read(at_once=True) as connection:
                query = select(func.count()).select_from(gateway).where(gateway.c.replaced_at.is_(None))
                self._count = (await connection.execute(query)).scalar_one()
        return self._count


def _without_found(status: dict[str, Any]) -> dict[str, Any]:
    """It has rows of its own; what a hello says is kept anew every few seconds."""
    return {key: value for key, value in status.items() if key != found_rows.FOUND}


def again_s(gateways: int) -> float:
    """How often so many gateways shall say how they are: at 5 s a city would ask for a core by itself."""
    return min(_MOST_S, max(_LEAST_S, round(gateways / _HELLOS_A_SECOND, 1)))


def gather_s(gateways: int) -> float:
    """For how long a gateway may gather what is routine: of a city's, each by itself would be a request of its own."""
    return 0.0 if gateways < _FEW else min(_MOST_GATHER_S, round(gateways / _GATEWAYS_A_SECOND, 1))

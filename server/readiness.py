"""Whether this process can do its work: what a balancer asks before it sends anybody here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import text

from eventlog.log import LogBroken
from server.house import House
from server.media import MediaAway
from server.store import migrate
from server.store.failures import DatabaseBusy

log = structlog.get_logger()

_LOOK_EVERY_S, _LIMIT_S = 2.0, 5.0


class NotReady(Exception):
    """One thing that is missing; the message is for the log, not for whoever asks."""


class Readiness:
    """Looks at most every two seconds, however often somebody asks: anyone may."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._missing: list[str] = []
        self._looked_at_s, self._looking = -_LOOK_EVERY_S, asyncio.Lock()

    async def missing(self) -> list[str]:
        """What is not as it must be: database, migrations, log, pictures; nothing where all is well."""
        async with self._looking:
            now_s = asyncio.get_running_loop().time()
            if now_s - self._looked_at_s >= _LOOK_EVERY_S:
                self._missing = await self._look()
                self._looked_at_s = asyncio.get_running_loop().time()
        return self._missing

    async def _look(self) -> list[str]:
        looks = {"migrations": self._migrations, "log": self._house.log.probe, "pictures": self._house.media.probe}
        if not await _holds("database", self._database):
            return ["database", "log"]
        return [name for name, look in looks.items() if not await _holds(name, look)]

    async def _database(self) -> None:
        async with self._house.db.read() as connection:
            await connection.execute(text("SELECT 1"))

    async def _migrations(self) -> None:
        async with self._house.db.read() as connection:
            revision = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
        if revision != migrate.newest():
            raise NotReady(f"the database is at {revision}, this program at {migrate.newest()}")


async def _holds(name: str, look: Callable[[], Awaitable[None]]) -> bool:
    try:
        async with asyncio.timeout(_LIMIT_S):
            await look()
    except (DatabaseBusy, LogBroken, NotReady, MediaAway, TimeoutError) as error:
        log.warning("not_ready", missing=name, error=str(error) or type(error).__name__)
        return False
    return True

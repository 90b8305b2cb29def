"""A cell tells the directory which complexes it serves: at its start, then every ten minutes. Nobody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import aiohttp
import msgspec
import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.cells import Whereabouts
from server.cells import moves
from server.cells.arrive import NotNow
from server.cells.far import FarAway, Send, sender
from server.cells.moves import FIRST_VERSION
from server.config import Directory
from server.store.engine import Database
from server.store.failures import DatabaseBusy
from server.store.schema import gateway

log = structlog.get_logger()

_EVERY_S, _AGAIN_S = 600.0, 60.0


async def put(send: Send, said: Mapping[str, Whereabouts]) -> None:
    """Say where complexes are. Raises FarAway, or NotNow where another cell has said something newer."""
    status, body = await send("PUT", "/v1/cells", msgspec.json.encode(said))
    if status == 409:
        raise NotNow("other_cell", f"the directory knows another cell: {body.decode(errors='replace')[:300]}")
    if status != 200:
        raise FarAway(f"the directory answers {status}: {body.decode(errors='replace')[:300]}")


class Announcer:
    """Says it until cancelled. ``here`` is this cell's own address and fingerprint."""

    def __init__(
        self,
        directory: Directory,
        secret: Callable[[], bytes],
        complexes: Sequence[str],
        here: Callable[[], Whereabouts],
        db: Database,
    ) -> None:
        self._directory, self._secret, self._complexes, self._here, self._db = directory, secret, complexes, here, db

    async def run(self) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                pause_s = _EVERY_S if await self._said(session) else _AGAIN_S
                await asyncio.sleep(pause_s)

    async def _said(self, session: aiohttp.ClientSession) -> bool:
        try:
            send = sender(session, self._directory.url, self._secret(), self._directory.fingerprint)
            await put(send, await self._ours())
        except (FarAway, NotNow, DatabaseBusy, OSError) as error:
            log.warning("directory_not_told", error=str(error))
            return False
        return True

    async def _with_gateways(self, connection: AsyncConnection) -> list[str]:
        """A complex that settings name and that has no gateway here is served by nobody yet, or is still to come."""
        found = set((await connection.execute(select(gateway.c.complex).distinct())).scalars())
        return [complex_id for complex_id in self._complexes if complex_id in found]

    async def _ours(self) -> dict[str, Whereabouts]:
        here, found = self._here(), dict[str, Whereabouts]()
        async with self._db.read() as connection:
            for complex_id in await self._with_gateways(connection):
                move = await moves.of(connection, complex_id)
                if move is None or move.state == "open":
                    version = FIRST_VERSION if move is None else move.version
                    found[complex_id] = msgspec.structs.replace(here, version=version)
        return found

"""Whose screen stands open: said into the database every few seconds, for whoever sends may be another process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from server.live import Hub
from server.rounds import look_every
from server.store import person_channel_rows
from server.store.engine import Database

EVERY_S = 5.0
_LASTS = timedelta(seconds=12)  # a screen that is closed is told by the next channel once an emergency's wait is over


class Presence:
    """Of this process's screens. Nothing is written while there are none and were none."""

    def __init__(self, db: Database, hub: Hub, now: Callable[[], datetime]) -> None:
        self._db, self._hub, self._now = db, hub, now
        self._had_some = False

    async def run(self) -> None:
        """Until cancelled."""
        await look_every(EVERY_S, "presence", self.look)

    async def look(self) -> None:
        logins, now = self._hub.logins, self._now()
        if logins or self._had_some:
            async with self._db.write(at_once=True) as connection:
                await person_channel_rows.screens_open(connection, logins, now, now + _LASTS)
        self._had_some = bool(logins)

"""What became of each day's records, told to the centre: at the start, every hour, and when the centre asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from domain.events import STREAMS
from domain.statements import Row
from edge.store.conservation import NotSettled, Reckoning, reckon
from edge.sync.transport import Refused, Uplink, UplinkDown
from eventlog.follow import rung_or_after
from eventlog.sqlite_schema import ERRORS

log = structlog.get_logger()

STATEMENTS = "/v1/statements"
_EVERY_S = 3_600.0
_AGAIN_S = 60.0  # after a failure
_AT_MOST_EVERY_S = 5.0  # however often the centre asks


class StatementPush:
    """Reads each day's numbers in a thread and sends them; between two, only what changed and what is held."""

    def __init__(
        self,
        file: Path,
        acknowledged: Callable[[], Mapping[str, int]],
        uplink: Uplink,
        zone: ZoneInfo,
        now: Callable[[], datetime],
        quiet_s: float = _AT_MOST_EVERY_S,
    ) -> None:
        self._quiet_s = quiet_s
        self._file, self._acknowledged, self._uplink = file, acknowledged, uplink
        self._zone, self._now = zone, now
        self._wanted = asyncio.Event()
        self._stated: dict[tuple[str, str, int], Row] = {}

    def ask(self) -> None:
        """The centre wants a statement: of everything, for it may have lost those it had."""
        self._stated = {}
        self._wanted.set()

    async def run(self) -> None:
        """State until cancelled. What fails is told and tried again; nothing else waits for it."""
        while True:
            wait_s = await self._try()
            await asyncio.sleep(self._quiet_s)
            await rung_or_after(self._wanted, wait_s)

    async def _try(self) -> float:
        """How long to wait before the next."""
        if any(self._acknowledged().get(name) is None for name in STREAMS):
            return 0.0  # not heard from the centre yet
        self._wanted.clear()
        try:
            await self.state()
        except (UplinkDown, Refused, NotSettled, *ERRORS) as error:
            log.warning("statement_not_sent", error=str(error))
            return _AGAIN_S
        return _EVERY_S

    async def state(self) -> Reckoning:
        """Read and send one statement. Raises UplinkDown, Refused, NotSettled, and what SQLite meets."""
        known = self._stated
        reckoned = await asyncio.to_thread(reckon, self._file, lambda: dict(self._acknowledged()))
        await self._uplink.send_json("POST", STATEMENTS, reckoned.statement(self._now(), self._zone, known))
        if known is self._stated:  # not asked for everything meanwhile
            self._stated = {row.key: row for row in reckoned.rows}
        return reckoned

"""How the gateway is, once a second: for the centre, for who asks on the box, for the metrics, and as events."""

from __future__ import annotations

import asyncio
import os
from importlib.metadata import version
from typing import Any

import structlog

from domain.events import Event
from edge.devices.driver import discover
from edge.intake.flood import FloodLimit
from edge.parts import Parts
from edge.releases.releases import ROOT, Releases
from edge.status import status
from edge.status.figures import Figures
from edge.status.heard import Heard
from edge.status.metrics import Metrics
from edge.status.watchdog import Watchdog
from edge.store.happenings import LetGo
from edge.sync.session import Session
from eventlog.log import LogBroken

log = structlog.get_logger()


class SelfReport:
    """Reads the parts and says what it sees; what it could not read it says as last known."""

    def __init__(self, parts: Parts, flood: FloodLimit, metrics: Metrics, watchdog: Watchdog) -> None:
        self._parts, self._flood, self._metrics, self._watchdog = parts, flood, metrics, watchdog
        seen, listed = parts.intake.seen, lambda: parts.devices.identities
        self._figures = Figures(parts.config.folder, seen, listed)
        self._heard = Heard(seen, listed, discover(), parts.clock.monotonic_s)
        self._stored: dict[str, Any] = {"streams": {}, "media_unsent": 0, "parked": 0}
        self._last_figures: dict[str, Any] = {}
        self._version = version("gatehouse")
        self._returned = Releases(ROOT).returned().strip()
        self.session = Session(parts, self._hello, self._heard.told)
        self.let_go: list[LetGo] = []

    def started(self) -> Event:
        return self._parts.notices.started(self._version)

    async def _hello(self) -> dict[str, Any]:
        """What the centre is told: how the gateway is, and its devices where there is something new to say of them."""
        return {**await self.described(), "devices": self._parts.devices.told(), **self._heard.due()}

    async def described(self) -> dict[str, Any]:
        """What the centre shows of this gateway; of a store that cannot be read, what was last known."""
        parts = self._parts
        try:
            self._stored = await self._of_store()
        except LogBroken as error:
            parts.keeper.met(error)
        return {
            "version": self._version,
            "pid": os.getpid(),
            "time": parts.clock.now(),
            "clock": {**parts.clock.described(), "skewed": parts.notices.skewed},
            **self._stored,
            "broker": "connected" if parts.mqtt.connected else "away",
            "broker_connected_at": parts.mqtt.last_connected,
            "broker_queued_since": parts.mqtt.queued_since,
            "store": parts.keeper.described(),
            "devices": parts.devices.described(),
            "disk": self._last_figures.get("disk"),
            "devices_down": sum(
                entry.get("state") == "offline" for entry in self._last_figures.get("seen", {}).values()
            ),
            "dropped": parts.intake.counts.get("flood", 0),
            "returned": self._returned,
            **parts.searching.in_short(),
        }

    async def _of_store(self) -> dict[str, Any]:
        return {
            "streams": {name: entry.plain() for name, entry in (await self._streams()).items()},
            "media_unsent": await self._parts.media.count_unsent(),
            "parked": await status.counted(self._parts.store, "parked"),
        }

    async def _streams(self) -> dict[str, status.StreamStatus]:
        known, store = self.session.acknowledged, self._parts.store
        return {
            name: status.StreamStatus(entry.epoch, await store.head(name), known.get(name, entry.acknowledged))
            for name, entry in (await status.of_store(store)).items()
        }

    async def show(self) -> None:
        """Tell everyone how it is now. It never waits for the store to be mended: that it is, is what must be seen."""
        offset = self._parts.clock.offset
        described = {
            **await self.described(),
            **await self._figured(),
            "uplink": self.session.state,
            "card_lists": self._parts.control.card_lists.described(),
            **self._parts.links.described(),
            "counts": {**self._parts.intake.counts, **self._parts.media.counts},
            "clock_offset_s": None if offset is None else offset.total_seconds(),
        }
        if self._last_figures:
            self._metrics.show(described)
        self._watchdog.tell(described)
        await self._leave(described)

    async def note(self) -> None:
        """What happened since the last time becomes events. Raises LogBroken."""
        await self._parts.keeper.mend_what_was_met()
        notices = await self._notices()
        if notices:
            await self._parts.intake.record(*notices)

    async def _figured(self) -> dict[str, Any]:
        """The figures behind the status; while the store cannot be read, the last ones."""
        counts = {**self._parts.intake.counts, **self._parts.media.counts}
        try:
            self._last_figures = await self._figures.describe(self._parts.store, await self._streams(), counts)
        except LogBroken as error:
            self._parts.keeper.met(error)
        return self._last_figures

    async def _leave(self, described: dict[str, Any]) -> None:
        try:
            await asyncio.to_thread(status.write_file, self._parts.config.folder, described)
        except OSError as error:  # a full disk must not stop the doors for want of a convenience
            log.warning("status_not_written", error=str(error))

    async def _notices(self) -> list[Event]:
        notices, clock = self._parts.notices, self._parts.clock
        waiting = sum(entry.backlog for entry in (await self._streams()).values())
        found = notices.backlog(waiting) + notices.steps(clock.take_steps()) + notices.clock(clock.offset)
        found += notices.floods(self._flood.due(clock.monotonic_s()))
        found += [notices.store(happened) for happened in self._parts.keeper.happened()]
        found += [notices.let_go(gone) for gone in self.let_go]
        self.let_go.clear()
        return found

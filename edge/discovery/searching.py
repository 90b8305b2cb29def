"""The agent looks by itself: soon after its start, every so often, and when the centre asks; what it found is told.

Who speaks to it without being listed is noticed between the searches too. For a while after the centre asked, devices
that call (pushes, charge points, transmitters) are let in even where none of their kind is listed: they are parked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog

from domain.desired_bodies import Device
from edge.clock import Clock
from edge.config import Config
from edge.devices.announced import Known
from edge.devices.driver import Registry
from edge.discovery import found_file, parked
from edge.discovery.discoverer import Discoverer, Search, discoverers
from edge.discovery.found import Findings, Found, found, plain
from edge.discovery.search import search
from edge.intake.device_list import DeviceList
from edge.intake.intake import Intake
from eventlog.follow import rung_or_after

log = structlog.get_logger()

_FIRST_AFTER_S = 15.0  # the start has enough to do
_LOOK_S, _OPEN_LOOK_S = 60.0, 3.0  # between two looks for who spoke; while somebody waits for it
_TELL_AGAIN_S = 3_600.0  # the centre may have lost what it was told
_NEVER_S = float("inf")


class Searching:
    """``ask`` from the centre; ``news`` for its next hello, and ``told`` once that arrived."""

    def __init__(
        self,
        config: Config,
        registry: Registry,
        devices: DeviceList,
        intake: Intake,
        clock: Clock,
        ways: Sequence[Discoverer] | None = None,
    ) -> None:
        self._config, self._registry, self._devices, self._intake, self._clock = (
            config,
            registry,
            devices,
            intake,
            clock,
        )
        self._settings = config.discovery
        self._ways = discoverers() if ways is None else tuple(ways)
        self._findings = Findings()
        self._wanted = asyncio.Event()
        self._open_until_s = -_NEVER_S
        self._parked_seen = self._kept = -1  # what an earlier run parked is looked at first
        self._offered: Sequence[Found] = ()
        self._offered_for: tuple[int, tuple[Device, ...]] | None = None
        self._told: tuple[object, ...] = ()
        self._telling: tuple[object, ...] = ()
        self._told_at_s = -_NEVER_S
        self._failed: dict[str, str] = {}
        self.searched_at: datetime | None = None
        self.is_looking = False

    def ask(self) -> str | None:
        """Look now: an order of the centre. None: it will be done."""
        self._open_until_s = self._clock.monotonic_s() + self._settings.listen_s
        self.is_looking = True  # from now on, for whoever waits at a page
        self._wanted.set()
        return None

    def is_open(self) -> bool:
        """Whether devices that nobody listed may call just now."""
        return self._clock.monotonic_s() < self._open_until_s

    def called(self, device: str, host: str) -> None:
        """A device called and was refused, for nobody listed it."""
        at, page = self._clock.now(), self._registry.page_of(device)
        if (one := found(Known(device, host=host), "called", at, page)) is not None:
            self._findings.add(one)

    async def run(self) -> None:
        """Until cancelled."""
        for one in await asyncio.to_thread(found_file.read, self._config.folder, self._clock.now()):
            self._findings.add(one)
        self._kept = self._findings.revision
        loop = asyncio.get_running_loop()
        every_s = self._settings.every_s
        next_s = loop.time() + min(_FIRST_AFTER_S, every_s) if every_s else _NEVER_S
        while True:
            pause_s = _OPEN_LOOK_S if self.is_open() else _LOOK_S
            await rung_or_after(self._wanted, max(0.0, min(pause_s, next_s - loop.time())))
            if self._wanted.is_set() or loop.time() >= next_s:
                self._wanted.clear()
                await self._search()
                next_s = loop.time() + every_s if every_s else _NEVER_S
            elif self._somebody_spoke():
                await search(self._asked(), self._findings.add, [parked.DISCOVERER])
            await self._keep()

    async def _keep(self) -> None:
        """For the next start, and for a command beside this agent: a caller that was refused, nobody else knows."""
        if self._kept == self._findings.revision:
            return
        self._kept = self._findings.revision
        try:
            await asyncio.to_thread(found_file.write, self._config.folder, self._findings.all(()))
        except OSError as error:  # a convenience: a full disk stops nothing for it
            log.warning("found_not_kept", error=str(error))

    def _somebody_spoke(self) -> bool:
        """Whether messages were parked since the last look, and can be found in the log."""
        count, before = self._intake.parked_durably, self._parked_seen
        self._parked_seen = count
        return count != before

    def _asked(self) -> Search:
        settings = self._settings
        return Search(self._config, self._registry, self._clock.now, settings.seconds, settings.interface)

    async def _search(self) -> None:
        self.is_looking = True
        try:
            failed = await search(self._asked(), self._findings.add, self._ways)
        finally:
            self.is_looking = self._wanted.is_set()
        self._add_accepted()
        self._findings.forget(self._clock.now() - found_file.KEEP)
        self._say(failed)
        self.searched_at = self._clock.now()

    def _add_accepted(self) -> None:
        """Where all are taken without being listed, nothing of them is parked: by when each was heard."""
        if self._config.unknown_devices != "accept":
            return
        for device in self._intake.seen.shown([]):
            at, page = self._intake.seen.at(device), self._registry.page_of(device)
            if at is not None and (one := found(Known(device), "heard", at, page)) is not None:
                self._findings.add(one)

    def _say(self, failed: dict[str, str]) -> None:
        """Once for each reason: a box without a network says the same each hour."""
        for way, why in failed.items():
            if self._failed.get(way) != why:
                log.info("way_not_looked", way=way, why=why)
        self._failed = failed

    def unlisted(self) -> Sequence[Found]:
        """What is offered, bounded; found anew only where something changed."""
        listed = self._devices.listed
        if (self._findings.revision, listed) != self._offered_for:
            self._offered = self._findings.unlisted(listed)
            self._offered_for = self._findings.revision, listed
        return self._offered

    def in_short(self) -> dict[str, Any]:
        """For each hello, and for who asks on the box."""
        return {"searched_at": self.searched_at, "searching": self.is_looking}

    def news(self) -> list[dict[str, Any]] | None:
        """What the centre shall have instead of what it was told before; None where that is the same."""
        offered = self.unlisted()
        self._telling = _state(self.searched_at, offered)
        stale = self._clock.monotonic_s() - self._told_at_s > _TELL_AGAIN_S
        return [plain(one) for one in offered] if stale or self._telling != self._told else None

    def told(self) -> None:
        """The centre has the news."""
        self._told, self._told_at_s = self._telling, self._clock.monotonic_s()


def _state(searched_at: datetime | None, offered: Sequence[Found]) -> tuple[object, ...]:
    """What makes it worth telling; not when a device was seen between two searches."""
    said = ((one.id, one.address, one.host, one.name, one.model, one.by, one.exact) for one in offered)
    return (searched_at, *said)

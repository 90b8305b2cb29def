"""The transports beside the broker: each is loaded, and runs, only while a device in the list is reached by it."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol, runtime_checkable

import structlog

from domain.access import Decision
from domain.events import Event
from domain.scenes.wishes import Scenes
from edge.clock import Clock
from edge.config import Config
from edge.control.card_lists import CardLists
from edge.devices.driver import Outgoing, Registry
from edge.intake.device_list import DeviceList
from edge.intake.intake import Intake

log = structlog.get_logger()

_LOOK_S = 1.0


@dataclass(frozen=True)
class Around:
    """What a transport may use of the agent. ``devices`` changes while it runs: it looks there again by itself.

    ``say`` takes what a transport itself saw for the log; ``card_lists`` are those of controllers that decide alone;
    ``right`` decides about a card that a device asks about, None where anyone may.
    ``called`` takes who called without being listed, and from where; while ``is_open`` such may call, to be found.
    ``scenes``: what the centre wishes of cameras, just now.
    """

    config: Config
    registry: Registry
    devices: DeviceList
    intake: Intake
    clock: Clock
    retry_s: Callable[[int], float]
    say: Callable[[Event], None] = field(default=lambda event: None)
    card_lists: CardLists | None = None
    right: Callable[[str, str], Decision | None] = field(default=lambda device, card: None)
    called: Callable[[str, str], None] = field(default=lambda device, host: None)
    is_open: Callable[[], bool] = field(default=lambda: False)
    scenes: Callable[[], Scenes] = field(default=Scenes)


@runtime_checkable
class Described(Protocol):
    """A transport that has more to say of itself than its devices' states."""

    def described(self) -> dict[str, Any]: ...


class Transport(Protocol):
    """One way to reach devices. Its module in ``edge.transports`` has ``make(around) -> Transport``."""

    async def run(self) -> None:
        """Carry messages until cancelled. What one device does wrong is its own affair and ends nothing."""
        ...

    def send(self, device: str, message: Outgoing) -> bool:
        """Tell a device now or not at all; whether it was tried. False for a device that is reached another way."""
        ...


def _that_take_calls(registry: Registry) -> frozenset[str]:
    """The transports whose devices call us: their module says TAKES_CALLS."""
    names = {name for driver in registry.by_family.values() for name in driver.transports}
    return frozenset(name for name in names if _takes_calls(name))


@cache
def _takes_calls(name: str) -> bool:
    try:
        return bool(getattr(importlib.import_module(f"edge.transports.{name}"), "TAKES_CALLS", False))
    except ImportError:  # what it needs is not installed
        return False


class Links:
    """Starts and stops transports as the device list changes; one that fails starts again."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._running: dict[str, tuple[Transport, asyncio.Task[None]]] = {}
        self._failures: dict[str, int] = {}
        self._not_before_s: dict[str, float] = {}

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._settle()
                await asyncio.sleep(_LOOK_S)
        finally:
            tasks = [task for _, task in self._running.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def send(self, device: str, message: Outgoing) -> bool:
        """Whether any transport took it."""
        return any(transport.send(device, message) for transport, _ in self._running.values())

    def described(self) -> dict[str, dict[str, Any]]:
        """What transports that run say of themselves, by their names."""
        running = {name: transport for name, (transport, _) in self._running.items()}
        return {name: one.described() for name, one in running.items() if isinstance(one, Described)}

    def _settle(self) -> None:
        devices = self._around.devices
        wanted = self._around.registry.transports_of(devices.identities, devices.addressed)
        if self._around.is_open():
            wanted |= _that_take_calls(self._around.registry)
        for name, (_, task) in list(self._running.items()):
            if task.done():
                self._note_end(name, task)
            elif name not in wanted:
                log.info("transport_stopped", transport=name)
                task.cancel()
        now_s = asyncio.get_running_loop().time()
        for name in sorted(wanted - self._running.keys()):
            if self._not_before_s.get(name, 0.0) <= now_s:
                self._start(name)

    def _start(self, name: str) -> None:
        try:
            transport: Transport = importlib.import_module(f"edge.transports.{name}").make(self._around)
        except Exception as error:  # noqa: BLE001 - a library that is not installed stops its own devices alone
            self._failed(name, error)
            return
        log.info("transport_started", transport=name)
        self._running[name] = (transport, asyncio.create_task(transport.run(), name=f"transport {name}"))

    def _note_end(self, name: str, task: asyncio.Task[None]) -> None:
        del self._running[name]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(name, error)

    def _failed(self, name: str, error: BaseException) -> None:
        self._failures[name] = self._failures.get(name, 0) + 1
        wait_s = self._around.retry_s(self._failures[name])
        self._not_before_s[name] = asyncio.get_running_loop().time() + wait_s
        log.error("transport_failed", transport=name, error=repr(error), again_in_s=round(wait_s, 1))

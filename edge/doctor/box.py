"""What the tests of devices share: the settings, what the agent left, the ports, the secrets, what the broker keeps."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from domain.access import CardList
from domain.desired_bodies import Device
from edge.config import Config
from edge.control.desired import InForce, read_kept
from edge.device_secrets import DeviceSecrets
from edge.devices.driver import Registry
from edge.doctor.listening import Listening
from edge.doctor.retained import NOT_ASKED, Retained
from edge.status import beside
from edge.status.box_status import alive

_KINDS = ("devices", "credentials")
AskBroker = Callable[[Config, Registry, Sequence[Device]], Retained]


def _not_asked(config: Config, registry: Registry, devices: Sequence[Device]) -> Retained:
    return NOT_ASKED


@dataclass
class Box:
    """``left`` is the status that the agent left; ``ask_broker`` blocks."""

    config: Config
    registry: Registry
    devices: Sequence[Device]
    cards: CardList
    left: Mapping[str, Any]
    clock: Callable[[], datetime]
    ask_broker: AskBroker = _not_asked
    listening: Listening = field(default_factory=Listening)

    def __post_init__(self) -> None:
        self.secrets = DeviceSecrets(self.config.folder)
        self.runs = alive(dict(self.left))
        self._retained: asyncio.Task[Retained] | None = None

    @cached_property
    def own_error(self) -> timedelta:
        """What the agent corrects this box's clock by, where nobody else keeps it right."""
        return timedelta(milliseconds=self.left.get("clock", {}).get("corrected_ms") or 0) if self.runs else timedelta()

    def now(self) -> datetime:
        """The moment by the agent's best clock."""
        return self.clock() + self.own_error

    async def retained(self) -> Retained:
        """What the broker keeps of the devices: asked once for all of them."""
        if self._retained is None:
            asking = asyncio.to_thread(self.ask_broker, self.config, self.registry, self.devices)
            self._retained = asyncio.create_task(asking)
        return await asyncio.shield(self._retained)


def in_force(folder: Path) -> InForce:
    """The device list and the cards that the centre sent last; nothing where there is no log, or none that is read."""
    try:
        with beside.opened(folder) as db:
            sql = "SELECT kind, version, body FROM desired WHERE kind IN (?, ?) ORDER BY kind"
            return read_kept(db.execute(sql, _KINDS).fetchall())
    except (beside.NoLog, sqlite3.Error):
        return InForce()

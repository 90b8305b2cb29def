"""What a door's device is told: open, refused, held free, locked. Now or not at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog

from edge.devices.driver import CannotEncode, Command, Outgoing, Registry, Site
from edge.intake.device_list import DeviceList
from edge.intake.topics_heard import LastHeard

log = structlog.get_logger()

Send = Callable[[str, Outgoing], bool]
AWAY = "the device cannot be reached: its broker or its line is away"


class DoorHands:
    """``new_id`` names a request to a device; ``last_heard`` tells where a device last spoke."""

    def __init__(
        self,
        devices: DeviceList,
        registry: Registry,
        site: Site,
        send: Send,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        last_heard: Callable[[str], LastHeard],
    ) -> None:
        self._devices, self._registry, self._site = devices, registry, site
        self._send, self._now, self._new_id, self._last_heard = send, now, new_id, last_heard

    def tell(self, name: str, device: str, point: str, heard: LastHeard | None = None, **args: Any) -> str | None:
        """Send an order for the door at a reader; None where it was sent, else why not."""
        where = heard or self._last_heard(device)
        command = Command(name, device, self._new_id(), self._now(), self._arguments(device, point, args))
        try:
            sent = self._send(device, self._registry.encode(command, self._site, where.topic, where.family))
        except CannotEncode as error:
            return str(error)
        return None if sent else AWAY

    def show_refusal(self, device: str, point: str, heard: LastHeard, asked: str | None = None) -> None:
        """Where a reader can show one, or waits for a verdict on what it asked by this number; most do neither, and
        that is no fault."""
        failure = self.tell("door.deny", device, point, heard, asked=asked)
        if failure is not None:
            log.debug("refusal_not_shown", device=device, point=point, reason=failure)

    def _arguments(self, device: str, point: str, args: dict[str, Any]) -> dict[str, Any]:
        door = self._devices.door_at(device, point)
        told = {"point": point or None, **args, **(door.open_with if door else {})}
        return {name: value for name, value in told.items() if value is not None}

"""Members at the broker that watch: contacts behind a Zigbee bridge, cameras of a recorder, cameras by themselves."""

from __future__ import annotations

import string
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from simulators.crowd.at_broker import AtBroker, Shared
from simulators.crowd.member import Signs, in_ms, moment
from simulators.devices import frigate, onvif, zigbee2mqtt


class Contact(AtBroker):
    """A contact behind Zigbee2MQTT: open and closed by turns, its battery's report as a sign of life."""

    family, nature, alive_s = "zigbee2mqtt", "sensor", 3_000.0

    def __init__(self, number: int, signs: Signs, shared: Shared, bridge: zigbee2mqtt.Bridge) -> None:
        self._name, self._bridge, self._closed = f"{number}号楼/门磁", bridge, True
        super().__init__(f"z2m:{self._name}", signs, shared)

    async def fact(self, at: datetime) -> str:
        self._closed = not self._closed
        at = in_ms(at)
        await self.line.say([self._bridge.says(self._name, contact=self._closed, last_seen=at.isoformat())])
        return moment(at.isoformat())

    async def alive(self, at: datetime) -> None:
        await self.line.say([self._bridge.says(self._name, battery=93, last_seen=at.isoformat())])

    def mark(self, event: Mapping[str, Any]) -> str | None:
        return moment(event.get("time")) if event["kind"] == "door" else None


class RecorderCamera(AtBroker):
    """A camera of a Frigate recorder: somebody comes, and by the next fact has gone."""

    family, nature = "frigate", "camera"

    def __init__(self, number: int, signs: Signs, shared: Shared) -> None:
        self._camera = f"camera{number}"
        self._seen: frigate.Tracked | None = None
        super().__init__(f"frigate:{self._camera}", signs, shared)

    async def fact(self, at: datetime) -> str:
        if self._seen is None:
            suffix = _letters(self.signs.number())
            self._seen = frigate.Tracked(camera=self._camera, label="person", started_at=at, suffix=suffix)
            await self.line.say([frigate.event("new", self._seen, self._seen)])
            return f"start {self._seen.id}"
        before, self._seen = self._seen, None
        gone = frigate.Tracked(
            camera=self._camera, label="person", started_at=before.started_at, suffix=before.suffix, ended_at=at
        )
        await self.line.say([frigate.event("end", before, gone)])
        return f"end {before.id}"

    def mark(self, event: Mapping[str, Any]) -> str | None:
        if event["kind"] != "detection" or event.get("label") != "person":
            return None
        return f"{event.get('phase', 'instant')} {event.get('source_event_id')}"


def _letters(number: int) -> str:
    made = ""
    for _ in range(6):
        number, sign = divmod(number, 26)
        made += string.ascii_lowercase[sign]
    return made


class AxisCamera(AtBroker):
    """Axis' event bridge: its motion sensor, on and off by turns."""

    family, nature = "axis-mqtt", "camera"

    def __init__(self, number: int, signs: Signs) -> None:
        self._serial, self._on = f"ACCC8E{number:06}", False
        super().__init__(f"axis:{self._serial}", signs)

    async def fact(self, at: datetime) -> str:
        self._on, at = not self._on, in_ms(at)
        await self.line.say([onvif.axis(self._serial, "pir", 0, self._on, at)])
        return moment(at.isoformat())

    def mark(self, event: Mapping[str, Any]) -> str | None:
        return moment(event.get("time")) if event["kind"] == "detection" else None


class OnvifCamera(AtBroker):
    """ONVIF's JSON: somebody crosses a line."""

    family, nature = "onvif-mqtt", "camera"

    def __init__(self, number: int, signs: Signs) -> None:
        self._prefix = f"Gate{number}"
        super().__init__(f"onvif:{self._prefix}", signs)

    async def fact(self, at: datetime) -> str:
        at = in_ms(at)
        await self.line.say([onvif.line_crossed(self._prefix, "围墙", self.signs.number(), "Human", at)])
        return moment(at.isoformat())

    def mark(self, event: Mapping[str, Any]) -> str | None:
        return moment(event.get("time")) if event["kind"] == "detection" else None

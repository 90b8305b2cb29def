"""A Zigbee2MQTT bridge and the sensors, plugs and sirens behind it; each state is sent whole, as its cache has it.

Written from zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html and Koenkk/zigbee2mqtt lib/extension.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from simulators.devices.message import DeviceMessage, encode

Online = Literal["online", "offline"]


class Bridge:
    """One stick. It remembers what it last heard of each device, and says all of it each time."""

    def __init__(self, base: str = "zigbee2mqtt") -> None:
        self.base = base
        self._states: dict[str, dict[str, Any]] = {}

    @property
    def commands(self) -> str:
        """The topic filter that it subscribes to; its own messages among them it passes over."""
        return f"{self.base}/#"

    def state(self, online: Online) -> DeviceMessage:
        """Its own: retained; "offline" is its will."""
        return DeviceMessage(f"{self.base}/bridge/state", encode({"state": online}), retained=True)

    def availability(self, name: str, online: Online) -> DeviceMessage:
        """Whether a device answers, or was heard of lately."""
        return DeviceMessage(f"{self.base}/{name}/availability", encode({"state": online}), retained=True)

    def says(self, name: str, **fields: Any) -> DeviceMessage:
        """A device said something: with it goes what it said before."""
        cached = self._states.setdefault(name, {"linkquality": 90})
        cached.update({key: value for key, value in fields.items() if key != "action"})
        return DeviceMessage(f"{self.base}/{name}", encode({**cached, **fields}))

    def leaves(self, name: str) -> DeviceMessage:
        """A device left the network."""
        event = {"type": "device_leave", "data": {"friendly_name": name, "ieee_address": "0x00158d0001dc126a"}}
        return DeviceMessage(f"{self.base}/bridge/event", encode(event))

    def answer(self, topic: str, payload: bytes) -> list[DeviceMessage]:
        """A switch switches and says so; a siren only sounds."""
        name = topic.removeprefix(f"{self.base}/").removesuffix("/set")
        if not topic.endswith("/set") or name not in self._states:
            return []
        try:
            order = msgspec.json.decode(payload, type=dict[str, Any])
        except msgspec.MsgspecError:
            return []
        if order.get("state") not in ("ON", "OFF"):
            return []
        return [self.says(name, state=order["state"])]

"""What Home Assistant is told to find, a message a device: its device discovery, with our topics in it. Pure.

Source: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from domain.desired_bodies import Device
from edge.outward.entities import Entity
from edge.outward.names import Names

_STATE = "{{ value_json.state }}"
_UPLINK = "{{ 'ON' if value_json.state == 'online' else 'OFF' }}"
PRESS = "open"


def gateway_config(names: Names, version: str) -> bytes:
    """The gateway itself: whether it is there."""
    identity = names.object_id("")
    there = {
        "platform": "binary_sensor",
        "unique_id": f"{identity}_connectivity",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
        "state_topic": names.availability,
        "value_template": _UPLINK,
    }
    device = {"identifiers": [identity], "name": f"Gatehouse {names.complex}", "manufacturer": "Gatehouse"}
    said = {"device": {**device, "sw_version": version}, "origin": _origin(version), "qos": 1}
    return msgspec.json.encode({**said, "components": {"connectivity": there}})


def device_config(names: Names, device: Device, entities: Iterable[Entity], version: str) -> bytes:
    """A device, there while it and the gateway are."""
    kind = device.id.partition(":")[0]
    identity = names.object_id(device.id)
    told: dict[str, Any] = {"identifiers": [identity], "name": device.name or device.id, "model": kind}
    if device.place:
        told["suggested_area"] = device.place
    topics = (names.availability, names.availability_of(device.id))
    return msgspec.json.encode(
        {
            "device": {**told, "serial_number": device.id.partition(":")[2], "via_device": names.object_id("")},
            "origin": _origin(version),
            "availability": [{"topic": topic, "value_template": _STATE} for topic in topics],
            "availability_mode": "all",
            "qos": 1,
            "components": {entity.name: _component(names, device.id, entity) for entity in entities},
        }
    )


def _origin(version: str) -> dict[str, str]:
    return {"name": "Gatehouse", "sw_version": version}


def _component(names: Names, device: str, entity: Entity) -> dict[str, Any]:
    found: dict[str, Any] = {"platform": entity.platform, "unique_id": f"{names.object_id(device)}_{entity.name}"}
    if entity.label:
        found["name"] = entity.label
    if entity.platform == "button":
        return {**found, "command_topic": names.order(device, entity.name), "payload_press": PRESS, "retain": False}
    topic = names.state(device, entity.name)
    found |= {"state_topic": topic, "value_template": _STATE, "json_attributes_topic": topic}
    optional = {
        "device_class": entity.device_class,
        "unit_of_measurement": entity.unit,
        "state_class": entity.state_class,
        "off_delay": entity.off_delay_s,
    }
    return {**found, **{key: value for key, value in optional.items() if value}}

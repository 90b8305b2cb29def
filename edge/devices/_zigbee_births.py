"""The devices that Zigbee2MQTT has, by the list it keeps at the broker, and by what it tells Home Assistant."""

from __future__ import annotations

from typing import Any

import msgspec

from edge.devices._fields import fields
from edge.devices.announced import Announced, Known, shown
from edge.devices.driver import Message

_MOST = 500
_decode = msgspec.json.Decoder(list[dict[str, Any]]).decode


def births(kind: str, message: Message) -> list[Known]:
    """Of ``bridge/devices``, without the stick itself; none of anything else."""
    if not message.topic.endswith("/bridge/devices"):
        return []
    try:
        listed = _decode(message.payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
    found = (_of(kind, entry) for entry in listed[:_MOST] if entry.get("type") != "Coordinator")
    return [known for known in found if known is not None]


def _of(kind: str, entry: dict[str, Any]) -> Known | None:
    name = entry.get("friendly_name") or entry.get("ieee_address")
    if not isinstance(name, str) or not name:
        return None
    definition = fields(entry.get("definition"))
    make = (definition.get("vendor"), definition.get("model") or entry.get("model_id"))
    described = shown(entry.get("description")) or shown(name)
    return Known(f"{kind}:{name}", name=described, model=" ".join(filter(None, map(shown, make))))


def claims(kind: str, base: str, announced: Announced) -> Known | None:
    """A device whose state topic, as Home Assistant is told it, is one of the bridge's."""
    head, _, name = announced.topic.partition("/")
    if announced.by != "home-assistant" or head != base or not name or name.startswith("bridge/"):
        return None
    return Known(f"{kind}:{name}", name=announced.name, model=f"{announced.vendor} {announced.model}".strip())

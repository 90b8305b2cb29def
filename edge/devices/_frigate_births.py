"""The cameras that Frigate has, by the statistics that it publishes each minute."""

from __future__ import annotations

from typing import Any

import msgspec

from edge.devices._fields import fields
from edge.devices.announced import Known, shown
from edge.devices.driver import Message

_MOST = 200
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def births(kind: str, message: Message) -> list[Known]:
    """Of ``stats``; none of anything else."""
    if message.topic.partition("/")[2] != "stats":
        return []
    try:
        cameras = fields(_decode(message.payload).get("cameras"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
    return [Known(f"{kind}:{name}", name=shown(name)) for name in list(cameras)[:_MOST] if name]

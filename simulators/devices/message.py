"""What a simulated device puts on the wire: an MQTT message, exactly as its vendor's would be."""

from __future__ import annotations

import msgspec


class DeviceMessage(msgspec.Struct, frozen=True):
    """One MQTT PUBLISH. ``retained`` is the flag it is published with."""

    topic: str
    payload: bytes
    retained: bool = False


encode = msgspec.json.Encoder().encode

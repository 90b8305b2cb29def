"""Drivers alone: vendors' bytes to events, one core, no broker."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from benchmarks.backlog import FAMILIES
from benchmarks.messages import door_and_plate_messages
from edge.devices.driver import Message, Site, discover


async def run(scale: float) -> list[dict[str, Any]]:
    """Events a second of a mixed stream, clock checks on."""
    registry, site, now = discover(), Site(), datetime.now(UTC)
    pairs = door_and_plate_messages(int(20_000 * scale), now)
    messages = [Message(FAMILIES[topic.partition("/")[0]], payload, topic, received_at=now) for topic, payload in pairs]
    began = time.perf_counter()
    events = sum(len(registry.decode(message, site).events) for message in messages)
    seconds = time.perf_counter() - began
    return [{"what": "vzenith plates and uhppoted swipes", "figure": round(events / seconds), "unit": "events/s"}]

"""Numbered door events and plates in their vendors' bytes, published while things are killed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from simulators.devices import vzenith
from simulators.devices.uhppoted import Controller
from simulators.load import Acknowledged, publish
from tests.rig import Rig, repeats

CAMERA = vzenith.Camera("fe71e106-57263272", "东门入口")


def messages(count: int, start: datetime) -> list[tuple[str, bytes]]:
    """Half door events, half plates; each is a fact of its own."""
    controller = Controller(405419896)
    made: list[tuple[str, bytes]] = []
    for number in range(count // 2):
        at = start + timedelta(milliseconds=number)
        swipe = controller.swipe(1 + number % 4, 8_165_537, 1, at)[0]
        plate = vzenith.plate(CAMERA, vzenith.Plate(text="粤B8K6Q2"), number + 1, at)
        made += [(swipe.topic, swipe.payload), (plate.topic, plate.payload)]
    return made


class Result:
    """What was acknowledged to the devices, and what the centre holds."""

    def __init__(self, rig: Rig, acknowledged: int) -> None:
        self.acknowledged = acknowledged
        found = rig.centre_events()
        self.origins = [origin for origin, _ in found]
        facts = [(event["device"], event["source_event_id"]) for _, event in found if "source_event_id" in event]
        self.facts = facts
        self.lost = acknowledged - len(set(facts))
        self.facts_twice = repeats(facts)
        self.origins_twice = repeats(self.origins)

    def __str__(self) -> str:
        return f"acknowledged {self.acknowledged}, lost {self.lost}, twice {len(self.facts_twice)}"

    def gaps(self) -> list[str]:
        """Sequences missing within a stream."""
        last: dict[tuple[str, str, str], int] = {}
        missing: list[str] = []
        for origin in sorted(self.origins):
            key = (origin.gateway, origin.stream, origin.epoch)
            if origin.sequence != last.get(key, 0) + 1:
                missing.append(f"{key}: {last.get(key, 0)} -> {origin.sequence}")
            last[key] = origin.sequence
        return missing


async def under_load(rig: Rig, rate: float, seconds: float, action: Callable[[], object], every_s: float) -> Result:
    """Publish at a rate for so long, do ``action`` (blocking) again and again meanwhile, then let it drain."""
    numbered = messages(int(rate * seconds), datetime.now(UTC) - timedelta(minutes=2))
    into = Acknowledged()
    publishing = asyncio.create_task(
        publish("127.0.0.1", rig.broker.port, numbered, connections=2, window=50, rate=rate, into=into, stall_s=60)
    )
    while not publishing.done():
        await asyncio.sleep(every_s)
        if not publishing.done():
            result = action()
            if asyncio.iscoroutine(result):
                await result
    await publishing
    return await settled(rig, len(into.keys))


async def settled(rig: Rig, acknowledged: int, timeout_s: float = 60.0) -> Result:
    """The result once everything was redelivered and sent, or once nothing moves for longer than any redelivery."""
    loop = asyncio.get_running_loop()
    end, moved_at, before = loop.time() + timeout_s, loop.time(), (-1, -1)
    while loop.time() < end and loop.time() - moved_at < 12.0:
        now = (rig.edge_head(), rig.centre_count())
        if now != before:
            before, moved_at = now, loop.time()
        if now[1] >= now[0] and now[1] >= acknowledged and Result(rig, acknowledged).lost <= 0:
            break
        await asyncio.sleep(0.2)
    return Result(rig, acknowledged)

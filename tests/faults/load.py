"""Numbered door events and plates in their vendors' bytes, published while things are killed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from simulators.devices import vzenith
from simulators.devices.uhppoted import Controller
from simulators.load import Acknowledged, publish
from tests.rig import Rig, repeats

CAMERA = vzenith.Camera("fe71e106-57263272", "东门入口")
Fact = tuple[str, str]  # device, its own number for what happened


class Numbered(msgspec.Struct, frozen=True):
    """A message, and the fact it states."""

    topic: str
    payload: bytes
    fact: Fact


def messages(count: int, start: datetime) -> list[Numbered]:
    """Half door events, half plates; each is a fact of its own."""
    controller = Controller(405419896, ZoneInfo("Asia/Shanghai"))
    made: list[Numbered] = []
    for number in range(count // 2):
        at = start + timedelta(milliseconds=number)
        swipe = controller.swipe(1 + number % 4, 8_165_537, 1, at)[0]
        event = msgspec.json.decode(swipe.payload)["message"]["event"]["event"]
        made.append(Numbered(swipe.topic, swipe.payload, ("uhppoted:405419896", str(event["event-id"]))))
        plate = vzenith.plate(CAMERA, vzenith.Plate(text="粤B8K6Q2"), number + 1, at)
        result = msgspec.json.decode(plate.payload)["payload"]["AlarmInfoPlate"]["result"]["PlateResult"]
        made.append(Numbered(plate.topic, plate.payload, (f"vzenith:{CAMERA.sn}", result["unique_id"])))
    return made


class Result:
    """What was acknowledged to the devices, and what the centre holds."""

    def __init__(self, rig: Rig, acknowledged: set[Fact]) -> None:
        found = rig.centre_events()
        facts = [(event["device"], event["source_event_id"]) for _, event in found if "source_event_id" in event]
        self.acknowledged = len(acknowledged)
        self.lost = len(acknowledged - set(facts))
        self.facts_twice = repeats(facts)
        self.origins = [origin for origin, _ in found]
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


async def under_load(
    rig: Rig, rate: float, times: int, action: Callable[[], Awaitable[None]], every_s: float, action_s: float = 4.0
) -> Result:
    """Publish at a rate, do ``action`` so many times meanwhile, then stop and let it drain.

    There are messages enough where each action takes up to ``action_s``.
    """
    numbered = messages(int(rate * times * (every_s + action_s)), datetime.now(UTC) - timedelta(minutes=2))
    pairs, into = [(message.topic, message.payload) for message in numbered], Acknowledged()
    publishing = asyncio.create_task(
        publish("127.0.0.1", rig.broker.port, pairs, connections=2, window=50, rate=rate, into=into, stall_s=60)
    )
    for _ in range(times):
        await asyncio.sleep(every_s)
        assert not publishing.done(), "the load ended before the kills"
        await action()
    publishing.cancel()
    await asyncio.wait([publishing])
    return await settled(rig, {numbered[key].fact for key in into.keys})


async def settled(rig: Rig, acknowledged: set[Fact], timeout_s: float = 90.0) -> Result:
    """The result once nothing moves for longer than any redelivery takes, or once nothing is missing."""
    loop = asyncio.get_running_loop()
    end, moved_at, before = loop.time() + timeout_s, loop.time(), (-1, -1)
    while loop.time() < end and loop.time() - moved_at < 12.0:
        now = (rig.edge_head(), rig.centre_count())
        if now != before:
            before, moved_at = now, loop.time()
        elif now[0] == now[1] and Result(rig, acknowledged).lost == 0:
            break
        await asyncio.sleep(0.3)
    return Result(rig, acknowledged)

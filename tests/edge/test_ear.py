"""The second ear: it hears the devices of doors while the log cannot be written, and nobody else ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from edge.clock import Clock
from edge.config import Broker
from edge.devices.driver import Message, discover
from edge.transports.ear import Ear
from edge.transports.mqtt_routes import Routes
from simulators.broker import NatsBroker
from simulators.devices import frigate
from simulators.devices.uhppoted import Controller
from simulators.load import publish
from tests.rig import until

CONTROLLER = Controller(405419896, ZoneInfo("Asia/Shanghai"))


class Listening:
    """An ear at a real broker, and what it heard."""

    def __init__(self, port: int) -> None:
        self.heard: list[Message] = []
        self.is_wanted, self.families = False, discover().families_of({"uhppoted"})
        self._port = port
        self.ear = Ear(
            Broker(port=port),
            Routes(discover().topics),
            lambda: self.is_wanted,
            lambda: self.families,
            self.heard.append,
            Clock(),
        )

    async def until_heard(self, count: int, tries: int = 200) -> None:
        """Swipes and snapshots until so many were heard."""
        for number in range(tries):
            swipe = CONTROLLER.swipe(1, 8_165_537, 1, datetime.now(UTC))[0]
            shot = frigate.snapshot("gate", "person", b"\xff\xd8\xff\xe0%d" % number)
            said = [(swipe.topic, swipe.payload), (shot.topic, shot.payload)]
            await publish("127.0.0.1", self._port, said, connections=1)
            if len(self.heard) >= count:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"heard {len(self.heard)} of {count}")


@pytest.fixture
async def listening() -> AsyncIterator[Listening]:
    with NatsBroker() as broker:
        made = Listening(broker.port)
        running = asyncio.create_task(made.ear.run())
        yield made
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_doors_are_heard_only_while_that_is_wanted(listening: Listening) -> None:
    with pytest.raises(AssertionError, match="heard 0"):
        await listening.until_heard(1, tries=20)
    listening.is_wanted = True
    await listening.until_heard(3)
    assert {message.family for message in listening.heard} == {"uhppoted-mqtt"}
    assert all(message.received_at is not None and message.queued_since is None for message in listening.heard)
    listening.is_wanted = False
    await until(lambda: listening.ear._client is None)  # pyright: ignore[reportPrivateUsage]
    before = len(listening.heard)
    with pytest.raises(AssertionError):
        await listening.until_heard(before + 1, tries=20)


async def test_where_no_door_is_decided_nobody_listens(listening: Listening) -> None:
    listening.families, listening.is_wanted = frozenset(), True
    with pytest.raises(AssertionError, match="heard 0"):
        await listening.until_heard(1, tries=20)

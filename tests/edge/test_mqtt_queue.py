"""What a broker kept in our absence: since when and until when, whatever the wall clock does; and what we keep."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from edge.clock import RELEASED_AT
from edge.config import Broker
from edge.devices.driver import Registry, Site
from edge.intake.device_list import DeviceList
from edge.intake.intake import Intake
from edge.store.file import open_store
from edge.store.media import MediaStore
from edge.transports import mqtt_routes
from edge.transports.mqtt import MqttTransport
from eventlog.group_commit import Bounds
from tests.edge.hands import TRUE, Hands

DAY_S = 86_400.0


class Bench:
    """A transport on a clock that the test moves; ``connect`` and ``look`` stand for the broker and for a second."""

    def __init__(self, intake: Intake, hands: Hands) -> None:
        self.hands, self.clock = hands, hands.clock()
        self.transport = MqttTransport(Broker(), {"#": "test"}, intake, self.clock)

    def connect(self) -> None:
        self.transport._on_connect(self.transport._client, None, None, 0, None)
        self.transport.connected = True

    def look(self, after_s: float = 0.0, *, heard: bool = False) -> None:
        self.hands.passed_s += after_s
        if heard:
            self.transport._last_message_s = self.hands.passed_s
        self.transport._note_connection()


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Bench]:
    store = await open_store(tmp_path, lambda: TRUE)
    hands = Hands()
    media = MediaStore(tmp_path / "media", store)
    devices = DeviceList([], accept_unknown=True)
    yield Bench(Intake(store, media, Registry([]), devices, Site(), hands.clock(), Bounds()), hands)
    await store.close()


async def test_a_queue_is_over_once_nothing_came_for_two_seconds(here: Bench) -> None:
    here.transport.listened_until = here.hands.true - timedelta(hours=3)
    here.connect()
    here.look(1.0)
    assert here.transport.queued_since is not None
    here.look(1.5)
    assert here.transport.queued_since is None


async def test_a_device_that_never_pauses_does_not_pass_for_a_queue_for_ever(here: Bench) -> None:
    here.transport.listened_until = here.hands.true - timedelta(hours=3)
    here.connect()
    for _ in range(599):
        here.look(1.0, heard=True)
        assert here.transport.queued_since
    here.look(2.0, heard=True)
    assert here.transport.queued_since is None


@pytest.mark.parametrize("step_s", [DAY_S, -DAY_S])
async def test_a_step_moves_neither_when_we_listened_nor_since_when_a_queue_waits(here: Bench, step_s: float) -> None:
    here.hands.hello(here.clock)
    here.connect()
    here.look(5.0)
    listened = here.hands.true
    here.hands.off_s += step_s
    here.hands.passed_s += 60.0
    assert abs((here.transport.last_connected or TRUE) - listened) < timedelta(seconds=1)
    here.connect()
    assert abs((here.transport.queued_since or TRUE) - listened) < timedelta(seconds=1)


async def test_where_two_runs_disagree_about_the_time_a_queue_may_be_of_any_age(here: Bench) -> None:
    here.transport.listened_until = here.hands.true + timedelta(days=1)
    here.connect()
    assert here.transport.queued_since == RELEASED_AT


async def test_topics_are_remembered_within_bounds(here: Bench) -> None:
    for number in range(mqtt_routes._MAX_REMEMBERED + 10):
        here.transport._routes.find(f"t/{number}".encode())
    assert len(here.transport._routes._known) <= mqtt_routes._MAX_REMEMBERED

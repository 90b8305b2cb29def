"""One device gone mad at full speed through a real broker: it is limited and said, and another's alarm still comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from domain.events import Event
from edge.config import Limits
from edge.status.status import read_file
from simulators.broker import NatsBroker
from simulators.devices.uhppoted import Controller
from simulators.load import publish
from tests.books import unbalanced
from tests.made import start_copy
from tests.rig import Rig, until

ZONE = ZoneInfo("Asia/Shanghai")
MAD, WELL = 405419896, 303986753
COUNT, FORCED = 10_000, 38
ALARMS = 5


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path, NatsBroker(ack_wait_s=60))  # a slow machine must not meet its own redeliveries
    rig.device_rate_per_s = Limits().device_rate_per_s
    try:
        await start_copy(rig)
        yield rig
    finally:
        rig.stop_all()


def alerts(rig: Rig) -> int:
    return rig.centre_query("SELECT count(*) FROM alert WHERE rule = 'door_forced'")[0][0]


async def alarm_s(rig: Rig, well: Controller) -> float:
    """How long an alarm takes from the broker's acknowledgement to its row at the centre."""
    (message, *_), before = well.alarm(1, FORCED, datetime.now(UTC)), alerts(rig)
    began_s = time.monotonic()
    await publish("127.0.0.1", rig.broker.port, [(message.topic, message.payload)], connections=1)
    await until(lambda: alerts(rig) > before, every_s=0.01)
    return time.monotonic() - began_s


def events_of(rig: Rig, device: str) -> list[Event]:
    found = [event for _, event in rig.centre_events() if event["device"] == device]
    return [msgspec.convert(event, Event) for event in found]


def said(rig: Rig) -> list[Event]:
    point = f"flood/uhppoted:{MAD}"
    return [event for event in events_of(rig, "gateway") if event.point == point]


async def test_one_device_floods_and_anothers_alarm_still_comes(rig: Rig) -> None:
    mad, well = Controller(MAD, ZONE), Controller(WELL, ZONE)
    quiet = [await alarm_s(rig, well) for _ in range(ALARMS)]
    start = datetime.now(UTC)
    swipes = [mad.swipe(1, 8_165_537, 1, start + timedelta(milliseconds=number))[0] for number in range(COUNT)]
    pairs = [(swipe.topic, swipe.payload) for swipe in swipes]
    flooding = asyncio.create_task(publish("127.0.0.1", rig.broker.port, pairs, connections=1))
    meanwhile = [await alarm_s(rig, well) for _ in range(ALARMS)]
    await flooding
    await until(lambda: bool(said(rig)) and said(rig)[-1].state == "cleared", 90.0)
    await rig.drained()
    kept, dropped = (
        len(events_of(rig, f"uhppoted:{MAD}")),
        sum(event.metrics["dropped_messages"] for event in said(rig)),
    )
    print(f"\nalarm ms, quiet {ms(quiet)}, in the flood {ms(meanwhile)}; kept {kept}, dropped {dropped:.0f}")
    assert kept + dropped >= COUNT, "each is in the log or counted; one that the broker brings again, twice"
    assert kept >= Limits().device_burst // 2
    assert dropped > 0
    assert await unbalanced(rig) == [], "what a bucket refuses became no record, and is in no balance"
    assert read_file(rig.edge_folder / "data")["counts"]["flood"] == dropped


def ms(times_s: list[float]) -> str:
    return "/".join(f"{time_s * 1000:.0f}" for time_s in sorted(times_s))

"""Doors and agents over HTTP, whole: a card list decides at a device that only asks, and history opens nothing."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from domain.access import CardList
from domain.desired_bodies import Card, Credentials, Device, Door, DoorSet, Policy
from domain.doors.rules import NO_RULES
from domain.events import Event
from edge import agent
from edge.config import Config, Listen, Metrics
from edge.control.door_hands import DoorHands
from edge.control.doors import DoorControl
from edge.device_secrets import DeviceSecret, DeviceSecrets
from edge.devices.driver import discover
from edge.intake.topics_heard import NOT_HEARD
from edge.store.file import open_store
from edge.transports import http_line, http_pull, links
from simulators.broker import free_port
from simulators.devices import hikvision, two_n
from simulators.devices.http_device import running
from tests.edge.devices.samples import sample
from tests.edge.http_bench import http_bench
from tests.rig import until

MAC = "00005e005351"
DEVICE, INTERCOM = f"hikvision:{MAC}", "2n:54-1"
CARD = "3812345678"


class _Listed:
    """What DoorControl goes by: one card that opens every door."""

    def __init__(self) -> None:
        doors = (DoorSet("*"),)
        entry = Card("c1", CARD, doors, until=datetime(2099, 12, 31, tzinfo=UTC).date())
        self.rules = NO_RULES
        self.cards, self.policy = CardList(1, Credentials((entry,))), Policy()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_pull, "_LOOK_S", 0.02)
    monkeypatch.setattr(links, "_LOOK_S", 0.02)
    monkeypatch.setattr(http_line, "_DURABLE_S", 0.05)


@asynccontextmanager
async def deciding(folder: Path, device: Any, identity: str, door: Door, *, committing: bool = True) -> Any:
    """A gateway that decides a door of a device, and the decisions it recorded."""
    async with running(device), http_bench(folder, http_pull.make, committing=committing) as (here, transport):
        decisions: list[Event] = []
        now = lambda: datetime.now(UTC)  # noqa: E731
        site = here.config.site
        hands = DoorHands(
            here.devices, discover(), site, transport.send, now, lambda: "door-1", lambda _device: NOT_HEARD
        )
        control = DoorControl(here.devices, site, hands, lambda event, _also=(): decisions.append(event), now, bytes)
        control.go_by(_Listed())  # pyright: ignore[reportArgumentType]
        here.intake.listeners.append(control.heard)
        here.list_devices(Device(id=identity, address=device.address, doors=(door,)))
        yield decisions


def opened(device: Any) -> list[str]:
    return [path for method, path, _ in device.asked if method == "PUT" or "/switch/ctrl" in path]


async def test_a_terminal_that_waits_for_a_verdict_is_opened_for_a_listed_card(tmp_path: Path) -> None:
    device = hikvision.Terminal(MAC)
    async with deciding(tmp_path, device, DEVICE, Door("door/1", "gateway")) as decisions:
        await until(lambda: device.listeners, every_s=0.01)
        now = datetime.now(UTC)
        await device.access(hikvision.CARD_PASSED, now, cardNo="999", remoteCheck=True)
        await device.access(hikvision.CARD_PASSED, now, cardNo=CARD, remoteCheck=True)
        await until(lambda: len(opened(device)) == 2, every_s=0.01)
        verdict, door = opened(device)
        assert (verdict, door) == (
            "/ISAPI/AccessControl/remoteCheck?format=json",
            "/ISAPI/AccessControl/RemoteControl/door/1",
        )
        assert device.verdicts == [(1001, "failed")], "it need not wait until it gives up by itself"
        assert [(event.result, event.reason) for event in decisions] == [
            ("denied", "unknown_card"),
            ("granted", "card_list"),
        ]


async def test_history_after_a_lost_line_opens_nothing(tmp_path: Path) -> None:
    device = hikvision.Terminal(MAC)
    await device.access(hikvision.UNKNOWN_CARD, datetime.now(UTC) - timedelta(minutes=5), cardNo=CARD)
    async with deciding(tmp_path, device, DEVICE, Door("door/1", "gateway")) as decisions:
        await until(lambda: device.listeners, every_s=0.01)
        await device.access(hikvision.UNKNOWN_CARD, datetime.now(UTC), cardNo="999")  # comes behind it
        await until(lambda: decisions, every_s=0.01)
        assert [event.reason for event in decisions] == ["unknown_card"]
        assert opened(device) == []


@pytest.mark.parametrize("committing", [True, False])
async def test_an_intercom_is_opened_whatever_the_disk_does(tmp_path: Path, committing: bool) -> None:
    """With a disk that hangs its log is read on; and what was missed before we came is too late for anybody."""
    device = two_n.Intercom()
    device.happened("CardEntered", datetime.now(UTC).timestamp() - 300, uid=CARD, valid=False, reader="ext1")
    door = Door("reader/ext1", "gateway", open_with={"point": "switch/1"})
    async with deciding(tmp_path, device, INTERCOM, door, committing=committing) as decisions:
        await until(lambda: decisions, every_s=0.01)
        device.happened("CardEntered", uid=CARD, valid=False, reader="ext1")
        await until(lambda: opened(device), every_s=0.01)
        assert opened(device) == ["/api/switch/ctrl?switch=1&action=trigger"]
        assert [event.reason for event in decisions] == ["too_late", "card_list"]


async def test_an_agent_listens_and_asks_as_its_device_list_says(tmp_path: Path) -> None:
    """The whole agent, without a broker: a camera pushes to it, a terminal is listened to, both are in the log."""
    camera, port = "hikvision:00005e005341", free_port()
    device = hikvision.Terminal(MAC, "admin", "s3cret")
    DeviceSecrets(tmp_path).keep(DEVICE, DeviceSecret("s3cret", "admin"))
    async with running(device):
        devices = [Device(id=camera), Device(id=DEVICE, address=device.address)]
        settings = Config(
            data=str(tmp_path), metrics=Metrics(port=0), listen=Listen("127.0.0.1", port), devices=devices
        )
        work = asyncio.create_task(agent.run(settings, lambda: None))
        try:
            await until(lambda: device.listeners, every_s=0.02)
            await device.access(hikvision.DOOR_FORCED, datetime.now(UTC))
            await _push(f"http://127.0.0.1:{port}/hikvision", sample("hikvision-isapi", "anpr-blue-cn.xml").payload)
            await asyncio.sleep(0.1)
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
    store = await open_store(tmp_path, lambda: datetime.now(UTC))
    try:
        bodies = [record.body for stream in store.partitions for record in await store.read(stream, 0, 1000)]
    finally:
        await store.close()
    assert any(b"forced_open" in body and MAC.encode() in body for body in bodies)
    assert any("粤B8K6Q2".encode() in body for body in bodies)


async def _push(url: str, body: bytes) -> None:
    async with aiohttp.ClientSession() as session, session.post(url, data=body) as response:
        assert response.status == 200

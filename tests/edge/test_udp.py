"""UHPPOTE over real UDP: events in the log, the controller's own log read back, its clock kept, doors opened."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.events import Event
from edge.clock import Clock
from edge.config import Uhppote
from edge.transports import uhppote_controller, uhppote_log
from edge.transports.read_up_to import Numbers, ReadUpTo
from simulators.devices import uhppote as sim
from tests.edge.devices.samples import assert_says, sample
from tests.edge.wire_bench import WireBench, clock_from, until, wire_bench

ZONE = ZoneInfo("Asia/Shanghai")
SERIAL = 405419896
DEVICE = f"uhppote:{SERIAL}"
CARD = 8165537


class Rig:
    """A gateway and one controller."""

    def __init__(self, here: WireBench, controller: sim.Controller, port: int) -> None:
        self.here, self.controller, self.port = here, controller, port

    async def adopt(
        self, doors: list[dict[str, Any]] | None = None, address: str | None = None, *, keeps_cards: bool = True
    ) -> None:
        """List the controller, and wait until it is set up."""
        where = f"127.0.0.1:{self.port}" if address is None else address
        device: dict[str, Any] = {"id": DEVICE, "place": "3 号楼", "address": where, "doors": doors or []}
        device["keeps_cards"] = keeps_cards
        await self.here.wish(devices={"devices": [device]})
        await until(lambda: self.controller.listener[1] == self.here.config.uhppote.port)
        await until(lambda: 0xB4 in self.controller.asked)  # its log was looked at

    async def swipes(self, count: int) -> list[Event]:
        """Every event of its log that is in ours, by number."""
        found = await self.here.some(count, lambda event: event.device == DEVICE and bool(event.source_event_id))
        return sorted(found, key=lambda event: int(event.source_event_id or 0))


@asynccontextmanager
async def rig(folder: Path, controller: sim.Controller | None = None, **settings: Any) -> AsyncIterator[Rig]:
    controller = controller or sim.Controller(SERIAL, ZONE)
    port = await controller.start()
    async with wire_bench(folder, **settings) as here:
        yield Rig(here, controller, port)
    controller.stop()


async def test_each_recorded_packet_arrives_as_it_shall(tmp_path: Path) -> None:
    """Standing at the time of the recordings; the packets come from a socket as a controller's do."""
    async with wire_bench(tmp_path, clock=clock_from(datetime(2026, 3, 1, 0, 16, tzinfo=UTC))) as here:
        await here.wish(devices={"devices": [{"id": DEVICE, "address": "127.0.0.1:9"}]})
        files = ("event-listen.hex", "event-listen-v662.hex", "reply-open-door.hex")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            running: Any = here.links._running
            await until(lambda: "udp" in running and running["udp"][0]._controllers)  # both sockets are open
            for file in files:
                peer.sendto(sample("uhppote-udp", file).payload, ("127.0.0.1", here.config.uhppote.port))
        found = await here.some(3, lambda event: event.kind in ("access", "command_result"))
        for file in files:
            (expected,) = sample("uhppote-udp", file).expect
            matching = [
                e for e in found if (e.kind, e.source_event_id) == (expected["kind"], expected.get("source_event_id"))
            ]
            assert_says(matching[0], expected)


async def test_a_controller_is_set_up_and_its_events_come(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        await r.adopt()
        assert r.controller.special, "doors and buttons are events"
        r.controller.keep_card(CARD, (1,))
        assert r.controller.swipe(1, CARD)
        assert not r.controller.swipe(2, CARD, direction=sim.OUT)
        r.controller.door(1, sim.DOOR_OPEN)
        granted, denied, opened = await r.swipes(3)
        assert (granted.result, granted.point, granted.direction, granted.place) == (
            "granted",
            "door/1",
            "in",
            "3 号楼",
        )
        assert (denied.result, denied.reason, denied.direction) == ("denied", "no_permission", "out")
        assert (opened.kind, opened.state) == ("door", "open")
        assert [event.source_event_id for event in (granted, denied, opened)] == ["1", "2", "3"]
        (online,) = await r.here.some(1, lambda event: event.kind == "availability" and event.device == DEVICE)
        assert online.state == "online"


async def test_firmware_662_and_a_controller_without_an_address(tmp_path: Path) -> None:
    controller = sim.Controller(SERIAL, ZONE, v662=True)
    port = await controller.start()
    async with wire_bench(tmp_path, uhppote={"broadcast": f"127.0.0.1:{port}", "tell": "127.0.0.1"}) as here:
        there = Rig(here, controller, port)
        await there.adopt(address="")
        controller.swipe(1, CARD)
        (event,) = await there.swipes(1)
        assert event.result == "denied"
    controller.stop()


async def test_what_happened_in_our_absence_is_read_back(tmp_path: Path) -> None:
    controller = sim.Controller(SERIAL, ZONE)
    controller.keep_card(CARD, (1,))
    for _ in range(5):
        controller.swipe(1, CARD)  # before it was ever ours
    port = await controller.start()
    async with wire_bench(tmp_path) as here:
        there = Rig(here, controller, port)
        await there.adopt()
        controller.swipe(1, CARD)
        await there.swipes(1)
    for _ in range(30):
        controller.swipe(1, CARD)  # to nobody
    async with wire_bench(tmp_path) as here:
        there = Rig(here, controller, port)
        found = await there.swipes(31)
        assert [event.source_event_id for event in found] == [str(number) for number in range(6, 37)]
        assert {event.time_quality for event in found[1:]} == {"replay"}, "nobody stands at the door any more"
        assert all(event.result == "granted" for event in found)
    controller.stop()


async def test_without_the_reading_back_they_are_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The positive control of the tests above and below."""

    async def reads_nothing(self: Any, newest: int) -> None:
        self._read.begin(self._device, newest)

    monkeypatch.setattr(uhppote_log.LogReader, "read", reads_nothing)
    async with rig(tmp_path) as r:
        await r.here.wish(devices={"devices": [{"id": DEVICE, "address": f"127.0.0.1:{r.port}"}]})
        await until(lambda: r.controller.listener[1] != 0 and r.controller.special)
        r.controller.lose = 2
        for _ in range(3):
            r.controller.swipe(1, CARD)
        await r.swipes(1)
        looked = len(r.controller.asked)
        await until(lambda: len(r.controller.asked) > looked + 5)
        assert [event.source_event_id for event in await r.swipes(1)] == ["3"]


async def test_lost_packets_are_noticed_by_the_next_and_by_the_poll(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        await r.adopt()
        r.controller.lose = 3
        for _ in range(4):
            r.controller.swipe(1, CARD)
        assert [event.source_event_id for event in await r.swipes(4)] == ["1", "2", "3", "4"]
        r.controller.lose = 1
        r.controller.swipe(1, CARD)  # and nothing after it
        assert [event.source_event_id for event in await r.swipes(5)] == ["1", "2", "3", "4", "5"]


async def test_nothing_counts_as_read_before_it_is_durable(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        await r.adopt()
        r.controller.swipe(1, CARD)
        await r.swipes(1)
        await until(lambda: upto(tmp_path) == 1)
        r.here.commits.clear()
        r.controller.swipe(1, CARD)
        await until(lambda: r.here.intake._queue.busy)
        looked = len(r.controller.asked)
        await until(lambda: len(r.controller.asked) > looked + 12)  # more than a second of looking
        assert upto(tmp_path) == 1, "a kill now would lose it, were it counted"
        r.here.commits.set()
        await until(lambda: upto(tmp_path) == 2)


def upto(folder: Path) -> int:
    numbers = ReadUpTo(folder, "udp").of(DEVICE)
    return numbers.upto if numbers else 0


async def test_overwritten_events_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    controller = sim.Controller(SERIAL, ZONE, memory=10)
    async with rig(tmp_path, controller) as r:
        await r.adopt()
        controller.lose = 100
        for _ in range(40):
            controller.swipe(1, CARD)
        found = await r.here.some(10, lambda event: event.device == DEVICE and event.kind == "access")
        assert sorted(int(event.source_event_id or 0) for event in found) == list(range(31, 41))
        (lost,) = await r.here.some(1, lambda event: event.label == "events_overwritten")
        assert lost.metrics == {"lost": 30.0, "first": 1.0}
        (gone,) = await r.here.some(1, lambda event: event.device == DEVICE and event.kind == "unknown")
        assert gone.code == "overwritten"


async def test_a_cleared_controller_begins_anew_and_nothing_is_taken_for_a_repeat(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        await r.adopt()
        for _ in range(3):
            r.controller.swipe(1, CARD)
        await r.swipes(3)
        r.controller.clear()
        r.controller._now = lambda: datetime.now(UTC) + timedelta(seconds=2)
        r.controller.lose = 1
        r.controller.swipe(1, CARD)
        assert len(await r.swipes(4)) == 4


async def test_a_clock_that_is_off_is_told_and_set(tmp_path: Path) -> None:
    controller = sim.Controller(SERIAL, ZONE)
    controller.off = timedelta(hours=3)
    async with rig(tmp_path, controller) as r:
        await r.adopt()
        await until(lambda: abs(controller.off) < timedelta(seconds=3))
        (told,) = await r.here.some(1, lambda event: event.label == "clock")
        assert 3 * 3600 - 5 < told.metrics["clock_off_s"] < 3 * 3600 + 5
        controller.swipe(1, CARD)
        (event,) = await r.swipes(1)
        assert event.time_quality == "ok"


async def test_a_clock_is_not_set_by_one_that_nobody_vouches_for(tmp_path: Path) -> None:
    controller = sim.Controller(SERIAL, ZONE)
    controller.off = timedelta(hours=-8)
    async with rig(tmp_path, controller, clock=Clock(kernel=lambda: False)) as r:
        await r.adopt()
        controller.swipe(1, CARD)
        (event,) = await r.swipes(1)
        assert controller.off == timedelta(hours=-8)
        assert event.device_time is not None, "the zone fault is corrected and told all the same"


async def test_gone_and_back_is_said_once_each(tmp_path: Path) -> None:
    async with rig(tmp_path, uhppote={"answer_s": 0.05}) as r:
        await r.adopt()
        r.controller.is_deaf = True
        line = lambda event: event.kind == "availability" and event.device == DEVICE  # noqa: E731
        assert (await r.here.some(2, line))[-1].state == "offline"
        r.controller.is_deaf = False
        said = await r.here.some(3, line)
        looked = len(r.controller.asked)
        await until(lambda: len(r.controller.asked) > looked + 10)
        assert [event.state for event in await r.here.some(3, line)] == ["online", "offline", "online"], said


async def test_an_order_opens_the_door_once_and_is_confirmed_by_its_answer(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        await r.adopt()
        await r.here.order(1, DEVICE, "door.open", point="door/3")
        async with asyncio.timeout(10):
            while "confirmed" not in await r.here.states_of(1):
                await asyncio.sleep(0.02)
        assert r.controller.opened == [3]
        await r.here.order(2, DEVICE, "door.open", point="door/9")
        async with asyncio.timeout(10):
            while await r.here.states_of(2) != ["refused"]:
                await asyncio.sleep(0.02)
        assert r.controller.opened == [3]


async def test_a_door_that_did_not_answer_is_not_told_twice(tmp_path: Path) -> None:
    async with rig(tmp_path, uhppote={"answer_s": 0.05, "poll_s": 5.0}) as r:
        await r.adopt()
        sent: list[bytes] = []
        real = uhppote_controller.Asking._send
        r.controller.is_deaf = True

        def seen(self: Any, request: bytes, address: Any) -> None:
            sent.append(request)
            real(self, request, address)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(uhppote_controller.Asking, "_send", seen)
            await r.here.order(1, DEVICE, "door.open", point="door/3")
            await r.here.order(2, DEVICE, "credential.delete", card=CARD)
            await until(lambda: len([one for one in sent if one[1] == 0x52]) == 3)
        assert len([one for one in sent if one[1] == 0x40]) == 1


async def test_a_door_decided_here_opens_for_a_listed_card_and_not_for_a_record(tmp_path: Path) -> None:
    doors = [{"point": "door/1", "decides": "gateway"}]
    card = {"id": "c1", "card": str(CARD), "doors": [{"device": DEVICE}], "until": "2099-12-31"}
    async with rig(tmp_path) as r:
        await r.here.wish(credentials={"cards": [card]})
        await r.adopt(doors)
        assert not r.controller.swipe(1, CARD), "it holds no card: the gateway decides"
        await until(lambda: r.controller.opened == [1])
        r.controller.lose = 1
        r.controller.swipe(1, CARD)
        await r.here.some(1, lambda event: event.time_quality == "replay")
        assert r.controller.opened == [1]


async def test_strangers_and_rubbish_are_parked_and_open_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        await r.adopt()
        stranger = bytearray(sample("uhppote-udp", "event-listen.hex").payload)
        stranger[4] ^= 0xFF
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            for raw in (
                bytes(stranger),
                b"",
                b"\x17",
                b"\0" * 64,
                b"\xff" * 64,
                b"\x17\x20" + b"\xff" * 62,
                b"x" * 2000,
            ):
                peer.sendto(raw, ("127.0.0.1", r.here.config.uhppote.port))
        found = await r.here.parked(6)
        assert {row.reason for row in found} == {"unknown_device", "undecodable"}
        assert all(row.topic == "udp/127.0.0.1" for row in found)
        assert r.controller.opened == []


def test_numbers_hold_what_is_missing_and_forget_what_was_never_durable() -> None:
    numbers = Numbers(10)
    assert numbers.missing(13, 10, 0.0) == [11, 12, 13]
    numbers.offered |= {11: 0.0, 12: 0.0}
    assert numbers.missing(13, 10, 1.0) == [13]
    numbers.durable(12)
    numbers.durable(13)
    assert (numbers.upto, numbers.beyond) == (10, {12, 13})
    assert numbers.missing(13, 10, 60.0) == [11], "offered, and left with its sender: it is read again"
    numbers.durable(11)
    assert (numbers.upto, numbers.beyond, numbers.offered) == (13, set(), {})
    numbers.skip_to(20)
    numbers.durable(5)
    assert numbers.upto == 20


def test_a_file_that_cannot_be_read_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "read-up-to-udp.json").write_bytes(b"\0\0")
    assert ReadUpTo(tmp_path, "udp").of(DEVICE) is None


@pytest.mark.parametrize("settings", [{"tell": "box.local"}, {"poll_s": 0.0}, {"answer_s": -1.0}])
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"address|Octet|octet|more than 0"):
        Uhppote(**settings)

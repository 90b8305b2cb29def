"""Vzenith's port 8131 over real TCP: we connect, hear cars, read back what we missed, and open the barrier."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.events import Event
from edge.transports import tcp_connection
from simulators.devices.vzenith_tcp import Camera
from tests.edge.devices.samples import assert_says, sample
from tests.edge.wire_bench import WireBench, clock_from, until, wire_bench

SERIAL = "fe71e106-57263272"
DEVICE = f"vzenith:{SERIAL}"
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 3_000 + b"VZ\x00\x00" + b"\xff\xd9"


class Rig:
    def __init__(self, here: WireBench, camera: Camera, port: int) -> None:
        self.here, self.camera, self.port = here, camera, port

    async def adopt(self, **changed: Any) -> None:
        address = f"tcp://127.0.0.1:{self.port}"
        device = {"id": DEVICE, "lane": "east-in", "direction": "in", "address": address, **changed}
        await self.here.wish(devices={"devices": [device]})
        await until(lambda: self.camera.is_watched)
        await until(lambda: "get_max_rec_id" in self.camera.asked)

    async def plates(self, count: int) -> list[Event]:
        found = await self.here.some(count, lambda event: event.kind == "plate")
        return sorted(found, key=lambda event: int(event.source_event_id or 0))


@asynccontextmanager
async def rig(folder: Path, camera: Camera | None = None, **settings: Any) -> AsyncIterator[Rig]:
    camera = camera or Camera(SERIAL)
    port = await camera.start()
    async with wire_bench(folder, **settings) as here:
        yield Rig(here, camera, port)
    await camera.stop()


def now() -> datetime:
    return datetime.now(UTC)


async def test_each_recorded_frame_arrives_as_it_shall(tmp_path: Path) -> None:
    """Standing at the time of the recording; the frames come down a line that says who it is."""
    clock = clock_from(datetime(2016, 3, 25, 5, 4, tzinfo=UTC))
    async with rig(tmp_path, clock=clock) as r:
        await r.adopt()
        files = ("heartbeat.hex", "reply-getsn.hex", "ivs-result-gb2312.hex")
        for file in files:
            r.camera.push(sample("vzenith-tcp", file).payload)
        (car,) = await r.plates(1)
        (expected,) = sample("vzenith-tcp", "ivs-result-gb2312.hex").expect
        assert_says(car, {**expected, "device": DEVICE})  # the line says which camera it is
        named = await r.here.some(1, lambda event: event.serial is not None)
        assert_says(named[0], sample("vzenith-tcp", "reply-getsn.hex").expect[0])
        online = await r.here.some(1, lambda event: event.kind == "availability" and event.device == DEVICE)
        assert_says(online[0], sample("vzenith-tcp", "heartbeat.hex").expect[0])


@pytest.mark.parametrize("utf8", [False, True])
async def test_cars_come_with_their_pictures_in_either_charset(tmp_path: Path, utf8: bool) -> None:
    async with rig(tmp_path, Camera(SERIAL, utf8=utf8)) as r:
        await r.adopt()
        r.camera.read("鲁B12345", now(), scene=JPEG, close_up=JPEG[:500] + b"\xff\xd9")
        r.camera.read("川A07273", now())
        first, second = await r.plates(2)
        assert [event.subject and event.subject.id for event in (first, second)] == ["鲁B12345", "川A07273"]
        assert [(media.role, media.bytes) for media in first.media] == [("scene", len(JPEG)), ("plate", 502)]
        assert (first.lane, first.direction, first.time_quality) == ("east-in", "in", "ok")
        assert second.media == []


async def test_what_passed_in_our_absence_is_read_back_as_what_it_is(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        r.camera.read("川A00000", now())  # before it was ever ours
        await r.adopt()
        r.camera.read("川A00001", now())
        await r.plates(1)
        await r.camera.stop()
        for number in range(2, 12):
            r.camera.read(f"川A000{number:02}", now() - timedelta(seconds=1), scene=JPEG, close_up=JPEG)
        del r.camera.records[5]  # its own card lost one
        await r.camera.start(port=r.port)
        found = await r.plates(10)
        numbers = [int(event.source_event_id or 0) for event in found]
        assert numbers == [2, 3, 4, *range(6, 13)]
        assert [event.time_quality for event in found] == ["ok"] + ["replay"] * 9, "nobody stands at the barrier"
        assert all(len(event.media) == 2 for event in found[1:])
        r.camera.read("川A00099", now())
        assert (await r.plates(11))[-1].time_quality == "ok"


async def test_without_the_reading_back_they_are_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The positive control."""

    async def reads_nothing(self: Any, own_log: Any) -> None:
        token = self._next_token(own_log)
        await self._ask(own_log.newest(token), token)

    monkeypatch.setattr(tcp_connection.Connection, "_read_missing", reads_nothing)
    async with rig(tmp_path) as r:
        await r.adopt()
        r.camera.read("川A00001", now())
        await r.plates(1)
        await r.camera.stop()
        r.camera.read("川A00002", now())
        await r.camera.start(port=r.port)
        await until(lambda: r.camera.is_watched)
        r.camera.read("川A00003", now())
        found = await r.plates(2)
        assert [event.source_event_id for event in found] == ["1", "3"]


async def test_the_barrier_opens_by_an_order(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        await r.adopt()
        await r.here.order(1, DEVICE, "barrier.open", pulse_ms=700)
        await until(lambda: r.camera.outputs == [{"cmd": "ioctl", "delay": 700, "io": 0, "value": 2}])
        assert "accepted" in await r.here.states_of(1)
        await r.here.order(2, DEVICE, "clock.set")
        async with asyncio.timeout(10):
            while await r.here.states_of(2) != ["accepted", "confirmed"]:
                await asyncio.sleep(0.02)


async def test_a_camera_that_is_away_is_not_told_and_is_said_to_be_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp_connection, "_AWAY_AFTER_S", 0.2)
    async with rig(tmp_path) as r:
        await r.adopt()
        await r.here.some(1, lambda event: event.kind == "availability" and event.state == "online")
        await r.camera.stop()
        await r.here.some(1, lambda event: event.kind == "availability" and event.state == "offline")
        await r.here.order(1, DEVICE, "barrier.open")
        async with asyncio.timeout(10):
            while await r.here.states_of(1) != ["refused"]:
                await asyncio.sleep(0.02)
        await r.camera.start(port=r.port)
        line = lambda event: event.kind == "availability" and event.device == DEVICE  # noqa: E731
        assert [event.state for event in await r.here.some(3, line)] == ["online", "offline", "online"]


async def test_another_camera_at_the_address_is_not_taken_for_the_listed_one(tmp_path: Path) -> None:
    async with rig(tmp_path, Camera("00000000-00000000")) as r:
        device = {"id": DEVICE, "address": f"tcp://127.0.0.1:{r.port}"}
        await r.here.wish(devices={"devices": [device]})
        await until(lambda: r.camera.is_watched)
        await r.here.parked(1)  # its answer to who it is
        r.camera.read("川A00001", now())
        found = await r.here.parked(2)
        assert {row.reason for row in found} == {"unknown_device"}
        assert {row.sender for row in found} == {"00000000-00000000"}, "listed later, it is still known whose it was"
        assert await r.here.events("plate") == []


async def test_a_camera_that_does_not_say_who_it_is_is_believed_to_be_the_listed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp_connection, "_NAMED_WITHIN_S", 0.1)
    async with rig(tmp_path, Camera(SERIAL, with_serial=False)) as r:
        await r.adopt()
        r.camera.read("川A00001", now())
        (car,) = await r.plates(1)
        assert car.device == DEVICE


async def test_rubbish_on_the_line_is_parked_and_the_cars_still_come(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        await r.adopt()
        r.camera.push(b"\x00\x00garbage" + b"VZ\x09\x00\x00\x00\x00\x05hello" + b"VZ\x00\x00\xff\xff\xff\xff")
        r.camera.push(b"VZ\x00\x00\x00\x00\x00\x02{]")
        r.camera.read("川A00001", now())
        await r.plates(1)
        found = await r.here.parked(4)
        assert {row.reason for row in found} == {"undecodable"}
        assert any(b"garbage" in row.payload for row in found)


async def test_a_device_without_an_address_or_with_another_scheme_is_not_ours(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        devices = [{"id": DEVICE}, {"id": "vzenith:b", "address": f"http://127.0.0.1:{r.port}"}]
        await r.here.wish(devices={"devices": devices})
        await until(lambda: "tcp" in r.here.links._running)
        transport: Any = r.here.links._running["tcp"][0]
        transport._settle()
        assert transport._connections == {}


async def test_a_line_that_comes_again_says_nothing_that_was_said(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        await r.adopt()
        for _ in range(3):
            await r.camera.stop()
            await r.camera.start(port=r.port)
            await until(lambda: r.camera.is_watched)
        r.camera.read("川A00001", now())
        await r.plates(1)
        answers = [event.label for event in await r.here.events("command_result", DEVICE)]
        assert sorted(map(str, answers)) == ["getsn", "ivsresult"]

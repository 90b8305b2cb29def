"""Fire transmitters over real TCP: confirmed after the log has it and never before, whatever else is on the line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge.intake.intake import Intake
from edge.transports import tcp_listener
from simulators.devices.gb26875 import FAULT, FIRE, NORMAL, Transmitter
from tests.edge.devices.samples import assert_says, sample
from tests.edge.wire_bench import WireBench, clock_from, until, wire_bench

ADDRESS = "110000000001"
DEVICE = f"gb26875:{ADDRESS}"
LOCAL = datetime(2026, 3, 1, 8, 15, 30)


RECORDED = datetime(2026, 3, 1, 0, 16, tzinfo=UTC)


class Rig:
    def __init__(self, here: WireBench) -> None:
        self.here = here
        self.port = here.config.tcp.ports["gb26875"]
        self._listening: list[asyncio.Task[None]] = []

    async def adopt(self) -> None:
        await self.here.wish(devices={"devices": [{"id": DEVICE, "place": "消防控制室"}]})
        async with asyncio.timeout(10):
            while True:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    return
                await asyncio.sleep(0.02)

    async def transmitter(self, address: str = ADDRESS, *, binary: bool = False) -> Transmitter:
        made = Transmitter(address, binary=binary)
        await made.connect(self.port)
        self._listening.append(asyncio.create_task(made.listen()))
        return made

    async def close(self) -> None:
        for task in self._listening:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def rig(folder: Path, **settings: Any) -> AsyncIterator[Rig]:
    """The time is shortly after the recordings, where no other clock is given."""
    async with wire_bench(folder, **{"clock": clock_from(RECORDED), **settings}) as here:
        r = Rig(here)
        await r.adopt()
        yield r
        await r.close()


async def test_each_recorded_frame_arrives_as_it_shall_and_is_confirmed(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        sender = await r.transmitter()
        files = ("component-fire.hex", "system-fault.hex")
        for file in files:
            sender.write(sample("gb26875", file).payload)
        found = await r.here.some(2, lambda event: event.kind == "alarm")
        for file in files:
            (expected,) = sample("gb26875", file).expect
            assert_says(next(event for event in found if event.alarm == expected["alarm"]), expected)
        await until(lambda: len(sender.received) == 2)
        assert sender.received[0] == sample("gb26875", "confirm.hex").payload


@pytest.mark.parametrize("binary", [False, True])
async def test_fire_fault_and_their_end(tmp_path: Path, binary: bool) -> None:
    async with rig(tmp_path) as r:
        sender = await r.transmitter(binary=binary)
        sender.report(sender.component(FIRE, LOCAL, text="3栋1层电表间感烟"), LOCAL)
        (fire,) = await r.here.some(1, lambda event: event.alarm == "fire")
        assert (fire.state, fire.text, fire.place) == ("active", "3栋1层电表间感烟", "消防控制室")
        assert (fire.time, fire.time_quality) == (datetime(2026, 3, 1, 0, 15, 30, tzinfo=UTC), "assumed_zone")
        for _ in range(3):
            sender.report(sender.component(NORMAL, LOCAL.replace(second=40)), LOCAL)
        await until(lambda: not sender.unconfirmed)
        cleared = [event for event in await r.here.events("alarm") if event.state == "cleared"]
        assert sorted(event.alarm or "" for event in cleared) == ["fire", "fire_system_fault"], "said once"


async def test_a_frame_is_confirmed_only_after_it_is_durable(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        assert await confirmed_early(r) == 0


async def test_the_test_above_sees_a_confirmation_that_comes_too_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The positive control."""
    real = Intake.offer

    def hasty(self: Intake, message: Any, acknowledge: Any) -> None:
        real(self, message, lambda: None)
        acknowledge()

    monkeypatch.setattr(Intake, "offer", hasty)
    async with rig(tmp_path) as r:
        assert await confirmed_early(r) == 1


async def confirmed_early(r: Rig) -> int:
    """How many frames were confirmed while the log takes nothing."""
    sender = await r.transmitter()
    sender.report(b"", LOCAL)  # a sign of life, so that the line stands
    await until(lambda: sender.confirmed == [1])
    r.here.commits.clear()
    sender.report(sender.component(FIRE, LOCAL), LOCAL)
    await until(lambda: r.here.intake._queue.busy)
    await asyncio.sleep(0.2)
    early = len(sender.confirmed) - 1
    r.here.commits.set()
    await until(lambda: sender.confirmed == [1, 2])
    return early


async def test_what_was_not_confirmed_and_is_repeated_is_one_fact(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        sender = await r.transmitter()
        frame = sender.report(sender.component(FIRE, LOCAL), LOCAL)
        await until(lambda: sender.confirmed == [1])
        sender.close()
        again = await r.transmitter()
        again.write(frame)  # its confirmation was lost
        await until(lambda: len(again.received) == 1)
        assert len(await r.here.events("alarm")) == 1


async def test_rubbish_is_parked_and_what_follows_is_understood(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        sender = await r.transmitter()
        broken = bytearray(sample("gb26875", "component-fire.hex").payload)
        broken[40] ^= 0xFF
        vendor = bytes.fromhex("680a0a68530100000000000000005e16")  # another frame under the same name
        sender.write(b"\0\0rubbish" + bytes(broken) + vendor + b"@@\xff\xff\xff" + b"@" * 30 + b"@")
        sender.report(sender.component(FAULT, LOCAL), LOCAL)
        await r.here.some(1, lambda event: event.alarm == "fire_system_fault")
        await until(lambda: sender.confirmed == [1])
        found = await r.here.parked(3)
        assert {row.reason for row in found} == {"undecodable"}
        kept = b"".join(row.payload for row in found)
        assert b"rubbish" in kept
        assert vendor in kept
        assert any("a sum of" in row.detail for row in found), "no fire by a frame that was damaged"
        assert [event.alarm for event in await r.here.events("alarm")] == ["fire_system_fault"]


async def test_a_frame_in_drops_and_many_in_one(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        sender = await r.transmitter()
        payload = sample("gb26875", "component-fire.hex").payload
        for at in range(0, len(payload), 7):
            sender.write(payload[at : at + 7])
            await asyncio.sleep(0)
        await until(lambda: len(sender.received) == 1)
        joined = b""
        for number in range(100):
            frame = sender.report(sender.component(FIRE, LOCAL, address=number), LOCAL)
            joined += frame
        sender.write(joined)
        await until(lambda: len(sender.received) == 201)
        assert len(await r.here.events("alarm")) == 101


async def test_a_stranger_is_parked_confirmed_and_known_when_it_is_listed(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        stranger = await r.transmitter("990000000009")
        stranger.report(stranger.component(FIRE, LOCAL), LOCAL)
        await until(lambda: stranger.confirmed == [1])
        (row,) = await r.here.parked(1)
        assert row.reason == "unknown_device"
        assert "gb26875:990000000009" in row.detail


async def test_who_drips_and_who_is_one_too_many_is_let_go(tmp_path: Path) -> None:
    async with rig(tmp_path, clock=None, tcp={"clients": 3, "frame_s": 0.3}) as r:
        drip, _ = await asyncio.open_connection("127.0.0.1", r.port)
        del drip
        reader, writer = await asyncio.open_connection("127.0.0.1", r.port)

        async def drips() -> None:
            with suppress(OSError):
                for byte in b"@@" + bytes(60):
                    writer.write(bytes((byte,)))
                    await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drips())
        async with asyncio.timeout(5):
            assert await reader.read() == b"", "a frame has to be whole in time"
        dripping.cancel()
        lines = [await asyncio.open_connection("127.0.0.1", r.port) for _ in range(5)]
        closed = 0
        for line, _ in lines:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.3):
                    closed += await line.read() == b""
        assert closed >= 2
        for _, line in lines:
            line.close()


async def test_silence_is_said_and_so_is_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig(tmp_path, clock=None) as r:
        sender = await r.transmitter()
        sender.report(b"", datetime.now())
        line = lambda event: event.kind == "availability" and event.device == DEVICE  # noqa: E731
        await r.here.some(1, line)
        transport: Any = r.here.links._running["tcp"][0]
        listener = transport._listeners["gb26875"][0]
        listener._heard_s[ADDRESS] -= 601
        assert [event.state for event in await r.here.some(2, line)] == ["online", "offline"]
        sender.report(b"", datetime.now())
        assert [event.state for event in await r.here.some(3, line)] == ["online", "offline", "online"]


async def test_its_clock_is_set_by_an_order_that_it_confirms(tmp_path: Path) -> None:
    async with rig(tmp_path, clock=None) as r:
        sender = await r.transmitter()
        sender.report(b"", datetime.now())
        await until(lambda: sender.confirmed == [1])
        await r.here.order(1, DEVICE, "clock.set")
        await until(lambda: any(frame[26] == 1 for frame in sender.received))
        told = next(frame for frame in sender.received if frame[26] == 1)
        assert told[27:29] == bytes((90, 1))
        answer = told[2:12] + told[18:24] + told[12:18] + b"\0\0\x03"
        sender.write(b"@@" + answer + bytes((sum(answer) & 0xFF,)) + b"##")
        async with asyncio.timeout(10):
            while await r.here.states_of(1) != ["accepted", "confirmed"]:
                await asyncio.sleep(0.02)


async def test_who_is_never_confirmed_is_let_go_to_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log takes nothing for long: the line ends, and the transmitter repeats on the next."""
    monkeypatch.setattr(tcp_listener, "_MOST_UNCONFIRMED", 2)
    monkeypatch.setattr(tcp_listener, "_UNCONFIRMED_S", 0.2)
    async with rig(tmp_path) as r:
        sender = await r.transmitter()
        r.here.commits.clear()
        for number in range(4):
            sender.report(sender.component(FIRE, LOCAL, address=number), LOCAL)
        await until(lambda: sender._reader is not None and sender._reader.at_eof())
        r.here.commits.set()
        again = await r.transmitter()
        for frame in sender.unconfirmed.values():
            again.write(frame)
        await until(lambda: len(again.received) == 4)
        assert len(await r.here.events("alarm")) == 4

"""Real child processes on real streams: what they see is in the agent's log, with its picture, and one that dies is
begun anew."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from domain.desired_bodies import Device
from edge.device_secrets import DeviceSecret, DeviceSecrets
from edge.transports import vision
from edge.vision.memory import resident_mb
from simulators.broker import free_port
from simulators.devices.http_device import running as device_running
from simulators.onvif import camera as onvif_camera
from tests.edge.link_bench import LinkBench, link_bench, running
from tests.edge.vision.clips_made import film, scene, yard


@asynccontextmanager
async def watched(folder: Path, *devices: Device, **settings: Any) -> AsyncIterator[tuple[LinkBench, vision.Vision]]:
    async with link_bench(folder, *devices, vision=settings) as here:
        transport = vision.make(here.around)
        async with running(transport):
            yield here, transport


def camera(name: str, path: Path | str) -> Device:
    return Device(id=f"camera:{name}", place="东门", address=str(path))


def children() -> dict[int, str]:
    """The processes that this test has as children, by what they run."""
    own = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    commands = {int(child): Path(f"/proc/{child}/cmdline").read_bytes().decode() for child in own}
    return {child: command for child, command in commands.items() if "edge.vision.child" in command}


async def alarm(here: LinkBench, count: int = 1) -> Any:
    async with asyncio.timeout(40):
        while len(found := [event for event in await here.events("alarm") if event.state == "active"]) < count:
            await asyncio.sleep(0.05)
    return found[count - 1]


async def test_a_camera_that_goes_dark_is_in_the_log_with_its_picture(tmp_path: Path) -> None:
    bright = [scene(number / 10) for number in range(60)]
    dark = [np.full_like(bright[0], 6) + scene(number / 10) // 32 for number in range(100)]
    path = film(tmp_path / "night.avi", [*bright, *dark])
    async with watched(tmp_path, camera("yard", path)) as (here, transport):
        found = await alarm(here)
        online = await here.recorded("availability")
        figures = transport.figures["camera:yard",]
    assert figures.memory_mb > 10 and figures.cameras["camera:yard"]["frames"] > 0
    assert [event.state for event in online] == ["online"]
    assert (found.device, found.alarm, found.reason, found.phase) == ("camera:yard", "image_fault", "dark", "start")
    assert found.place == "东门"
    roles = {media.role: media for media in found.media}
    assert roles.keys() == {"scene", "thumbnail"}
    kept = here.intake.media.path(roles["scene"].sha256).read_bytes()
    shown = cv2.imdecode(np.frombuffer(kept, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None and shown.shape[1] == 320 and shown.shape[0] > 180, "a strip with the time below it"
    assert roles["thumbnail"].bytes <= 30 * 1024


async def test_a_child_that_is_killed_is_begun_anew_and_costs_the_others_nothing(tmp_path: Path) -> None:
    path = yard(tmp_path / "yard.avi", 30)
    two = [camera("a", path), camera("b", path)]
    async with watched(tmp_path, *two, cameras_per_child=1) as (here, _):
        await here.recorded("availability", 2)
        first = children()
        assert len(first) == 2
        victim = min(first)
        os.kill(victim, signal.SIGKILL)
        async with asyncio.timeout(20):
            while len(now := children()) < 2 or victim in now:
                await asyncio.sleep(0.05)
        assert len(now.keys() & first.keys()) == 1, "the other child is the same as before"
    assert not children(), "they end with the agent"


async def test_a_child_that_eats_memory_is_ended_and_said(tmp_path: Path, capsys: Any) -> None:
    path = yard(tmp_path / "yard.avi", 5)
    async with watched(tmp_path, camera("a", path), memory_mb=64):
        async with asyncio.timeout(20):
            while "MB of memory; at most 64" not in (said := capsys.readouterr().out):
                await asyncio.sleep(0.1)
        assert "vision_child_died" in said


async def test_a_camera_that_is_not_there_is_offline_and_its_password_nowhere(tmp_path: Path, capsys: Any) -> None:
    DeviceSecrets(tmp_path).keep("camera:gone", DeviceSecret("s3cret-word", "admin"))
    async with watched(tmp_path, camera("gone", "rtsp://127.0.0.1:9/stream")) as (here, _):
        async with asyncio.timeout(20):
            while not (found := await here.events("availability")):
                await asyncio.sleep(0.05)
                commands = list(children().values())
                assert not any("s3cret" in command for command in commands)
    assert (found[0].state, found[0].reason) == ("offline", "unreachable")
    kept = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file() and "device-secrets" not in str(file)]
    assert not any(b"s3cret-word" in body for body in kept)
    assert "s3cret-word" not in capsys.readouterr().out


async def test_a_looker_that_cannot_be_made_is_said_and_the_camera_is_watched(tmp_path: Path, capsys: Any) -> None:
    path = yard(tmp_path / "yard.avi", 10)
    settings = {"cameras": {"camera:a": {"lookers": {"nonsense": {}}}}}
    async with watched(tmp_path, camera("a", path), **settings) as (here, _):
        await here.recorded("availability")
        async with asyncio.timeout(10):
            while "lookers.nonsense" not in capsys.readouterr().out:
                await asyncio.sleep(0.1)


async def test_a_camera_taken_from_the_list_is_looked_at_no_more(tmp_path: Path) -> None:
    path = yard(tmp_path / "yard.avi", 30)
    async with watched(tmp_path, camera("a", path)) as (here, _):
        await here.recorded("availability")
        (child,) = children()
        assert resident_mb(child) > 10
        here.devices.replace([])
        async with asyncio.timeout(10):
            while children():
                await asyncio.sleep(0.05)


async def test_a_camera_that_is_asked_over_onvif_is_looked_at_where_it_says(tmp_path: Path) -> None:
    """Its stream is at a port where nobody answers: that its child says so shows where it looked."""
    said = onvif_camera.Camera("admin", "s3cret-word")
    said.rtsp_port = free_port()
    DeviceSecrets(tmp_path).keep("camera:yard", DeviceSecret("s3cret-word", "admin"))
    async with device_running(said), watched(tmp_path, camera("yard", said.onvif_address)) as (here, transport):
        async with asyncio.timeout(40):
            while ("camera:yard",) not in transport.figures:
                await asyncio.sleep(0.05)
        (offline,) = await here.recorded("availability")
    assert (offline.state, offline.reason) == ("offline", "unreachable")
    assert said.done["GetStreamUri"] == 1

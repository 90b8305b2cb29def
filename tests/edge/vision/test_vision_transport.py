"""Real child processes on real streams: what they see is in the agent's log, with its picture, and one that dies is
begun anew."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from domain.desired_bodies import Device
from domain.orders import SNAPSHOT, TAKE_PICTURE, snapshot_of
from domain.scenes.wishes import Scenes, read_scenes
from edge.device_secrets import DeviceSecret, DeviceSecrets
from edge.devices._camera_words import Told
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
        shown = transport.described()
    assert figures.memory_mb > 10 and figures.cameras["camera:yard"]["frames"] > 0
    assert shown["cameras"]["camera:yard"]["fps"] > 1
    assert shown["children"][0]["memory_mb"] > 10 and shown["children"][0]["cameras"] == ["camera:yard"]
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


async def test_the_status_says_what_each_camera_shows(tmp_path: Path) -> None:
    two = [camera("a", yard(tmp_path / "yard.avi", 30)), camera("gone", "rtsp://127.0.0.1:9/stream")]
    async with watched(tmp_path, *two) as (_, transport):
        assert transport.described()["cameras"] == {}, "nobody looks yet"
        async with asyncio.timeout(30):
            while _states(transport) != {"camera:a": "ok", "camera:gone": "offline"}:
                await asyncio.sleep(0.05)


def _states(transport: vision.Vision) -> dict[str, str]:
    return {device: entry["state"] for device, entry in transport.described()["cameras"].items()}


async def test_what_a_child_told_to_have_begun_is_over_when_it_died(tmp_path: Path) -> None:
    """Nobody follows it any more: without its end it would last for ever."""
    path = yard(tmp_path / "yard.avi", 30)
    async with watched(tmp_path, camera("a", path)) as (here, transport):
        await here.recorded("availability")
        fields = {"kind": "detection", "phase": "start", "label": "person", "rule": "r", "ext": {"track": "t"}}
        told = Told(device="camera:a", id="t/r", at=datetime.now(UTC), fields=fields)
        await transport._offer(("camera:a",), told)
        await here.recorded("detection")
        (victim,) = children()
        os.kill(victim, signal.SIGKILL)
        began, ended = await here.recorded("detection", 2)
    assert (began.phase, ended.phase) == ("start", "end")
    assert (ended.device, ended.source_event_id, ended.label) == ("camera:a", "t/r", "person")
    assert ended.ext == {"track": "t", "cut_short": True}


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


LINE: dict[str, Any] = {
    "lines": {"gate": [[0.5, 0], [0.5, 1]]},
    "rules": [{"kind": "motion_line", "line": "gate", "smallest": 0.01}],
}


def wishes(**cameras: Any) -> Scenes:
    return read_scenes({"cameras": {f"camera:{name}": said for name, said in cameras.items()}})


def passing(path: Path) -> Path:
    """Something large that goes to and fro, after a while in which nothing moves; a clock runs."""
    still = scene(0)

    def drawn(number: int) -> Any:
        picture = still.copy()
        picture[170:, number % 300 : number % 300 + 8] = 255
        left = 250 - abs((number * 8) % 500 - 250) if number > 60 else 300
        picture[40:130, left : left + 60] = (20, 220, 240)
        return picture

    return film(path, (drawn(number) for number in range(400)))


async def until_seen(here: LinkBench, label: str, count: int = 1) -> list[Any]:
    async with asyncio.timeout(60):
        while len(found := [one for one in await here.events("detection") if one.label == label]) < count:
            await asyncio.sleep(0.05)
    return found


async def test_what_the_centre_wishes_counts_within_the_same_child_and_costs_the_other_camera_nothing(
    tmp_path: Path,
) -> None:
    wished = Scenes()
    path = passing(tmp_path / "yard.avi")
    async with link_bench(tmp_path, camera("a", path), camera("b", path)) as here:
        transport = vision.make(dataclasses.replace(here.around, scenes=lambda: wished))
        async with running(transport):
            await here.recorded("availability", 2)
            (child,) = children()
            assert await here.events("detection") == []
            wished = wishes(a=LINE)
            found = await until_seen(here, "line_crossed")
            assert {event.device for event in found} == {"camera:a"}, "the other goes by the settings of the box"
            assert list(children()) == [child], "one camera of it begins anew, not the child"
            assert len(await here.events("availability")) == 2, "nobody was away"


async def test_a_picture_that_is_asked_for_comes_masked_and_says_where_its_strip_is(tmp_path: Path) -> None:
    path = yard(tmp_path / "yard.avi", 8)
    wished = wishes(a={"masks": [[[0, 0], [0.5, 0], [0.5, 0.5], [0, 0.5]]]})
    async with link_bench(tmp_path, camera("a", path)) as here:
        transport = vision.make(dataclasses.replace(here.around, scenes=lambda: wished))
        async with running(transport):
            await here.recorded("availability")
            assert transport.send("camera:a", here.encode("camera:a", TAKE_PICTURE, "asked-0001"))
            (found,) = await until_seen(here, SNAPSHOT)
            assert not transport.send("camera:b", here.encode("camera:b", TAKE_PICTURE)), "nobody looks at that one"
    assert found.source_event_id == snapshot_of("asked-0001")
    kept = here.intake.media.path(next(one.sha256 for one in found.media if one.role == "scene")).read_bytes()
    shown = cv2.imdecode(np.frombuffer(kept, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert round(shown.shape[0] * (1 - found.ext["below"])) == 180
    assert shown[10:80, 10:150].max() < 24, "what is masked is blank"
    assert shown[100:170].max() > 60, "and the rest is there"


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

"""Cameras over real RTSP: read, refused, lost, found again, of another size; their passwords are nowhere."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from edge.device_secrets import DeviceSecret, DeviceSecrets
from edge.vision.frames import Frame
from edge.vision.streams.source import How, Source
from edge.vision.streams.where import StreamFault, Where
from tests.edge.link_bench import LinkBench
from tests.edge.vision.clips_made import scene
from tests.edge.vision.test_vision_transport import camera, children, watched
from tests.rig import until
from tests.rtsp import film, needs_rtsp_server, serving

pytestmark = needs_rtsp_server

PASSWORD = "s3cret/w@rd"


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("films") / "yard.h264", (scene(number / 10) for number in range(40)))


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("films") / "larger.h264", (scene(n / 10, (480, 270)) for n in range(20)))


def opened(where: Where, counts: Counter[str]) -> Source:
    return Source(where, How(), lambda: datetime.now(UTC), counts)


def first(source: Source, count: int) -> Iterator[Frame]:
    for frame in source.frames():
        yield frame
        if frame.number >= count:
            return


def refused(where: Where) -> StreamFault:
    with pytest.raises(StreamFault) as fault:
        opened(where, Counter())
    return fault.value


def test_a_stream_is_read(yard: Path) -> None:
    with serving({"/yard": [yard]}) as server:
        source = opened(Where(server.address("/yard")), Counter())
        frames = list(first(source, 30))
        source.close()
    assert {frame.luma.shape for frame in frames} == {(180, 320)}
    steps = [other.seconds - one.seconds for one, other in pairwise(frames)]
    assert steps == pytest.approx([0.1] * 29, abs=0.05), "none left out, none twice: the server's own clock is in them"
    assert any(frame.is_key for frame in frames)


def test_a_password_is_asked_for_and_a_wrong_one_is_said_without_being_shown(yard: Path) -> None:
    with serving({"/yard": [yard]}, user="viewer", password=PASSWORD) as server:
        address = server.address("/yard")
        source = opened(Where(address, "viewer", PASSWORD), Counter())
        assert len(list(first(source, 3))) == 3, "the control: with the right one it is read"
        source.close()
        faults = [refused(Where(address, "viewer", "another")), refused(Where(address))]
    assert [fault.reason for fault in faults] == ["unauthorised"] * 2
    assert not any("another" in f"{fault} {fault!r} {fault.__cause__}" for fault in faults)


def test_another_size_in_the_middle_of_a_stream_is_read_on(yard: Path, larger: Path) -> None:
    counts: Counter[str] = Counter()
    with serving({"/both": [yard, larger]}, fps=20) as server:
        source = opened(Where(server.address("/both")), counts)
        frames = list(first(source, 70))
        source.close()
    assert {frame.luma.shape for frame in frames} == {(180, 320), (270, 480)}
    assert counts["sizes_changed"] >= 1
    assert all(one.seconds <= other.seconds for one, other in pairwise(frames))


def crossing(size: tuple[int, int]) -> Iterator[Any]:
    """Something large that goes from left to right over a yard, again and again."""
    for number in range(60):
        picture = scene(0.0, size)
        cv2.putText(picture, f"{number:03}", (4, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1)
        left = round(size[0] * (number - 30) / 30)
        top, bottom = size[1] // 4, size[1] * 3 // 4
        if left > -size[0] // 4:
            cv2.rectangle(picture, (left, top), (left + size[0] // 4, bottom), (240, 240, 240), -1)
            cv2.rectangle(picture, (left + 8, top + 8), (left + size[0] // 8, bottom - 8), (10, 10, 10), -1)
        yield picture


async def test_what_the_substream_told_has_the_picture_and_the_clip_of_the_main_stream(tmp_path: Path) -> None:
    pytest.importorskip("similari")
    films = {"/sub": [film(tmp_path / "sub.h264", crossing((320, 180)))]}
    films["/main"] = [film(tmp_path / "main.h264", crossing((960, 540)))]
    rules = [{"kind": "motion_line", "line": "middle"}]
    lookers = {"scene": {"lines": {"middle": [[0.5, 0.0], [0.5, 1.0]]}, "rules": rules}}
    DeviceSecrets(tmp_path).keep("camera:a", DeviceSecret(PASSWORD, "viewer"))
    with serving(films, user="viewer", password=PASSWORD) as server:
        settings = {"camera:a": {"lookers": lookers, "clip_s": 1.0, "main": server.address("/main")}}
        async with watched(tmp_path, camera("a", server.address("/sub")), cameras=settings) as (here, transport):
            scene_of = await pictured(here, "scene")
            clip_of = await pictured(here, "clip")
            await until(lambda: transport.figures["camera:a",].cameras["camera:a"].get("main_packets", 0) > 20)
            counts = transport.figures["camera:a",].cameras["camera:a"]
            shown = cv2.imdecode(np.frombuffer(scene_of, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None and shown.shape[1] == 960
    with av.open(io.BytesIO(clip_of)) as clip:
        assert clip.streams.video[0].width == 960
    assert counts.get("main_decoded", 0) < counts["main_packets"] / 2, "what nobody asked for is not decoded"


async def pictured(here: LinkBench, role: str) -> bytes:
    """A detection's picture, or its clip, out of the media store."""
    async with asyncio.timeout(90):
        while True:
            media = [one for event in await here.events("detection") for one in event.media if one.role == role]
            if media:
                return here.intake.media.path(media[0].sha256).read_bytes()
            await asyncio.sleep(0.1)


async def states(here: LinkBench, count: int) -> list[Any]:
    async with asyncio.timeout(60):
        while len(found := await here.events("availability")) < count:
            await asyncio.sleep(0.05)
    return [(event.state, event.reason) for event in found]


async def test_a_server_that_dies_and_returns_is_offline_and_online_again(tmp_path: Path, yard: Path) -> None:
    with serving({"/yard": [yard]}) as server:
        async with watched(tmp_path, camera("a", server.address("/yard"))) as (here, transport):
            assert await states(here, 1) == [("online", None)]
            server.kill()
            assert (await states(here, 2))[1] == ("offline", "unreachable")
            server.again()
            assert (await states(here, 3))[2] == ("online", None)
            assert len(await here.events("availability")) == 3
            counts = transport.figures["camera:a",].cameras["camera:a"]
    assert counts["stream_unreachable"] >= 1


@pytest.mark.parametrize(("password", "said"), [(PASSWORD, ("online", None)), ("another", ("offline", "unauthorised"))])
async def test_a_password_is_in_no_log_no_file_and_no_command(
    tmp_path: Path, yard: Path, capsys: Any, password: str, said: tuple[str, str | None]
) -> None:
    DeviceSecrets(tmp_path).keep("camera:a", DeviceSecret(password, "viewer"))
    with serving({"/yard": [yard]}, user="viewer", password=PASSWORD) as server:
        async with watched(tmp_path, camera("a", server.address("/yard"))) as (here, _):
            assert await states(here, 1) == [said]
            assert children() and not any(password in command for command in children().values())
    kept = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file() and "device-secrets" not in str(file)]
    shown = capsys.readouterr()
    assert not any(password.encode() in body for body in [*kept, shown.out.encode(), shown.err.encode()])

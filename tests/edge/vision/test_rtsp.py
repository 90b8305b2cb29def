"""Cameras over real RTSP: read, refused, lost, found again, of another size; their passwords are nowhere."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edge.device_secrets import DeviceSecret, DeviceSecrets
from edge.vision.frames import Frame
from edge.vision.streams.source import How, Source
from edge.vision.streams.where import StreamFault, Where
from tests.edge.link_bench import LinkBench
from tests.edge.vision.clips_made import scene
from tests.edge.vision.test_vision_transport import camera, children, watched
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
    assert steps == pytest.approx([0.1] * 29, abs=0.01)
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

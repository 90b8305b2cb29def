"""Streams: whatever is in them is bounded, named and counted; time never runs backwards; nothing piles up."""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.frames import Frame
from edge.vision.streams.latest import Latest
from edge.vision.streams.source import How, Source
from edge.vision.streams.thin import Thin
from edge.vision.streams.timeline import Timeline
from edge.vision.streams.where import StreamFault, Where
from tests.edge.vision.clips_made import film, scene, yard

AT = datetime(2026, 3, 1, tzinfo=UTC)
stamps = st.lists(st.none() | st.floats(-1e6, 1e6), max_size=60)


def read(path: Path, **how: Any) -> tuple[list[Frame], StreamFault, Counter[str]]:
    counts: Counter[str] = Counter()
    frames: list[Frame] = []
    source = Source(Where(str(path)), How(in_real_time=False, **how), lambda: AT, counts)
    with pytest.raises(StreamFault) as fault:
        frames += source.frames()
    source.close()
    return frames, fault.value, counts


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg", "libx264"])
def test_frames_have_brightness_colours_and_times(tmp_path: Path, codec: str) -> None:
    frames, fault, counts = read(yard(tmp_path / "yard.mkv", 3, codec=codec))
    assert (fault.reason, len(frames), counts["frames"]) == ("ended", 30, 30)
    assert [frame.number for frame in frames] == list(range(1, 31))
    assert frames[-1].seconds == pytest.approx(2.9, abs=0.01)
    assert (frames[0].luma.shape, frames[0].picture().shape) == ((180, 320), (180, 320, 3))
    assert abs(float(frames[0].luma.mean()) - float(scene(0.0).mean())) < 25


def test_only_keyframes_are_decoded_where_that_is_asked(tmp_path: Path) -> None:
    frames, _, counts = read(yard(tmp_path / "yard.mkv", 4, group=10), keyframes_only=True)
    assert [round(frame.seconds) for frame in frames] == [0, 1, 2, 3]
    assert all(frame.is_key for frame in frames) and counts["frames"] == 4


def test_a_camera_that_sends_sixty_a_second_is_thinned_and_counted(tmp_path: Path) -> None:
    pictures = (scene(number / 60) for number in range(180))
    frames, _, counts = read(film(tmp_path / "fast.mkv", pictures, fps=60), fps=15)
    assert 42 <= len(frames) <= 48
    assert counts["frames_beyond_bound"] == 180 - len(frames)


@given(st.floats(1, 60), st.floats(1, 60))
def test_the_bound_holds_for_any_rate_and_takes_nothing_from_a_slower_one(rate: float, bound: float) -> None:
    thin = Thin(bound)
    taken = sum(thin.takes(number / rate) for number in range(int(rate * 10)))
    assert taken <= bound * 10 + 2
    if rate <= bound:
        assert taken == int(rate * 10)


@given(stamps)
def test_seconds_never_run_backwards_and_each_oddity_is_counted(written: list[float | None]) -> None:
    counts: Counter[str] = Counter()
    line = Timeline(counts)
    seconds = [line.seconds(stamp, number * 0.1) for number, stamp in enumerate(written)]
    assert seconds == sorted(seconds)
    told = list(written)
    odd = sum(
        1 for one, other in pairwise(told) if one is not None and other is not None and not 0 <= other - one <= 60
    )
    assert counts.total() == odd


def test_stamps_that_run_backwards_in_a_file_are_mended(tmp_path: Path) -> None:
    """A camera that sets its clock back by a minute and goes on: two files' packets in one stream."""
    line = Timeline(counts := Counter())
    seconds = [
        line.seconds(stamp, arrived) for stamp, arrived in ((100.0, 0.0), (100.1, 0.1), (40.0, 0.2), (40.1, 0.3))
    ]
    assert seconds == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert counts == {"stamps_backwards": 1}


def test_another_size_in_the_middle_is_read_and_counted(tmp_path: Path) -> None:
    """Transport streams may be joined end to end, as a camera's do when somebody changes its settings."""
    first = yard(tmp_path / "a.ts", 2, codec="libx264")
    second = film(tmp_path / "b.ts", (scene(n / 10, (480, 270)) for n in range(20)), codec="libx264")
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    frames, fault, counts = read(joined)
    assert fault.reason == "ended"
    assert {frame.luma.shape for frame in frames} == {(180, 320), (270, 480)}
    assert counts["sizes_changed"] == 1
    assert all(one.seconds <= other.seconds for one, other in pairwise(frames))


def test_a_picture_beyond_the_bound_is_never_decoded(tmp_path: Path) -> None:
    path = film(tmp_path / "bomb.mkv", [np.zeros((2_000, 2_000, 3), np.uint8)] * 2)
    with pytest.raises(StreamFault) as fault:
        Source(Where(str(path)), How(max_pixels=1_000_000), lambda: AT, Counter())
    assert fault.value.reason == "too_large"
    assert read(path, max_pixels=4_000_000)[2]["frames"] == 2, "the control: within the bound it is read"


def test_a_bomb_in_the_middle_is_refused_by_the_decoder(tmp_path: Path) -> None:
    first = yard(tmp_path / "a.ts", 2, codec="libx264")
    second = film(tmp_path / "b.ts", (scene(n / 10, (1_280, 720)) for n in range(5)), codec="libx264")
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    frames, _, counts = read(joined, max_pixels=320 * 180)
    assert {frame.luma.shape for frame in frames} == {(180, 320)}
    assert counts["broken_packets"] > 0


def test_broken_packets_are_counted_and_the_rest_is_seen(tmp_path: Path) -> None:
    path = yard(tmp_path / "yard.ts", 5, codec="libx264")
    body = bytearray(path.read_bytes())
    random = np.random.default_rng(3)
    for start in random.integers(len(body) // 3, len(body) // 2, 40):
        body[start : start + 50] = random.integers(0, 256, 50, dtype=np.uint8).tobytes()
    path.write_bytes(body)
    frames, fault, _ = read(path)
    assert fault.reason == "ended"
    assert 10 < len(frames) <= 51


@pytest.mark.parametrize(
    "body", [b"", b"\0" * 10_000, b"GIF89a", b"\xff\xd8\xff\xe0" + b"x" * 2_000, b"RIFF\xff\xff\xff\xffAVI LIST"]
)
def test_what_is_no_video_is_a_named_fault(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "none.avi"
    path.write_bytes(body)
    with pytest.raises(StreamFault) as fault:
        list(Source(Where(str(path)), How(in_real_time=False), lambda: AT, Counter()).frames())
    assert fault.value.reason in ("unreadable", "no_video", "ended", "failed")


@given(st.binary(max_size=400))
def test_any_bytes_end_in_a_named_fault(body: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".mkv") as file:
        file.write(b"\x1a\x45\xdf\xa3" + body)
        file.flush()
        with pytest.raises(StreamFault):
            list(Source(Where(file.name), How(in_real_time=False), lambda: AT, Counter()).frames())


@pytest.mark.parametrize(
    "address",
    [
        "concat:/etc/passwd",
        "http://127.0.0.1/x",
        "pipe:0",
        "/dev/zero",
        "rtsp://",
        "",
        "file:///nowhere.mp4",
        "subfile,,start,0,end,0,,:/etc/passwd",
    ],
)
def test_nothing_but_cameras_and_files_is_reached_by_an_address(address: str) -> None:
    with pytest.raises(StreamFault) as fault:
        Source(Where(address), How(), lambda: AT, Counter())
    assert fault.value.reason == "bad_address"


def test_a_fault_holds_no_password() -> None:
    where = Where("rtsp://someone:older@127.0.0.1:9/x", "admin", "p@ss/word")
    assert "admin:p%40ss%2Fword@127.0.0.1:9" in where.opened, "the control: it is asked with it"
    with pytest.raises(StreamFault) as fault:
        Source(where, How(), lambda: AT, Counter())
    assert fault.value.reason == "unreachable"
    for said in (str(fault.value), repr(fault.value), repr(where), where.shown):
        assert "word" not in said and "older" not in said


def test_a_slow_taker_gets_the_newest_and_the_others_are_counted() -> None:
    held: Latest[int] = Latest()
    for number in range(5):
        held.put(number)
    assert (held.take(0), held.take(0), held.passed_over) == (4, None, 4)
    threading.Timer(0.05, held.put, [9]).start()
    assert held.take(5) == 9

"""The large stream: kept as it came, decoded only for what is told, whole groups once, and never beyond its bounds."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.vision.clips.clips import Clip
from edge.vision.clips.ring import Piece, Ring
from edge.vision.frames import Frame, Picture, Seen
from edge.vision.main_stream import MainStream
from edge.vision.settings import Camera
from edge.vision.streams.kept import Kept, codec_of
from edge.vision.streams.source import How, Source
from edge.vision.streams.where import Where
from tests.edge.vision.clips_made import film
from tests.rig import until

AT = datetime(2026, 3, 1, tzinfo=UTC)
SMALL = np.zeros((36, 64, 3), np.uint8)


def grey(level: int) -> Picture:
    return np.full((180, 320, 3), level, np.uint8)


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each picture a little brighter than the one before: which one it is can be seen."""
    return film(tmp_path_factory.mktemp("main") / "steps.mkv", (grey(40 + 4 * n) for n in range(40)), codec="libx264")


def pieces_of(path: Path) -> tuple[list[Piece], Source]:
    source = Source(Where(str(path)), How(in_real_time=False), lambda: AT, Counter())
    found: list[Piece] = []
    with pytest.raises(Exception, match="ended"):
        for number, (packet, _) in enumerate(source.packets()):
            at = AT + timedelta(seconds=number / 10)
            found.append(Piece(at, bytes(packet), packet.pts, packet.dts, packet.is_keyframe))
    return found, source


def level(picture: Picture | None) -> int:
    assert picture is not None
    return round((float(picture.mean()) - 40) / 4)


def test_a_picture_of_any_moment_is_found_and_each_packet_decoded_once(steps: Path) -> None:
    pieces, source = pieces_of(steps)
    counts: Counter[str] = Counter()
    kept, ring = Kept(codec_of(source.stream, 1_000_000), counts), Ring(60, 10_000_000)
    for piece in pieces:
        ring.add(piece)
    for number in (12, 13, 13, 17):
        at = AT + timedelta(seconds=number / 10 + 0.01)
        assert level(kept.at(ring.since(at), at)) == pytest.approx(number, abs=1)
    assert counts["main_decoded"] == 8, "from the keyframe at ten to seventeen, none of them twice"
    at = AT + timedelta(seconds=1.41)
    assert level(kept.at(ring.since(at), at)) == pytest.approx(14, abs=1), "back in time: from the keyframe anew"
    assert kept.at([], at) is None


def test_a_picture_beyond_the_bound_is_not_made(steps: Path) -> None:
    pieces, source = pieces_of(steps)
    counts: Counter[str] = Counter()
    at = AT + timedelta(seconds=1)
    assert Kept(codec_of(source.stream, 320 * 179), counts).at(pieces, at) is None
    assert counts.keys() & {"main_too_large", "main_broken"}


def test_broken_packets_are_counted_and_give_no_picture(steps: Path) -> None:
    pieces, source = pieces_of(steps)
    counts: Counter[str] = Counter()
    broken = [Piece(piece.at, b"\xff" * 40, piece.stamp, piece.order, piece.is_key) for piece in pieces[:5]]
    assert Kept(codec_of(source.stream, 1_000_000), counts).at(broken, AT + timedelta(seconds=1)) is None
    assert counts["main_decoded"] == 0


def made(path: Path, clips: list[Clip], said: list[str], **settings: Any) -> MainStream:
    camera = Camera(main=str(path), **settings)
    return MainStream(Where(str(path)), camera, lambda: datetime.now(UTC), clips.append, said.append)


@contextmanager
def reading(path: Path, **settings: Any) -> Iterator[tuple[MainStream, list[Clip]]]:
    clips: list[Clip] = []
    main = made(path, clips, [], **settings)
    stopped = threading.Event()
    thread = threading.Thread(target=main.run, args=(stopped,))
    thread.start()
    try:
        yield main, clips
    finally:
        stopped.set()
        thread.join(20)


def seen(**fields: Any) -> Seen:
    said = {"kind": "detection", "phase": "start", **fields}
    return Seen(id="t1/rule", at=datetime.now(UTC), fields=said, picture=SMALL, box=(0.1, 0.1, 0.2, 0.2))


async def test_what_is_told_has_the_large_picture_and_nothing_is_decoded_before(steps: Path) -> None:
    with reading(steps) as (main, _):
        await until(lambda: main.counts["main_packets"] > 5, 20)
        assert main.counts["main_decoded"] == 0 and main.is_read()
        shown = main.shown(seen())
        assert shown.picture is not None and shown.picture.shape == (180, 320, 3)
        assert main.shown(seen()).picture is SMALL, "no two at once: whole groups are decoded for each"
        assert main.counts["main_passed_over"] == 1
        assert main.shown(seen(kind="alarm")).picture is SMALL, "the control: a state needs no large picture"


async def test_a_clip_is_of_the_large_stream(steps: Path) -> None:
    with reading(steps, clip_s=0.5) as (main, clips):
        await until(lambda: main.counts["main_packets"] > 5, 20)
        main.ask_clip("t1/rule", {"kind": "detection"}, datetime.now(UTC))
        await until(lambda: bool(clips), 20)
    assert clips[0].of == "t1/rule" and clips[0].body[4:8] == b"ftyp"


async def test_masks_are_blank_in_the_large_picture_too_and_no_clip_is_made(steps: Path) -> None:
    masks = (((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)),)
    with reading(steps, masks=masks, clip_s=0.5) as (main, clips):
        await until(lambda: main.counts["main_packets"] > 5, 20)
        picture = main.shown(seen()).picture
        main.ask_clip("t1/rule", {"kind": "detection"}, datetime.now(UTC))
        await until(lambda: main.counts["main_packets"] > 15, 20)
    assert picture is not None and picture.shape == (180, 320, 3)
    assert not picture[:, :150].any() and picture[:, 170:].any()
    assert clips == []


async def test_without_a_large_stream_there_is_the_small_picture(tmp_path: Path) -> None:
    with reading(tmp_path / "none.mkv") as (main, _):
        await until(lambda: main.counts["main_bad_address"] > 0, 20)
        assert main.shown(seen()).picture is SMALL and not main.is_read()
        frame = Frame(1, 0.0, datetime.now(UTC), SMALL[:, :, 0], lambda: SMALL)
        assert main.frame(frame).picture() is SMALL


async def test_a_looker_on_the_large_stream_sees_it(steps: Path) -> None:
    with reading(steps) as (main, _):
        await until(lambda: main.counts["main_packets"] > 5, 20)
        frame = Frame(1, 0.0, datetime.now(UTC), SMALL[:, :, 0], lambda: SMALL)
        assert main.frame(frame).picture().shape == (180, 320, 3)
        assert main.frame(frame).luma is frame.luma, "what moves is watched on the small one"


@pytest.mark.parametrize("wrong", [{"on_main": ("plates",)}, {"main": "rtsp://a/b", "on_main": ("plates",)}])
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    lookers = {} if "main" in wrong else {"plates": {}}
    with pytest.raises(ValueError, match="on_main"):
        Camera(**wrong, lookers=lookers)


async def test_a_defect_of_ours_is_said_and_the_stream_is_opened_anew(
    steps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the stream that is watched: counted, after a pause that grows, and never for good."""
    said: list[str] = []
    main, stopped = made(steps, [], said), threading.Event()
    hear, defects = Ring.add, iter([True, True])

    def broken(ring: Ring, piece: Piece) -> None:
        if next(defects, False):
            raise RuntimeError("a defect of ours")
        hear(ring, piece)

    monkeypatch.setattr(Ring, "add", broken)
    thread = threading.Thread(target=main.run, args=(stopped,))
    thread.start()
    try:
        await until(lambda: main.figures["main_bytes"] > 0, 30)
        assert main.is_read() and main.figures["main_failed"] == 2
    finally:
        stopped.set()
        thread.join(20)
    assert len(said) == 2 and all("a defect of ours" in text for text in said)

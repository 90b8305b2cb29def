"""What is kept of an event: pictures within their bounds, nothing of what is masked, clips that begin at a keyframe."""

from __future__ import annotations

import io
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.clips.clips import Clip, Clips
from edge.vision.clips.ring import Piece, Ring
from edge.vision.evidence.marks import framed
from edge.vision.evidence.masks import Masks
from edge.vision.evidence.shots import THUMBNAIL_BYTES, Evidence
from edge.vision.frames import Frame, Seen
from edge.vision.settings import Camera
from edge.vision.streams.source import How, Source
from edge.vision.streams.where import StreamFault, Where
from edge.vision.telling import clips_for, wants_clip
from tests.edge.vision.clips_made import scene, yard

AT = datetime(2026, 3, 1, 0, 15, 30, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


def seen(picture: Any = None, **more: Any) -> Seen:
    return Seen(id="1", at=AT, fields={"kind": "detection"}, picture=picture, **more)


def shown(body: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)


def test_time_and_camera_stand_below_the_picture_and_cover_nothing() -> None:
    made = {shot.role: shot for shot in Evidence("camera:a", SHANGHAI, 95).of(seen(scene(0.0, (640, 360))))}
    picture = shown(made["scene"].body)
    assert picture.shape[1] == 640 and 370 < picture.shape[0] < 400
    assert np.abs(picture[:350].astype(int) - scene(0.0, (640, 360))[:350]).mean() < 6
    strip = picture[362:]
    assert strip.max() > 200 and strip.mean() < 120, "white on black"
    other = Evidence("camera:a", SHANGHAI, 95).scene(scene(0.0), seen(box=None))
    later = Evidence("camera:a", SHANGHAI, 95).scene(scene(0.0), Seen(id="1", at=AT + timedelta(hours=1), fields={}))
    assert not np.array_equal(other, later), "the time is in it"


@pytest.mark.parametrize("size", [(16, 16), (320, 180), (1_920, 1_080), (4_000, 40), (40, 4_000)])
def test_a_thumbnail_is_small_whatever_is_in_it(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    made = {shot.role: shot for shot in Evidence("camera:a", SHANGHAI).of(seen(noise))}
    assert len(made["thumbnail"].body) <= THUMBNAIL_BYTES
    assert shown(made["scene"].body).shape[1] <= 1_920


@pytest.mark.parametrize(
    "picture", [np.zeros((0, 5, 3), np.uint8), np.zeros((5, 0, 3), np.uint8), np.zeros((5, 5), np.uint8), None]
)
def test_a_picture_of_no_size_is_none(picture: Any) -> None:
    assert Evidence("camera:a", SHANGHAI).of(seen(picture, crop=picture)) == ()


@given(st.tuples(*[st.floats(allow_nan=True, allow_infinity=True)] * 4))
def test_any_box_is_drawn_or_left_out(box: Any) -> None:
    picture = np.zeros((36, 64, 3), np.uint8)
    drawn = framed(picture, box)
    assert drawn.shape == picture.shape and not picture.any()


def test_a_camera_with_a_name_of_other_signs_is_labelled_all_the_same() -> None:
    assert Evidence("camera:北门", SHANGHAI).of(seen(scene(0.0)))


def test_what_is_masked_nobody_sees() -> None:
    white = np.full((36, 64), 255, np.uint8)
    frame = Frame(1, 0.0, AT, white, lambda: np.full((36, 64, 3), 255, np.uint8))
    masked = Masks([LEFT]).over(frame)
    for picture in (masked.luma, masked.picture()):
        assert not picture[:, :32].any() and picture[:, 34:].all()
    assert white.all(), "the decoder's own memory is left alone"
    assert Masks([]).over(frame) is frame


def test_a_mask_fits_another_size_too() -> None:
    masks = Masks([LEFT])
    for height, width in ((36, 64), (72, 128), (36, 64)):
        luma = np.full((height, width), 255, np.uint8)
        hidden = masks.over(Frame(1, 0.0, AT, luma, lambda: np.zeros((1, 1, 3), np.uint8))).luma
        assert not hidden[:, : width // 2].any() and hidden[:, width // 2 + 2 :].all()


def piece(number: int, *, key: bool, size: int = 10) -> Piece:
    return Piece(AT + timedelta(seconds=number / 10), b"x" * size, number, number, key)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 400)), max_size=120))
def test_the_ring_is_bounded_and_begins_at_a_keyframe(heard: list[tuple[bool, int]]) -> None:
    ring = Ring(3.0, 2_000)
    for number, (key, size) in enumerate(heard):
        ring.add(piece(number, key=key, size=size))
        assert ring.bytes <= 2_000
        found = ring.since(AT + timedelta(seconds=number / 10 - 3))
        assert not found or found[0].is_key
        assert sum(len(one.body) for one in found) <= ring.bytes


def test_the_ring_keeps_what_it_promises() -> None:
    ring = Ring(3.0, 1_000_000)
    for number in range(200):
        ring.add(piece(number, key=number % 20 == 0))
    found = ring.since(AT + timedelta(seconds=19.9 - 3))
    assert found[0].at <= AT + timedelta(seconds=16.9)
    assert found[0].at >= AT + timedelta(seconds=14), "and no more than a group beyond it"


def clips_of(path: Path, asked_at: tuple[int, ...], size: int = 4_000_000) -> tuple[list[Clip], Counter[str]]:
    counts: Counter[str] = Counter()
    clips, made = Clips(2.0, size, counts), list[Clip]()
    source = Source(Where(str(path)), How(in_real_time=False), lambda: AT, counts)
    with pytest.raises(StreamFault):
        for frame in source.frames(lambda packet, at: made.extend(clips.hear(packet, at, source.stream))):
            if frame.number in asked_at:
                clips.ask(str(frame.number), {}, frame.at)
    made += clips.end(source.stream)
    source.close()
    assert clips.held_bytes == 0
    return made, counts


@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "libx265"])
def test_a_clip_holds_what_was_before_and_after(tmp_path: Path, codec: str) -> None:
    (clip,), _ = clips_of(yard(tmp_path / "yard.mkv", 12, codec=codec), (60,))
    with av.open(io.BytesIO(clip.body)) as made:
        frames = list(made.decode(video=0))
    assert frames[0].key_frame
    assert 40 <= len(frames) <= 52, "two seconds before, back to a keyframe, and two after"
    assert float(frames[-1].time) == pytest.approx(len(frames) / 10 - 0.1, abs=0.02)


def test_a_clip_at_the_end_of_a_stream_is_as_long_as_there_is(tmp_path: Path) -> None:
    (clip,), _ = clips_of(yard(tmp_path / "yard.mkv", 5), (49,))
    with av.open(io.BytesIO(clip.body)) as made:
        assert 20 <= len(list(made.decode(video=0))) <= 32


def test_clips_are_bounded_in_number_and_in_bytes(tmp_path: Path) -> None:
    path = yard(tmp_path / "yard.mkv", 6)
    made, counts = clips_of(path, tuple(range(30, 40)))
    assert (len(made), counts["clips_beyond_bound"]) == (4, 6)
    (whole,), _ = clips_of(path, (30,))
    small, _ = clips_of(path, (30,), size=len(whole.body) // 4)
    assert all(len(clip.body) < len(whole.body) // 2 for clip in small)


def test_of_a_camera_with_masks_there_is_no_clip() -> None:
    assert clips_for(Camera(masks=(LEFT,)), Counter()) is None
    assert clips_for(Camera(), Counter()) is not None, "the control"


def test_a_plate_and_a_state_want_no_clip() -> None:
    assert wants_clip(seen())
    assert not wants_clip(Seen(id="1", at=AT, fields={"kind": "plate"}))
    assert not wants_clip(Seen(id="", at=AT, fields={"kind": "alarm"}))
    assert not wants_clip(Seen(id="1", at=AT, fields={"kind": "detection", "phase": "update"}))

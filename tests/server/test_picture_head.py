"""The size of a JPEG from its head: as Pillow says, or nothing; whatever the bytes are."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from server.picture_head import jpeg_size


def jpeg(width: int, height: int, **more: object) -> bytes:
    into = io.BytesIO()
    Image.new(str(more.pop("mode", "RGB")), (width, height)).save(into, "JPEG", **more)  # pyright: ignore[reportArgumentType]
    return into.getvalue()


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"mode": "L"},
        {"progressive": True},
        {"quality": 5, "optimize": True},
        {"comment": b"\xff\xc0" * 500},  # what looks like a frame inside a segment is none
        {"exif": b"Exif\x00\x00" + b"\x00" * 3_000},
        {"icc_profile": b"x" * 200_000},
    ],
)
def test_as_pillow_says(more: dict[str, object]) -> None:
    body = jpeg(321, 47, **more)
    assert jpeg_size(body) == (321, 47) == Image.open(io.BytesIO(body)).size


@given(st.integers(0, 700), st.integers(0, 255))
def test_a_damaged_head_gives_a_size_or_nothing_and_never_an_error(place: int, value: int) -> None:
    body = bytearray(jpeg(64, 48))
    body[min(place, len(body) - 1)] = value
    found = jpeg_size(bytes(body))
    assert found is None or all(0 < side < 65_536 for side in found)


@given(st.binary(max_size=300))
def test_any_bytes(body: bytes) -> None:
    for said in (body, b"\xff\xd8" + body, b"\xff\xd8\xff" + body):
        jpeg_size(said)


def test_what_is_cut_off_has_no_size() -> None:
    body = jpeg(64, 48)
    frame = body.index(b"\xff\xc0")
    assert jpeg_size(body[: frame + 5]) is None
    assert jpeg_size(body[: frame + 20]) == (64, 48)

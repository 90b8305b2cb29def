"""What people, and people who mean harm, upload as a plan: taken as pixels alone, or refused by a word."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any

import pytest
from PIL import Image

from server.plan_pictures import MOST_BYTES, BadPicture, read_picture

SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def made(kind: str = "PNG", size: tuple[int, int] = (640, 400), mode: str = "RGB", **how: Any) -> bytes:
    into = io.BytesIO()
    Image.new(mode, size).save(into, kind, **how)
    return into.getvalue()


def zipped() -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as file:
        file.writestr("evil.js", "alert(1)")
    return into.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def claimed(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose head says that it is enormous."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 10_000)) + chunk(b"IEND", b"")


BAD = {
    "empty": b"",
    "not_picture": b"%PDF-1.7 a drawing",
    "svg": SVG,
    "too_large": made() + b"\0" * MOST_BYTES,
    "too_many_pixels": claimed(50_000, 50_000),
    "too_small": made(size=(64, 64)),
    "damaged": made("JPEG", (2_000, 1_000))[:-400],
}


@pytest.mark.parametrize("reason", BAD)
def test_what_is_no_plan_is_refused_by_a_word(reason: str) -> None:
    with pytest.raises(BadPicture) as refused:
        read_picture(BAD[reason])
    assert refused.value.reason == reason


@pytest.mark.parametrize("body", [b"hello", zipped(), made("GIF"), made("BMP"), b"<html><script>"])
def test_other_files_are_no_pictures(body: bytes) -> None:
    with pytest.raises(BadPicture) as refused:
        read_picture(body)
    assert refused.value.reason == "not_picture"


@pytest.mark.parametrize("size", [(12_001, 300), (300, 12_001), (8_000, 8_000)])
def test_dimensions_are_looked_at_before_any_pixel(size: tuple[int, int]) -> None:
    with pytest.raises(BadPicture) as refused:
        read_picture(claimed(*size))
    assert refused.value.reason == "too_many_pixels"


def test_a_moving_picture_is_refused() -> None:
    frames = [Image.new("RGB", (300, 300), color) for color in ("red", "blue")]
    into = io.BytesIO()
    frames[0].save(into, "WEBP", save_all=True, append_images=frames[1:])
    with pytest.raises(BadPicture) as refused:
        read_picture(into.getvalue())
    assert refused.value.reason == "moving"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("other", [zipped(), b"<script>alert(1)</script>", b"<?php system($_GET[0]);", b"%PDF-1.4 x"])
def test_a_picture_that_is_another_file_too_is_refused(kind: str, other: bytes) -> None:
    with pytest.raises(BadPicture) as refused:
        read_picture(made(kind) + other)
    assert refused.value.reason == "two_files"


@pytest.mark.parametrize(
    ("kind", "mode", "type_"),
    [
        ("PNG", "RGB", "image/png"),
        ("PNG", "RGBA", "image/png"),
        ("PNG", "P", "image/png"),
        ("PNG", "1", "image/png"),
        ("PNG", "I;16", "image/png"),
        ("PNG", "LA", "image/png"),
        ("JPEG", "RGB", "image/jpeg"),
        ("JPEG", "CMYK", "image/jpeg"),
        ("WEBP", "RGBA", "image/png"),
    ],
)
def test_pictures_of_every_kind_are_taken(kind: str, mode: str, type_: str) -> None:
    drawn = read_picture(made(kind, mode=mode))
    assert (drawn.type, drawn.width_px, drawn.height_px) == (type_, 640, 400)


def test_nothing_but_pixels_remains_and_they_stand_upright() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x8825] = 6, "secret words", {2: (31.0, 14.0, 0.0)}  # turned; GPS
    body = made("JPEG", exif=exif, comment=b"another secret") + b"left behind the end"
    assert b"secret words" in body
    drawn = read_picture(body)
    assert (drawn.width_px, drawn.height_px) == (400, 640)
    again = Image.open(io.BytesIO(drawn.body))
    assert dict(again.getexif()) == {} and "comment" not in again.info and "icc_profile" not in again.info
    assert not any(words in drawn.body for words in (b"secret", b"left behind"))


def test_a_large_scan_is_made_as_large_as_screens_show() -> None:
    drawn = read_picture(made("JPEG", (7_000, 5_000)))
    assert max(drawn.width_px, drawn.height_px) == 4_096 and len(drawn.body) < MOST_BYTES


def test_a_drawing_that_is_transparent_is_on_white() -> None:
    drawn = read_picture(made(mode="RGBA"))  # all of it clear
    assert Image.open(io.BytesIO(drawn.body)).getpixel((5, 5)) == (255, 255, 255)

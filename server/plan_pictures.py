"""What is uploaded as a site plan: looked at, refused, or drawn anew from its pixels alone.

A picture that is drawn anew bears no EXIF, no comments and no bytes behind its end.
"""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Literal

import msgspec
from PIL import Image, ImageOps, UnidentifiedImageError

Refusal = Literal[
    "empty", "too_large", "svg", "not_picture", "too_many_pixels", "too_small", "moving", "two_files", "damaged"
]

MOST_BYTES = 8 * 1024 * 1024
MOST_PIXELS, MOST_SIDE_PX, LEAST_SIDE_PX = 40_000_000, 12_000, 200
_SHOWN_SIDE_PX = 4_096  # no screen shows more; the file stays small
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
_KINDS = tuple(_TYPES)
_QUALITY = (85, 70)  # of JPEG: where the first is still too large, the second
_WHITE = (255, 255, 255)
# Other files begin so, or are told by it wherever it stands; compressed pixels do not hold these by chance.
_FOREIGN = (b"<script", b"<!doctype", b"<html", b"<?php", b"%pdf-")


class BadPicture(ValueError):
    """Not taken as a plan; ``reason`` is a stable word."""

    def __init__(self, reason: Refusal, message: str) -> None:
        super().__init__(message)
        self.reason: Refusal = reason


class Drawn(msgspec.Struct, frozen=True):
    """A picture ready to be kept."""

    body: bytes
    type: str
    width_px: int
    height_px: int


def read_picture(body: bytes) -> Drawn:
    """Raises BadPicture. Costs a core for up to some seconds: call it in a thread, one at a time."""
    _look_at_bytes(body)
    with refusing(), Image.open(io.BytesIO(body), formats=_KINDS) as opened:
        _look_at_head(opened)
        opened.draft("RGB", (_SHOWN_SIDE_PX, _SHOWN_SIDE_PX))  # a large JPEG is read in small
        opened.load()
        kind, plain = str(opened.format), plain_of(opened)
    return _written(plain, kind)


def _look_at_bytes(body: bytes) -> None:
    if not body:
        raise BadPicture("empty", "no bytes")
    if len(body) > MOST_BYTES:
        raise BadPicture("too_large", f"{len(body)} bytes, at most {MOST_BYTES}")
    small = body.lower()
    if small.lstrip()[:1] == b"<" and b"<svg" in small[:4_096]:
        raise BadPicture("svg", "an SVG may hold scripts")
    if zipfile.is_zipfile(io.BytesIO(body)) or any(sign in small for sign in _FOREIGN):
        if _is_no_picture(body):
            raise BadPicture("not_picture", "another kind of file")
        raise BadPicture("two_files", "something else than a picture lies in the file too")


def _is_no_picture(body: bytes) -> bool:
    return not body.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF"))


def _look_at_head(opened: Image.Image) -> None:
    """By what its head says, before any pixel is unpacked."""
    width, height = opened.size
    check_pixels(opened)
    if min(width, height) < LEAST_SIDE_PX:
        raise BadPicture("too_small", f"{width}x{height} px, at least {LEAST_SIDE_PX} a side")
    if getattr(opened, "n_frames", 1) != 1:
        raise BadPicture("moving", "more than one frame")


def check_pixels(opened: Image.Image) -> None:
    """Raises BadPicture for more of them than are unpacked."""
    width, height = opened.size
    if width * height > MOST_PIXELS or max(width, height) > MOST_SIDE_PX:
        raise BadPicture("too_many_pixels", f"{width}x{height} px, at most {MOST_PIXELS} in all, {MOST_SIDE_PX} a side")


@contextmanager
def refusing() -> Generator[None]:
    """Whatever a decoder says of bytes that are none of its kind, or broken, as a refusal."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large pictures: they are measured above
            yield
    except UnidentifiedImageError as error:
        raise BadPicture("not_picture", "no PNG, JPEG or WebP") from error
    except BadPicture:
        raise
    except Image.DecompressionBombError as error:
        raise BadPicture("too_many_pixels", str(error)) from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, IndexError, KeyError, TypeError) as error:
        raise BadPicture("damaged", str(error)) from error


def plain_of(opened: Image.Image, side_px: int = _SHOWN_SIDE_PX) -> Image.Image:
    """Its pixels alone, upright, on white, no larger than screens show."""
    upright = _eight_bits(ImageOps.exif_transpose(opened))
    upright.thumbnail((side_px, side_px))
    clear = upright.convert("RGBA")
    made = Image.new("RGB", clear.size, _WHITE)
    made.paste(clear, mask=clear.getchannel("A"))
    return made


def _eight_bits(upright: Image.Image) -> Image.Image:
    """In a mode whose pixels can be made smaller smoothly, the upper eight of sixteen bits."""
    if upright.mode.startswith("I"):
        whole: Any = upright.convert("I")
        return whole.point(_upper_half, "L")
    if upright.mode in ("P", "PA"):
        return upright.convert("RGBA")
    return upright.convert("L") if upright.mode in ("1", "F") else upright


def _upper_half(value: Any) -> Any:
    return value * (1 / 256)


def _written(plain: Image.Image, kind: str) -> Drawn:
    """A drawing stays PNG where that is small enough; else it is a JPEG."""
    body, type_ = (saved(plain, "PNG"), _TYPES["PNG"]) if kind != "JPEG" else (b"", "")
    for quality in _QUALITY:
        if body and len(body) <= MOST_BYTES:
            break
        body, type_ = saved(plain, "JPEG", quality=quality), _TYPES["JPEG"]
    if len(body) > MOST_BYTES:
        raise BadPicture("too_large", f"{len(body)} bytes once it is drawn anew, at most {MOST_BYTES}")
    return Drawn(body, type_, plain.width, plain.height)


def saved(plain: Image.Image, kind: str, **how: int) -> bytes:
    """Its file."""
    into = io.BytesIO()
    plain.save(into, kind, **how)
    return into.getvalue()

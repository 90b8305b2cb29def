"""A picture once more, small enough for a slow line: at most 30 kB, pixels alone."""

from __future__ import annotations

import io

from PIL import Image

from server.plan_pictures import BadPicture, check_pixels, plain_of, refusing, saved

MOST_SMALL_BYTES = 30_000
# Side and quality of the JPEG, tried in turn: a night's noise wants more bytes than a quiet wall.
_STEPS = ((640, 72), (640, 55), (480, 50), (360, 40), (240, 30), (160, 20))
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")


def small_of(body: bytes) -> bytes:
    """A JPEG. Raises BadPicture for what is no picture, or one too large to be unpacked. Costs a core: in a thread."""
    with refusing(), Image.open(io.BytesIO(body), formats=_FORMATS) as opened:
        check_pixels(opened)
        opened.draft("RGB", (_STEPS[0][0], _STEPS[0][0]))  # a large JPEG is read in small
        opened.load()
        plain = plain_of(opened, _STEPS[0][0])
    for side_px, quality in _STEPS:
        plain.thumbnail((side_px, side_px))
        made = saved(plain, "JPEG", quality=quality, optimize=1)
        if len(made) <= MOST_SMALL_BYTES:
            return made
    raise BadPicture("too_large", f"{plain.width}x{plain.height} px still take more than {MOST_SMALL_BYTES} bytes")

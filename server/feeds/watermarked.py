"""A picture with words burnt into it, so that whoever passes it on shows from whom they have it."""

from __future__ import annotations

import io
from functools import cache

from PIL import Image, ImageDraw, ImageFont, ImageOps

from server.plan_pictures import check_pixels, refusing, saved

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_QUALITY = 88
_LEAST_FONT_PX, _SHARE = 10, 28  # of the picture's width, for the line at its foot
_VEIL = 70  # of 255: seen over the whole picture, and through
_TURN = 24  # degrees: along no edge that could be cropped


class FontMissing(Exception):
    """No font with Chinese glyphs is installed; the message says what to install."""


def burnt(body: bytes, words: str) -> bytes:
    """A JPEG with ``words`` in a bar at its foot, and across all of it. Raises BadPicture, FontMissing.

    Costs a core: in a thread.
    """
    with refusing(), Image.open(io.BytesIO(body), formats=_FORMATS) as opened:
        check_pixels(opened)
        plain = ImageOps.exif_transpose(opened).convert("RGB")
    foot = _foot(words, plain.width)
    whole = Image.new("RGB", (plain.width, plain.height + foot.height))
    whole.paste(plain, (0, 0))
    veil = _veil(words, plain)
    whole.paste(veil, (0, 0), veil)
    whole.paste(foot, (0, plain.height))
    return saved(whole, "JPEG", quality=_QUALITY)


def _foot(words: str, width: int) -> Image.Image:
    """In as many lines as the picture's width makes of them."""
    font = _font(max(_LEAST_FONT_PX, width // _SHARE))
    lines = _broken(words, font, width - 8)
    high = round(font.size * 1.4)
    made = Image.new("RGB", (width, high * len(lines) + 4), (0, 0, 0))
    draw = ImageDraw.Draw(made)
    for index, line in enumerate(lines):
        draw.text((4, 2 + index * high), line, fill=(255, 255, 255), font=font)
    return made


def _broken(words: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines = [""]
    for sign in words:
        if lines[-1] and font.getlength(lines[-1] + sign) > width:
            lines.append("")
        lines[-1] += sign
    return lines


def _veil(words: str, under: Image.Image) -> Image.Image:
    """The words again and again, aslant, half seen."""
    side = round((under.width**2 + under.height**2) ** 0.5) + 1
    font = _font(max(_LEAST_FONT_PX, under.width // _SHARE))
    made = Image.new("RGBA", (side, side), (255, 255, 255, 0))
    draw = ImageDraw.Draw(made)
    line = f"{words}   " * (1 + round(side / max(1.0, font.getlength(words))))
    for row, top in enumerate(range(0, side, round(font.size * 4))):
        draw.text((-row * font.size * 3 % side - side, top), line * 2, fill=(255, 255, 255, _VEIL), font=font)
    turned = made.rotate(_TURN)
    left, top = (side - under.width) // 2, (side - under.height) // 2
    return turned.crop((left, top, left + under.width, top + under.height))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    try:
        from cvttf_NotoSansCJK_Regular import get_TTF_path  # pyright: ignore[reportMissingTypeStubs]

        return ImageFont.truetype(get_TTF_path(), size)
    except (ImportError, FileNotFoundError) as error:
        package = "cvttf-notosanscjk-regular (part of 'gatehouse[server]')"
        raise FontMissing(f"no font with Chinese glyphs here: pip install {package}") from error

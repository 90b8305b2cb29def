"""The drawing surface of a camera picture: shapes in picture coordinates, drawn at twice the size and scaled down."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from functools import cache

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

WIDTH, HEIGHT = 960, 540
MAX_JPEG_BYTES = 40_000
_SCALE = 2
_FONT_PACKAGE = "cvttf-notosanscjk-regular (part of 'gatehouse[sim]')"
_QUALITIES = (85, 78, 70, 62, 54, 46, 38, 30)

Point = tuple[float, float]
Box = tuple[float, float, float, float]
Color = tuple[int, int, int] | tuple[int, int, int, int]


class FontMissing(Exception):
    """No font with Chinese glyphs is installed; the message says what to install."""


@cache
def font(size: float) -> ImageFont.FreeTypeFont:
    """The font with Chinese glyphs at ``size`` pixels. Raises FontMissing."""
    try:
        from cvttf_NotoSansCJK_Regular import get_TTF_path  # pyright: ignore[reportMissingTypeStubs]

        return ImageFont.truetype(get_TTF_path(), round(size))
    except (ImportError, FileNotFoundError) as error:
        raise FontMissing(f"no font with Chinese glyphs here: pip install {_FONT_PACKAGE}") from error


class Canvas:
    """A picture being drawn. Coordinates are pixels of the finished picture; a fourth part of a colour is its alpha."""

    def __init__(self, width: int = WIDTH, height: int = HEIGHT, background: Color = (0, 0, 0)) -> None:
        self.width, self.height = width, height
        self.image = Image.new("RGB", (width * _SCALE, height * _SCALE), background)
        self._draw = ImageDraw.Draw(self.image, "RGBA")

    def polygon(self, points: Sequence[Point], fill: Color) -> None:
        self._draw.polygon(_scaled(points), fill=fill)

    def rectangle(
        self, box: Box, fill: Color, radius: float = 0, outline: Color | None = None, line: float = 1
    ) -> None:
        left, top, right, bottom = (value * _SCALE for value in box)
        self._draw.rounded_rectangle(
            (left, top, right, bottom), radius * _SCALE, fill=fill, outline=outline, width=round(line * _SCALE)
        )

    def ellipse(self, box: Box, fill: Color) -> None:
        left, top, right, bottom = (value * _SCALE for value in box)
        self._draw.ellipse((left, top, right, bottom), fill=fill)

    def line(self, points: Sequence[Point], fill: Color, width: float = 1) -> None:
        self._draw.line(_scaled(points), fill=fill, width=max(1, round(width * _SCALE)), joint="curve")

    def limb(self, points: Sequence[Point], fill: Color, width: float) -> None:
        """A line with round ends and joints."""
        self.line(points, fill, width)
        for x, y in points:
            self.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill)

    def text(self, at: Point, text: str, size: float, fill: Color, bold: float = 0, anchor: str = "la") -> None:
        """``anchor`` as Pillow has it: "la" left top, "mm" middle."""
        self._draw.text(
            (at[0] * _SCALE, at[1] * _SCALE),
            text,
            fill=fill,
            font=font(size * _SCALE),
            anchor=anchor,
            stroke_width=round(bold * _SCALE),
            stroke_fill=fill,
        )

    def gradient(self, box: Box, top: Color, bottom: Color) -> None:
        """A vertical blend from one colour to another."""
        left, upper, right, lower = (round(value * _SCALE) for value in box)
        mask = resized(Image.linear_gradient("L"), (right - left, lower - upper))
        upper_part = Image.new("RGB", mask.size, top[:3])
        lower_part = Image.new("RGB", mask.size, bottom[:3])
        self.image.paste(Image.composite(lower_part, upper_part, mask), (left, upper))

    def glow(self, center: Point, radius: float, color: Color, strength: float = 1.0, flat: float = 1.0) -> None:
        """Light added around a point; ``flat`` below 1 presses it down to an ellipse, as on a floor."""
        size = (max(2, round(radius * 2 * _SCALE)), max(2, round(radius * 2 * flat * _SCALE)))
        corner = (round(center[0] * _SCALE - size[0] / 2), round(center[1] * _SCALE - size[1] / 2))
        light = Image.new("RGB", size)
        light.paste(Image.new("RGB", size, color[:3]), (0, 0), resized(_falloff(strength), size))
        region = self.image.crop((*corner, corner[0] + size[0], corner[1] + size[1]))
        self.image.paste(ImageChops.screen(region, light), corner)

    def shade(self, points: Sequence[Point], fill: Color, blur: float) -> None:
        """A soft polygon: a shadow, or light falling through something."""
        margin = round(3 * blur * _SCALE)
        scaled = _scaled(points)
        left, top = (round(min(point[axis] for point in scaled)) - margin for axis in (0, 1))
        right, bottom = (round(max(point[axis] for point in scaled)) + margin for axis in (0, 1))
        layer = Image.new("L", (right - left, bottom - top))
        moved = [(x - left, y - top) for x, y in scaled]
        ImageDraw.Draw(layer).polygon(moved, fill=fill[3] if len(fill) == 4 else 255)
        layer = layer.filter(ImageFilter.GaussianBlur(blur * _SCALE))
        self.image.paste(Image.new("RGB", layer.size, fill[:3]), (left, top), layer)

    def place(self, picture: Image.Image, corners: Sequence[Point]) -> None:
        """Puts a picture into the quadrilateral left top, left bottom, right bottom, right top (upright, no tilt)."""
        (left, top), (_, bottom), (right, _), _ = corners
        size = (max(1, round((right - left) * _SCALE)), max(1, round((bottom - top) * _SCALE)))
        self.image.paste(resized(picture, size, Image.Resampling.LANCZOS), (round(left * _SCALE), round(top * _SCALE)))

    def stencil(self, mask: Image.Image, box: Box, fill: Color) -> None:
        """Colour through a mask that is stretched over the box."""
        left, top, right, bottom = (round(value * _SCALE) for value in box)
        size = (right - left, bottom - top)
        self.image.paste(Image.new("RGB", size, fill[:3]), (left, top), resized(mask, size, Image.Resampling.LANCZOS))

    def grain(self, strength: float) -> None:
        """Sensor noise, as cameras have at night. It is the same for the same strength: no randomness of its own."""
        tiled = resized(_noise(), self.image.size).convert("RGB")
        self.image.paste(Image.blend(self.image, ImageChops.overlay(self.image, tiled), strength))

    def stamp(self, camera: str, at: datetime) -> None:
        """Burns in time and name of the camera, white with a dark edge, as cameras do."""
        for at_point, text, anchor in (
            ((18, 14), f"{at:%Y-%m-%d %H:%M:%S}", "la"),
            ((self.width - 18, self.height - 16), camera, "rd"),
        ):
            x, y = at_point
            self.text((x + 1.2, y + 1.2), text, 24, (0, 0, 0, 190), bold=1.2, anchor=anchor)
            self.text((x, y), text, 24, (255, 255, 255), bold=0.3, anchor=anchor)

    def scaled_down(self) -> Image.Image:
        """The picture at its real size."""
        return resized(self.image, (self.width, self.height), Image.Resampling.LANCZOS)

    def jpeg(self) -> bytes:
        """The picture as JPEG of at most MAX_JPEG_BYTES, in the best quality that fits."""
        return jpeg(self.scaled_down())


def resized(
    picture: Image.Image, size: tuple[int, int], how: Image.Resampling = Image.Resampling.BILINEAR
) -> Image.Image:
    """The picture in another size."""
    return picture.resize(size, how)  # pyright: ignore[reportUnknownMemberType]  # Pillow's hints need numpy


def jpeg(picture: Image.Image) -> bytes:
    """JPEG bytes, at most MAX_JPEG_BYTES, in the best quality that fits."""
    body = b""
    for quality in _QUALITIES:
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=quality, optimize=True)
        body = stream.getvalue()
        if len(body) <= MAX_JPEG_BYTES:
            break
    return body


@cache
def _falloff(strength: float) -> Image.Image:
    """Light from a point, 0 at the edge of its circle. Pillow's gradient reaches its end in the corners, at 181."""
    levels = [round(max(0.0, 1 - distance / 181) ** 1.6 * 255 * strength) for distance in range(256)]
    return Image.radial_gradient("L").point(levels)  # pyright: ignore[reportUnknownMemberType]


@cache
def _noise() -> Image.Image:
    """A fixed grey texture: bytes of a multiplicative generator (MINSTD), no clock and no global randomness."""
    state, values = 20_260_301, bytearray()
    for _ in range(240 * 135):
        state = state * 48_271 % 2_147_483_647
        values.append(128 + (state >> 16) % 41 - 20)
    return Image.frombytes("L", (240, 135), bytes(values)).filter(ImageFilter.GaussianBlur(0.4))


def _scaled(points: Sequence[Point]) -> list[Point]:
    return [(x * _SCALE, y * _SCALE) for x, y in points]

"""Number plates in the proportions and colours of GA 36: blue, yellow, white, black, green with its gradient."""

from __future__ import annotations

from functools import cache

from PIL import Image, ImageDraw

from simulators.pictures.canvas import Box, Canvas, Color, font, jpeg

_BLUE, _GREEN, _GREEN_TOP = (10, 54, 148), (62, 176, 98), (226, 246, 232)
_YELLOW, _WHITE, _BLACK = (236, 178, 30), (240, 240, 238), (24, 24, 26)
_GROUNDS: dict[str, tuple[Color, Color, Color]] = {  # top, bottom, characters
    "blue": (_BLUE, _BLUE, _WHITE),
    "green": (_GREEN_TOP, _GREEN, _BLACK),
    "yellow": (_YELLOW, _YELLOW, _BLACK),
    "yellow_green": (_GREEN, _GREEN, _BLACK),
    "white": (_WHITE, _WHITE, _BLACK),
    "black": (_BLACK, _BLACK, _WHITE),
}
_HEIGHT = 140  # GA 36: 440 x 140 mm, 480 x 140 mm for eight characters; one pixel a millimetre here
_SEVEN, _EIGHT = 440, 480
_CELL, _NARROW_CELL = 45, 43
_MARGIN, _DOT_GAP = 16, 34


def draw_plate(text: str, color: str) -> Image.Image:
    """A plate seen from the front, one pixel a millimetre. A colour that is not known is drawn blue."""
    top, bottom, ink = _GROUNDS.get(color, _GROUNDS["blue"])
    width = _EIGHT if len(text) >= 8 else _SEVEN
    canvas = Canvas(width, _HEIGHT, bottom)
    canvas.gradient((0, 0, width, _HEIGHT), top, bottom)
    if color == "yellow_green":
        canvas.rectangle((0, 0, width * 0.27, _HEIGHT), _YELLOW)
    edge = 5
    canvas.rectangle((edge, edge, width - edge, _HEIGHT - edge), (0, 0, 0, 0), 10, outline=ink, line=3)
    _write(canvas, text, width, ink)
    return canvas.scaled_down()


def _write(canvas: Canvas, text: str, width: int, ink: Color) -> None:
    """Province and letter, the dot, then the rest, each in a cell of the standard's size."""
    cell = _CELL if width == _SEVEN else _NARROW_CELL
    free = width - 2 * _MARGIN - cell * len(text) - _DOT_GAP
    step = cell + max(0.0, free / max(1, len(text) - 2))
    for index, character in enumerate(text):
        left = _MARGIN + index * step + (_DOT_GAP - step + cell if index >= 2 else 0)
        _write_character(canvas, character, (left, 25, left + cell, 115), ink)
    dot_x = _MARGIN + step + cell + _DOT_GAP / 2
    canvas.ellipse((dot_x - 5, _HEIGHT / 2 - 5, dot_x + 5, _HEIGHT / 2 + 5), ink)


def _write_character(canvas: Canvas, character: str, cell: Box, ink: Color) -> None:
    """One character pressed into its cell: the plates' letters are half as wide as they are high."""
    glyph = _glyph(character)
    left, top, right, bottom = cell
    if glyph.width < glyph.height * 0.4:  # a 1 stays slim
        left, right = (left + right) / 2 - 11, (left + right) / 2 + 11
    canvas.stencil(glyph, (left, top, right, bottom), ink)


@cache
def _glyph(character: str) -> Image.Image:
    """The character's ink alone, as a mask."""
    mask = Image.new("L", (400, 400))
    stroke = 3 if ord(character) > 0x2E80 else 5
    ImageDraw.Draw(mask).text((200, 200), character, 255, font(200), "mm", stroke_width=stroke, stroke_fill=255)
    return mask.crop(mask.getbbox() or (0, 0, 400, 400))


def plate_close_up(text: str, color: str = "blue") -> bytes:
    """The cut-out of a plate that a camera sends beside the scene: JPEG."""
    plate = draw_plate(text, color)
    canvas = Canvas(plate.width + 40, plate.height + 36, (52, 54, 58))
    canvas.gradient((0, 0, canvas.width, canvas.height), (74, 77, 82), (30, 31, 34))
    canvas.place(plate, [(20, 18), (20, 18 + plate.height), (20 + plate.width, 18 + plate.height), (0, 0)])
    canvas.shade([(0, 0), (canvas.width, 0), (canvas.width * 0.6, 60), (0, 90)], (255, 255, 255, 40), 20)
    return jpeg(canvas.scaled_down())

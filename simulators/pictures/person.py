"""A person seen from a few metres, as a camera would: clothes and posture, no face."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.pictures.canvas import Canvas, Color, Point

_SKIN: Color = (188, 150, 124)


@dataclass(frozen=True)
class Clothes:
    """Colours of what is worn; ``light`` scales all of them, below 1 for night."""

    jacket: Color = (58, 66, 84)
    trousers: Color = (38, 40, 48)
    cap: Color = (30, 32, 38)
    light: float = 1.0

    def lit(self, color: Color) -> Color:
        red, green, blue = (min(255, round(part * self.light)) for part in color[:3])
        return (red, green, blue)


@dataclass(frozen=True)
class Posture:
    """Joints in units of the person's height, from the feet's middle, y upwards."""

    head: Point
    neck: Point
    hip: Point
    left_arm: tuple[Point, Point]  # elbow, hand
    right_arm: tuple[Point, Point]
    left_leg: tuple[Point, Point]  # knee, foot
    right_leg: tuple[Point, Point]


WALKING = Posture(
    head=(0.02, 0.925),
    neck=(0.01, 0.81),
    hip=(0.0, 0.5),
    left_arm=((-0.12, 0.65), (-0.06, 0.52)),
    right_arm=((0.13, 0.66), (0.19, 0.53)),
    left_leg=((0.06, 0.27), (-0.11, 0.03)),
    right_leg=((0.07, 0.27), (0.12, 0.01)),
)
PRYING = Posture(
    head=(0.14, 0.9),
    neck=(0.1, 0.79),
    hip=(-0.03, 0.48),
    left_arm=((0.2, 0.64), (0.32, 0.6)),
    right_arm=((0.21, 0.6), (0.3, 0.49)),
    left_leg=((-0.01, 0.27), (-0.2, 0.02)),
    right_leg=((0.13, 0.28), (0.1, 0.0)),
)


def draw_person(canvas: Canvas, feet: Point, height: float, posture: Posture, clothes: Clothes) -> None:
    """A figure standing on ``feet``, ``height`` pixels tall, its far arm and leg behind its body."""

    def at(joint: Point) -> Point:
        return (feet[0] + joint[0] * height, feet[1] - joint[1] * height)

    jacket, trousers = clothes.lit(clothes.jacket), clothes.lit(clothes.trousers)
    darker = Clothes(clothes.jacket, clothes.trousers, clothes.cap, clothes.light * 0.78)
    neck, hip = at(posture.neck), at(posture.hip)
    _arm(canvas, neck, [at(joint) for joint in posture.left_arm], height, darker)
    _leg(canvas, hip, [at(joint) for joint in posture.left_leg], height, darker)
    _leg(canvas, hip, [at(joint) for joint in posture.right_leg], height, clothes)
    canvas.limb([hip, (hip[0], hip[1] - 0.02 * height)], trousers, 0.17 * height)
    canvas.limb([neck, hip], jacket, 0.17 * height)
    canvas.limb(
        [(neck[0] - 0.05 * height, neck[1] + 0.05 * height), (neck[0] + 0.05 * height, neck[1] + 0.05 * height)],
        jacket,
        0.15 * height,
    )
    _head(canvas, at(posture.head), neck, height, clothes)
    _arm(canvas, neck, [at(joint) for joint in posture.right_arm], height, clothes)


def _arm(canvas: Canvas, neck: Point, joints: list[Point], height: float, clothes: Clothes) -> None:
    shoulder = (neck[0], neck[1] + 0.05 * height)
    canvas.limb([shoulder, *joints], clothes.lit(clothes.jacket), 0.062 * height)
    x, y = joints[-1]
    radius = 0.03 * height
    canvas.ellipse((x - radius, y - radius, x + radius, y + radius), clothes.lit(_SKIN))


def _leg(canvas: Canvas, hip: Point, joints: list[Point], height: float, clothes: Clothes) -> None:
    canvas.limb([hip, *joints], clothes.lit(clothes.trousers), 0.085 * height)
    x, y = joints[-1]
    canvas.rectangle(
        (x - 0.04 * height, y - 0.025 * height, x + 0.075 * height, y + 0.03 * height),
        clothes.lit((24, 24, 26)),
        0.02 * height,
    )


def _head(canvas: Canvas, head: Point, neck: Point, height: float, clothes: Clothes) -> None:
    x, y = head
    radius = 0.062 * height
    canvas.limb([neck, head], clothes.lit(_SKIN), 0.055 * height)
    canvas.ellipse((x - radius, y - radius * 1.15, x + radius, y + radius * 1.2), clothes.lit(_SKIN))
    cap = clothes.lit(clothes.cap)
    canvas.ellipse((x - radius * 1.1, y - radius * 1.35, x + radius * 1.1, y + radius * 0.45), cap)
    canvas.rectangle((x, y - radius * 0.25, x + radius * 1.7, y + radius * 0.08), cap, radius * 0.15)


def draw_detection(canvas: Canvas, box: tuple[float, float, float, float], label: str) -> None:
    """The frame that a recorder draws around what it found, with its label."""
    green: Color = (84, 220, 120)
    canvas.rectangle(box, (0, 0, 0, 0), 0, outline=green, line=2)
    left, top = box[0], box[1]
    canvas.rectangle((left - 1, top - 25, left + 12 + 9.4 * len(label), top), green)
    canvas.text((left + 6, top - 13), label, 16, (8, 32, 14), bold=0.3, anchor="lm")

"""What is no plate: clocks, telephones, shops, notices; boxed as if a detector had taken it for one."""

from __future__ import annotations

import random

import cv2
import numpy as np
from PIL import Image, ImageDraw

from edge.vision.frames import Picture
from edge.vision.plates.corners import Found
from simulators.pictures.canvas import font
from tests.drawn_plates import GROUND, placed, shot

_SHOPS = "便利店水果超市五金建材烟酒茶叶理发美容药房诊所洗车停车场快递驿站小吃面馆烧烤火锅银行学校幼儿园物业服务中心"
_NOTICES = (
    "出入平安", "请减速慢行", "限速5公里", "严禁停车", "消防通道 禁止占用", "入口 ENTRANCE", "出口 EXIT", "非机动车道",
    "扫码缴费", "收费公示牌", "B2停车场", "A区12号", "3栋2单元", "SLOW 5km/h", "NO PARKING", "P 24H",
)  # fmt: skip
_CAMERAS = ("Camera {:02d}", "CAM {:03d}", "IPC-{:04d}", "通道{:02d}", "CH{:02d} 1080P", "LANE-{:d} IN")
KINDS = ("clock", "date", "camera", "mobile", "landline", "shop", "notice", "price", "house")


def text_of(kind: str, rng: random.Random) -> str:
    two = lambda most: f"{rng.randrange(most):02d}"  # noqa: E731
    digits = lambda count: "".join(rng.choice("0123456789") for _ in range(count))  # noqa: E731
    day = f"{rng.randint(2015, 2035)}{{0}}{rng.randint(1, 12):02d}{{0}}{rng.randint(1, 28):02d}"
    clock = f"{two(24)}:{two(60)}:{two(60)}"
    made = {
        "clock": lambda: rng.choice((clock, clock[:5], f"{day.format('-')} {clock}", f"{day.format('/')} {clock[:5]}")),
        "date": lambda: day.format(rng.choice(("-", "/", ".", ""))),
        "camera": lambda: rng.choice(_CAMERAS).format(rng.randrange(100)),
        "mobile": lambda: "1" + rng.choice("3456789") + digits(9),
        "landline": lambda: f"{rng.choice(('010', '021', '0755', '0571', '400'))}-{digits(4)}{digits(4)}",
        "shop": lambda: "".join(rng.choice(_SHOPS) for _ in range(rng.randint(3, 7))),
        "notice": lambda: rng.choice(_NOTICES),
        "price": lambda: f"¥{digits(1)}.{digits(2)}/小时",
        "house": lambda: f"{rng.randint(1, 40)}-{rng.randint(1, 4)}-{rng.randint(1, 32):02d}{two(5)}",
    }
    return made[kind]()


def not_a_plate(
    kind: str, rng: random.Random, *, night: bool = False, tilt: float = 0.05
) -> tuple[str, Picture, Found]:
    """The text, its scene and its box. In every second one the ground has a plate's own colour."""
    text = text_of(kind, rng)
    ground = rng.choice(list(GROUND.values())) if rng.random() < 0.5 else tuple(rng.randint(0, 200) for _ in range(3))
    ink = (245, 245, 245) if sum(ground) < 380 else (20, 20, 20)
    image = Image.new("RGB", (440, 140), ground[::-1])
    size = 400 / max(1.0, font(100).getlength(text)) * 100
    ImageDraw.Draw(image).text(
        (220, 70), text, ink, font(min(105.0, size)), anchor="mm", stroke_width=rng.choice((0, 2))
    )
    scene, corners = placed(np.array(image)[:, :, ::-1].copy(), rng, tilt)
    return text, shot(scene, rng, night), Found(corners, 0.5)


def within(scene: Picture, width: int = 960, height: int = 540) -> Picture:
    """The scene in the middle of a larger picture, for a detector to look for it by itself."""
    stage = np.full((height, width, 3), 90, np.uint8)
    high, wide = min(height, scene.shape[0]), min(width, scene.shape[1])
    top, left = (height - high) // 2, (width - wide) // 2
    stage[top : top + high, left : left + wide] = scene[:high, :wide]
    return cv2.GaussianBlur(stage, (0, 0), 0.6)  # pyright: ignore[reportReturnType]

"""Vendors' bytes for load: door swipes and plates, each a fact of its own."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from simulators.devices import vzenith
from simulators.devices.uhppoted import Controller

_SIGNS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def door_and_plate_messages(count: int, start: datetime) -> list[tuple[str, bytes]]:
    """(topic, payload): every second a swipe, every second a plate, plates of 2,000 different cars."""
    drawn = random.Random(1)
    cars = ["粤B" + "".join(drawn.choices(_SIGNS, k=5)) for _ in range(2_000)]
    camera = vzenith.Camera("fe71e106-57263272", "东门入口")
    controller = Controller(405419896, ZoneInfo("Asia/Shanghai"))
    made: list[tuple[str, bytes]] = []
    for number in range(count // 2):
        at = start + timedelta(milliseconds=number)
        swipe = controller.swipe(1 + number % 4, 8_000_000 + number % 5_000, 1, at)[0]
        plate = vzenith.plate(camera, vzenith.Plate(text=drawn.choice(cars)), number + 1, at)
        made += [(swipe.topic, swipe.payload), (plate.topic, plate.payload)]
    return made

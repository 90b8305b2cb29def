"""Messages for load: door swipes and plates in their vendors' bytes, and plain ones that no driver reads."""

from __future__ import annotations

import random
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from simulators.devices import vzenith
from simulators.devices.uhppoted import FORCED_OPEN, Controller

Message = tuple[str, bytes]

_SIGNS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_SITE = ZoneInfo("Asia/Shanghai")
_STEP = timedelta(milliseconds=1)
_FACT = re.compile(rb'"(?:event-id":|unique_id":"|id":"(?=\d{4}-\d{10}"))([\w-]+)')
_PLAIN_BYTES = 300


def door_and_plate_messages(count: int, start: datetime, step: timedelta = _STEP, *, first: int = 0) -> list[Message]:
    """(topic, payload): a swipe and a plate by turns, each a fact of its own; plates of 2,000 different cars.

    ``first`` is how many came before, so that the devices go on counting.
    """
    drawn = random.Random(1)
    cars = ["粤B" + "".join(drawn.choices(_SIGNS, k=5)) for _ in range(2_000)]
    camera = vzenith.Camera("fe71e106-57263272", "东门入口")
    controller = Controller(405419896, _SITE, first // 2 + 1)
    made: list[Message] = []
    for number in range(first // 2, (first + count) // 2):
        at = start + step * number
        swipe = controller.swipe(1 + number % 4, 8_000_000 + number % 5_000, 1, at)[0]
        plate = vzenith.plate(camera, vzenith.Plate(text=drawn.choice(cars)), number + 1, at)
        made += [(swipe.topic, swipe.payload), (plate.topic, plate.payload)]
    return made


def forced_door_messages(count: int, start: datetime, step: timedelta, *, first: int = 0) -> list[Message]:
    """Doors forced open, at a controller of their own; ``first`` is how many it had told before."""
    controller = Controller(405419777, _SITE, first + 1)
    made = [controller.alarm(1 + number % 4, FORCED_OPEN, start + step * number)[0] for number in range(count)]
    return [(message.topic, message.payload) for message in made]


def plain_messages(count: int, connections: int = 50) -> list[Message]:
    """300 bytes of JSON that begin with a number of their own, for the pass-through family of benchmarks/drivers."""
    return [(f"bench/{number % connections:04}", _plain(number)) for number in range(count)]


def _plain(number: int) -> bytes:
    said = f'{{"id":"0000-{number:010}","gate":"B{number % 7:02}","type":"vehicle.entry","dir":"in","pad":"'
    return (said + "x" * (_PLAIN_BYTES - len(said) - 2) + '"}').encode()


def fact_of(payload: bytes) -> str:
    """The number that names what a message of ours states, as the device gave it."""
    found = _FACT.search(payload)
    assert found is not None, payload
    return found[1].decode()

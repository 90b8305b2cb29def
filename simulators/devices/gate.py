"""A lane's barrier and loop behind its camera: the arm goes up for a command alone, and a car rolls through."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import msgspec

from simulators.devices import vzenith
from simulators.devices.message import DeviceMessage
from simulators.devices.vzenith import Camera

CLOSED, OPEN = 1, 2  # what this controller's numbers mean; every other controller's is its own
LOOP, BUTTON = 1, 2  # inputs of the camera
_OPEN_RELAY = 0
_RISES, _ROLLS_ON, _ROLLS_OFF, _FOLLOWS, _FALLS = (timedelta(seconds=s) for s in (0.2, 0.5, 0.9, 0.8, 0.4))


class _Body(msgspec.Struct, frozen=True):
    io: int = -1


class _Payload(msgspec.Struct, frozen=True):
    body: _Body = _Body()


class _Command(msgspec.Struct):
    payload: _Payload = _Payload()


class Gate:
    """Answers commands at once; what the arm and the loop then do comes due by and by, and is fetched with ``due``.

    ``cars``: how many roll through under one opening. ``stuck``: the relay fires and the arm stays down.
    """

    def __init__(self, camera: Camera, *, cars: int = 1, stuck: bool = False) -> None:
        self.camera, self.cars, self.stuck = camera, cars, stuck
        self.openings = 0
        self._coming: list[tuple[datetime, DeviceMessage]] = []
        self._lock = threading.Lock()  # commands come on the connection's thread

    def answer(self, topic: str, payload: bytes, at: datetime) -> list[DeviceMessage]:
        """Its reply; an arm that was told to open begins to rise."""
        replies = vzenith.answer(self.camera, topic, payload, at)
        if replies and topic.endswith("/down/gpio_out") and _relay(payload) == _OPEN_RELAY:
            with self._lock:
                self.openings += 1
                if not self.stuck:
                    self._coming += self._pass(at)
        return replies

    def due(self, at: datetime) -> list[DeviceMessage]:
        """What has happened by now, in order."""
        with self._lock:
            now = [message for moment, message in sorted(self._coming, key=lambda one: one[0]) if moment <= at]
            self._coming = [one for one in self._coming if one[0] > at]
        return now

    def _pass(self, at: datetime) -> list[tuple[datetime, DeviceMessage]]:
        up = at + _RISES
        found = [(up, vzenith.barrier_status(self.camera, OPEN, up))]
        off = up
        for number in range(self.cars):
            on = up + _ROLLS_ON + number * _FOLLOWS
            off = up + _ROLLS_OFF + number * _FOLLOWS
            found += [
                (moment, vzenith.gpio_in(self.camera, LOOP, value, moment)) for moment, value in ((on, 1), (off, 0))
            ]
        down = off + _FALLS
        return [*found, (down, vzenith.barrier_status(self.camera, CLOSED, down))]


def lane(camera: Camera, identity: str, direction: str) -> dict[str, Any]:
    """This lane as the kind of desired state ``lanes`` has it."""
    device = f"vzenith:{camera.sn}"
    return {
        "id": identity,
        "name": camera.name,
        "direction": direction,
        "readers": [{"device": device}],
        "barrier": {"device": device, "codes": {str(CLOSED): "closed", str(OPEN): "open"}},
        "loop": {"device": device, "point": f"input/{LOOP}"},
        "button": {"device": device, "point": f"input/{BUTTON}"},
        "boards": [{"device": device}],
    }


def _relay(payload: bytes) -> int:
    try:
        return msgspec.json.decode(payload, type=_Command).payload.body.io
    except msgspec.MsgspecError:
        return -1

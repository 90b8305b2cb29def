"""One simulated gateway: its streams, its clock, its version, and what it says of itself."""

from __future__ import annotations

import random
from collections import deque
from datetime import datetime, timedelta
from typing import Any

import msgspec

from domain.events import STREAMS, Event, Subject, encode_event, stream_of
from domain.wire import pack
from simulators.fleet.keys import Identity, Signer

NEW_VERSION, OLD_VERSION = "0.1.0", "0.0.9"
_MOST_WAITING = 20_000  # events a stream; a box that is cut off for longer makes no more, and says how many
_MOST_IN_BATCH = 500
_DISK_BYTES = 32 * 10**9
_DEVICES = 24


class Stream:
    """Events that were made: their number, and the times of those that the centre does not have."""

    def __init__(self) -> None:
        self.head = 0
        self.waiting: deque[datetime] = deque()

    @property
    def acknowledged(self) -> int:
        return self.head - len(self.waiting)

    def acknowledge(self, watermark: int) -> int:
        """How many are newly known to be at the centre."""
        gone = max(0, min(watermark, self.head) - self.acknowledged)
        for _ in range(gone):
            self.waiting.popleft()
        return gone


class Nature(msgspec.Struct, frozen=True):
    """What a box is by its seed."""

    weight: float  # of its complex; 1 is usual
    clock_off: timedelta
    is_old: bool


class Box:
    """Everything that one gateway remembers. An event is made again from its number: only its time is kept."""

    def __init__(self, number: int, identity: Identity, nature: Nature, epoch: str) -> None:
        self.number, self.id, self.complex, self.nature = number, identity.gateway, identity.complex, nature
        self.signer, self.epoch = Signer(identity, nature.clock_off), epoch
        self.streams = {name: Stream() for name in STREAMS}
        self.version = OLD_VERSION if nature.is_old else NEW_VERSION
        self.applied: dict[str, int] = {}
        self.dropped = self.devices_down = 0
        self.offset_ms: float | None = None
        self.silent = False  # what a broken release makes of it
        self.returned = ""  # why it runs the version before again

    def happens(self, at: datetime, chance: random.Random) -> bool:
        """An event, at the true time; False where no more may wait."""
        name = _STREAM_OF[number_kind(chance)]
        stream = self.streams[name]
        if len(stream.waiting) >= _MOST_WAITING:
            return False
        stream.head += 1
        stream.waiting.append(at)
        return True

    def next_batch(self, stream: str) -> tuple[int, bytes] | None:
        """How many events, and their bytes; None where nothing waits."""
        one = self.streams[stream]
        times = [one.waiting[index] for index in range(min(len(one.waiting), _MOST_IN_BATCH))]
        if not times:
            return None
        first = one.acknowledged + 1
        bodies = [encode_event(self._event(stream, first + index, at)) for index, at in enumerate(times)]
        return len(times), pack(self.id, stream, self.epoch, first, bodies)

    def _event(self, stream: str, sequence: int, at: datetime) -> Event:
        """The same for the same number; times are by the box's own clock, as its devices' are."""
        told = at + self.nature.clock_off
        made = _KINDS[stream](sequence, self.number)
        quality = "ok" if not self.nature.clock_off else "unsynced"
        return msgspec.structs.replace(made, time=told, recorded_at=told, time_quality=quality)

    @property
    def backlog(self) -> int:
        return sum(len(stream.waiting) for stream in self.streams.values())

    def hello(self, now: datetime) -> dict[str, Any]:
        """As the agent says it; an older one knows fewer fields."""
        said: dict[str, Any] = {
            "version": self.version,
            "pid": self.number + 2,
            "time": now + self.nature.clock_off,
            "streams": {name: self._stream(one) for name, one in self.streams.items()},
            "media_unsent": 0,
            "parked": 0,
            "broker": "connected",
        }
        return said if self.nature.is_old else said | self._newer_fields()

    def _newer_fields(self) -> dict[str, Any]:
        clock = {"offset_ms": self.offset_ms, "confirmed": self.offset_ms is not None, "skewed": False}
        return {
            "clock": clock,
            "broker_connected_at": None,
            "broker_queued_since": None,
            "store": {"state": "ok"},
            "disk": {"free_bytes": _DISK_BYTES * (95 - self.number % 60) // 100, "size_bytes": _DISK_BYTES},
            "devices_down": self.devices_down,
            "returned": self.returned,
            "dropped": self.dropped,
            "devices": [{"id": f"uhppoted:{self.number}{device:02}"} for device in range(_DEVICES)],
        }

    def _stream(self, one: Stream) -> dict[str, Any]:
        return {"epoch": self.epoch, "head": one.head, "acknowledged": one.acknowledged, "backlog": len(one.waiting)}


def number_kind(chance: random.Random) -> int:
    """Which kind of event: mostly routine, some money, an alarm now and then."""
    at = chance.random()
    return 0 if at < 0.8 else 1 if at < 0.995 else 2


def _swipe(sequence: int, number: int) -> Event:
    card = Subject(type="card", id=str(8_000_000 + (sequence * 7_919 + number) % 900))
    device, door = f"uhppoted:{number}{sequence % 4:02}", f"door/{1 + sequence % 4}"
    return Event(kind="access", device=device, point=door, subject=card, result="granted", method="card")


def _plate(sequence: int, number: int) -> Event:
    text = f"粤B{(sequence * 7_919 + number * 31) % 100_000:05}"
    car = Subject(type="plate", id=text, plate_color="blue", plate_status="read")
    way = "in" if sequence % 2 else "out"
    return Event(kind="plate", device=f"vzenith:{number}-{way}", subject=car, lane=f"east-{way}", direction=way)


def _alarm(sequence: int, number: int) -> Event:
    device = f"uhppoted:{number}{sequence % 4:02}"
    return Event(kind="door", device=device, point=f"door/{1 + sequence % 4}", state="forced_open")


_KINDS = {"routine": _swipe, "money": _plate, "urgent": _alarm}
_STREAM_OF = tuple(stream_of(make(1, 1)) for make in _KINDS.values())

"""A city's events for benchmarks of the centre: a mix by kind, cars and people that come again, batches by stream.

Of a thousand events: 470 detections of cameras without a picture (motion, persons, vehicles; a third each of start,
update and end), 50 with one, 140 measurements, 140 door states, 70 swipes (one in fifty denied), 50 plates, 40
barriers, 30 inputs, 5 devices that go and come, 3 alarms, 2 answers to orders. So 316 of a thousand touch a table of
some reader, cursors and the counts by batch apart.
Each gateway has 7 doors, 15 cameras, 2 lanes, 200 cars and 900 cards; every third complex has two gateways. An event
every two seconds and a gateway is a busy day: 43,200.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256

from domain.events import STREAMS, Event, Media, Subject, encode_event, stream_of
from domain.wire import pack, read_header
from eventlog.log import Arrival

COMPLEXES = tuple(f"complex-{number:02}" for number in range(48))
BATCH_EVENTS = 500
_EVERY = timedelta(seconds=2)
_STATES = ("open", "closed")


class Gateway:
    """One gateway's day, from ``start`` on: the same events for the same ``number``."""

    def __init__(self, number: int, start: datetime) -> None:
        self.complex, self.id = COMPLEXES[number % len(COMPLEXES)], f"gw-{number:03}"
        self._chance, self._at, self._count = random.Random(number), start, 0
        self._inside: set[int] = set()
        self._heads: dict[str, int] = dict.fromkeys(STREAMS, 0)

    def batches(self, events: int) -> Iterator[Arrival]:
        """The next events, as they travel; what does not fill a batch goes at the end."""
        waiting: defaultdict[str, list[bytes]] = defaultdict(list)
        for _ in range(events):
            event = self._event()
            bodies = waiting[stream_of(event)]
            bodies.append(encode_event(event))
            if len(bodies) == BATCH_EVENTS:
                yield self._batch(stream_of(event), waiting)
        for stream in list(waiting):
            yield self._batch(stream, waiting)

    def _batch(self, stream: str, waiting: dict[str, list[bytes]]) -> Arrival:
        bodies, head = waiting.pop(stream), self._heads[stream]
        packed = pack(self.id, stream, "city", head + 1, bodies)
        self._heads[stream] = head + len(bodies)
        return Arrival(read_header(packed), packed, self.complex)

    def _event(self) -> Event:
        self._count, self._at = self._count + 1, self._at + _EVERY
        (made,) = self._chance.choices(_MAKERS, _WEIGHTS)
        return made(self, self._at, self._at + timedelta(milliseconds=80))

    def _detection(self, at: datetime, recorded_at: datetime) -> Event:
        label = self._chance.choice(("motion", "person", "car"))
        return Event(
            kind="detection",
            device=f"frigate:camera-{self._chance.randrange(15)}",
            time=at,
            recorded_at=recorded_at,
            source_event_id=f"{at.timestamp():.6f}-{self._count:x}",
            phase=("start", "update", "end")[self._count % 3],
            subject=Subject(type="object"),
            label=label,
            confidence=round(self._chance.uniform(0.5, 0.99), 3),
            zones=["yard"],
            place=f"building-{self._count % 7}",
            ext={"zone": "yard"},
        )

    def _snapshot(self, at: datetime, recorded_at: datetime) -> Event:
        name = sha256(f"{self.id}/{self._count}".encode()).hexdigest()
        return Event(
            kind="detection",
            device=f"frigate:camera-{self._chance.randrange(15)}",
            time=at,
            recorded_at=recorded_at,
            phase="update",
            label="person",
            place=f"building-{self._count % 7}",
            media=[Media(role="scene", type="image/jpeg", bytes=88_000, sha256=name)],
        )

    def _measurement(self, at: datetime, recorded_at: datetime) -> Event:
        return Event(
            kind="measurement",
            device=f"zigbee2mqtt:0x00158d00{self._chance.randrange(40):08x}",
            recorded_at=recorded_at,
            time_quality="gateway",
            metrics={"temperature_c": self._chance.randrange(-50, 400) / 10, "battery_pct": 93.0},
        )

    def _door(self, at: datetime, recorded_at: datetime) -> Event:
        return Event(**self._at_door(at, recorded_at), kind="door", state=_STATES[self._count % 2])  # type: ignore[arg-type]

    def _swipe(self, at: datetime, recorded_at: datetime) -> Event:
        return Event(
            **self._at_door(at, recorded_at),  # type: ignore[arg-type]
            kind="access",
            subject=Subject(type="card", id=str(8_000_000 + self._chance.randrange(900))),
            result="granted" if self._chance.random() < 0.98 else "denied",
            direction="in" if self._count % 2 else "out",
            method="card",
            reason="swipe",
            reason_code="1",
        )

    def _at_door(self, at: datetime, recorded_at: datetime) -> dict[str, object]:
        door = self._chance.randrange(7)
        device = f"uhppoted:{405_419_896 + door // 4}"
        where = {"device": device, "point": f"door/{1 + door % 4}", "place": f"building-{door}"}
        return {**where, "time": at, "recorded_at": recorded_at, "source_event_id": str(self._count)}

    def _plate(self, at: datetime, recorded_at: datetime) -> Event:
        car = self._chance.randrange(200)
        way = "out" if car in self._inside else "in"
        self._inside ^= {car}
        number = f"粤B{(int(self.id[3:]) * 200 + car) * 7_919 % 100_000:05}"
        return Event(
            kind="plate",
            device=f"vzenith:fe71e106-{way}",
            time=at,
            recorded_at=recorded_at,
            source_event_id=f"fe71e106-{way}_{int(at.timestamp() * 1000)}",
            subject=Subject(type="plate", id=number, plate_color="blue", plate_status="read", valid=True),
            lane=f"east-{way}",
            direction=way,
            place="east gate",
            confidence=0.97,
            travel="approaching",
            trigger="auto",
            media=[Media(role="plate", type="image/jpeg", bytes=9_000, sha256=f"{self._count:064x}")],
        )

    def _barrier(self, at: datetime, recorded_at: datetime) -> Event:
        return Event(
            kind="barrier",
            device="vzenith:fe71e106-in",
            time=at,
            recorded_at=recorded_at,
            source_event_id=str(self._count),
            lane="east-in",
            state="up" if self._count % 2 else "down",
        )

    def _input(self, at: datetime, recorded_at: datetime) -> Event:
        state = "active" if self._count % 2 else "inactive"
        return Event(kind="input", device="kincony:1", time=at, recorded_at=recorded_at, point="input/3", state=state)

    def _availability(self, at: datetime, recorded_at: datetime) -> Event:
        state = "offline" if self._count % 2 else "online"
        device = f"zigbee2mqtt:0x00158d00{self._chance.randrange(40):08x}"
        return Event(kind="availability", device=device, time=at, recorded_at=recorded_at, state=state)

    def _alarm(self, at: datetime, recorded_at: datetime) -> Event:
        name, state = self._chance.choice(("smoke", "sos", "water_leak")), ("active", "cleared")[self._count % 2]
        place = f"building-{self._count % 7}"
        fields = {"alarm": name, "state": state, "place": place, "point": "button/1"}
        return Event(kind="alarm", device="zigbee2mqtt:0x1", time=at, recorded_at=recorded_at, **fields)

    def _answer(self, at: datetime, recorded_at: datetime) -> Event:
        order = f"{self.id}-{self._count}"
        return Event(
            kind="command_result",
            device="gateway",
            time=at,
            recorded_at=recorded_at,
            request_id=order,
            state="confirmed",
        )


Maker = Callable[[Gateway, datetime, datetime], Event]
_MIX: dict[Maker, int] = {
    Gateway._detection: 470,
    Gateway._snapshot: 50,
    Gateway._measurement: 140,
    Gateway._door: 140,
    Gateway._swipe: 70,
    Gateway._plate: 50,
    Gateway._barrier: 40,
    Gateway._input: 30,
    Gateway._availability: 5,
    Gateway._alarm: 3,
    Gateway._answer: 2,
}
_MAKERS, _WEIGHTS = list(_MIX), list(_MIX.values())

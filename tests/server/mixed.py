"""A seeded mess of events that meet: the same doors, plates, places and moments, some facts told twice or oddly."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import msgspec

from domain.events import Event, Media, Subject, encode_event
from domain.wire import pack, read_header
from eventlog.log import Record

START = datetime(2026, 3, 1, 15, 30, tzinfo=UTC)  # half an hour before midnight in Shanghai
COMPLEXES = ("garden", "yard")
NOT_UNDERSTOOD = b'{"kind":"door","device":"x:1","recorded_at":"2026-03-01T15:40:00Z","zones":7}'
NO_TIME = b'{"kind":"door","state":"forced_open","device":"x:1","recorded_at":"0001-01-01T00:00:00+08:00"}'


def records(seed: int, batches: int = 24) -> list[Record]:
    """Batches of a log, in order of position; a third of the facts come again under another gateway and epoch."""
    chance = random.Random(seed)
    told: list[Event] = []
    return [_record(chance, told, position) for position in range(1, batches + 1)]


def _record(chance: random.Random, told: list[Event], position: int) -> Record:
    complex_id = chance.choice(COMPLEXES)
    bodies = [encode_event(_event(chance, told)) for _ in range(chance.randrange(1, 20))]
    if chance.random() < 0.2:
        bodies.insert(chance.randrange(len(bodies) + 1), chance.choice((NOT_UNDERSTOOD, NO_TIME)))
    packed = pack(f"gw-{chance.randrange(3)}", "routine", f"e{position}", 1, bodies)
    assert read_header(packed).count == len(bodies)
    return Record(position, packed, complex_id, "2026-03-01T17:00:00.000Z")


def _event(chance: random.Random, told: list[Event]) -> Event:
    if told and chance.random() < 0.3:
        return chance.choice(told)
    event = chance.choice((_door, _access, _plate, _picture, _alarm, _answer, _quiet))(chance)
    at = START + timedelta(seconds=chance.randrange(3_600))
    told.append(msgspec.structs.replace(event, time=at, recorded_at=at + timedelta(seconds=chance.randrange(90))))
    return told[-1]


def _place(chance: random.Random) -> str | None:
    return chance.choice(("gate", "hall", None))


def _door(chance: random.Random) -> Event:
    state = chance.choice(("open", "closed", "forced_open", "held_open"))
    number = str(chance.randrange(10_000))
    return Event(kind="door", device="u:1", point="door/1", state=state, source_event_id=number, place=_place(chance))


def _access(chance: random.Random) -> Event:
    return Event(
        kind="access",
        device="u:1",
        point=chance.choice(("door/1", None)),
        result=chance.choice(("granted", "granted", "denied", "pending")),
        method=chance.choice(("card", "face", None)),
        source_event_id=str(chance.randrange(10_000)),
        subject=Subject(type="card", id=str(chance.randrange(100, 130))),
        place=_place(chance),
    )


def _plate(chance: random.Random) -> Event:
    number = chance.choice(("粤B8K6Q2", "京A12345", "粤BD12345", None))
    way = chance.choice(("in", "in", "out", "out", "unknown"))
    return Event(
        kind="plate",
        device=f"vzenith:{way}",
        lane=f"east-{way}",
        direction=way,
        source_event_id=str(chance.randrange(60)),  # so few that cameras come to name two passages alike
        subject=Subject(type="plate", id=number, plate_color=chance.choice(("blue", "green", "unknown"))),
        media=[Media(role="plate", sha256="c" * 64)] if chance.random() < 0.5 else [],
    )


def _picture(chance: random.Random) -> Event:
    media = [Media(role="scene", type="image/jpeg", bytes=3, sha256=f"{chance.randrange(1 << 32):064x}")]
    kind, label = chance.choice((("detection", "person"), ("alarm", None)))
    return Event(kind=kind, device="camera:1", label=label, phase="update", place=_place(chance), media=media)


def _alarm(chance: random.Random) -> Event:
    state = chance.choice(("active", "cleared"))
    return Event(kind="alarm", device="z:1", point="button/1", alarm="smoke", state=state, place=_place(chance))


def _answer(chance: random.Random) -> Event:
    state, order = chance.choice(("accepted", "confirmed", "refused", "timeout")), f"order-{chance.randrange(4)}"
    return Event(
        kind="command_result", device="gateway", state=state, request_id=order, text=chance.choice(("a", None))
    )


def _quiet(chance: random.Random) -> Event:
    """What no reader wants."""
    return Event(kind=chance.choice(("measurement", "input")), device="m:1", metrics={"power_w": 1.0})

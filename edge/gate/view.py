"""What the gate's screen shows: each lane, who waits there and what is due; what was taken today, and by whom."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

import msgspec

from domain.passages import picture_of
from domain.tariff import Line
from edge.control.at_lane import AtLane, Car
from edge.control.lane_cars import moment
from edge.control.lanes import LaneControl
from edge.gate.till import Act


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A car that stands at a lane. ``request`` names what is tapped about it: the same car, the same tap."""

    plate: str
    read_at: datetime
    reason: str
    picture: str | None = None
    entered_at: datetime | None = None
    fee_fen: int | None = None
    due_fen: int | None = None
    lines: tuple[Line, ...] = ()
    request: str


class LaneView(msgspec.Struct, frozen=True, kw_only=True):
    lane: str
    name: str
    direction: str
    is_up: bool
    car: Waiting | None = None


class Count(msgspec.Struct):
    """Of one guard, since midnight."""

    by: str
    cash: int = 0
    cash_fen: int = 0
    debts: int = 0
    debts_fen: int = 0
    by_hand: int = 0


class Told(msgspec.Struct, frozen=True):
    """What a command is told."""

    lanes: list[LaneView]
    today: list[Count]


def lanes(control: LaneControl) -> list[LaneView]:
    """Exits first: money waits there."""
    found = [_lane(here) for here in control.lanes.values()]
    return sorted(found, key=lambda one: (one.direction != "out", one.lane))


def _lane(here: AtLane) -> LaneView:
    car, lane = here.waits(moment()), here.lane
    shown = _car(lane.id, car) if car is not None else None
    return LaneView(
        lane=lane.id, name=lane.name or lane.id, direction=lane.direction, is_up=here.watch.is_up, car=shown
    )


def _car(lane: str, car: Car) -> Waiting:
    verdict = car.verdict
    return Waiting(
        plate=car.plate,
        read_at=car.read.at,
        reason=verdict.reason,
        picture=picture_of(car.event.media),
        entered_at=verdict.entered_at,
        fee_fen=verdict.fee_fen,
        due_fen=verdict.due_fen,
        lines=verdict.lines,
        request=_request(lane, car),
    )


def _request(lane: str, car: Car) -> str:
    said = (lane, car.plate, car.read.at.isoformat(), car.event.source_event_id or "", car.verdict.due_fen)
    return hashlib.sha256("\x1f".join(map(str, said)).encode()).hexdigest()[:24]


def pictures(control: LaneControl) -> set[str]:
    """The pictures that the screen shows now: no other may be asked for."""
    waiting = (here.waits(moment()) for here in control.lanes.values())
    return {name for car in waiting if car is not None and (name := picture_of(car.event.media))}


def counts(acts: Iterable[Act]) -> list[Count]:
    """By guard."""
    found: dict[str, Count] = {}
    for act in acts:
        count = found.setdefault(act.by, Count(act.by))
        match act.what:
            case "cash":
                count.cash, count.cash_fen = count.cash + 1, count.cash_fen + act.fen
            case "debt":
                count.debts, count.debts_fen = count.debts + 1, count.debts_fen + act.fen
            case "hand":
                count.by_hand += 1
    return sorted(found.values(), key=lambda count: count.by)

"""What a phone needs of a complex's rounds so that it can go on without a network: routes, checkpoints, what is due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.rounds.codes import mark_of
from domain.rounds.plan import Route
from domain.rounds.walk import State
from server.patrol.days import Round, rounds_of
from server.store import patrol_rows
from server.store.patrol_rows import Point

AHEAD = timedelta(hours=18)
_TO_WALK: tuple[State, ...] = ("planned", "waiting", "overdue", "under_way", "short")


class PhonePoint(msgspec.Struct, frozen=True):
    """A checkpoint, by what its code reckons to: the code itself is on the wall alone."""

    id: str
    name: str
    mark: int


class PhoneRoute(msgspec.Struct, frozen=True):
    """A route that can be walked now."""

    id: str
    name: str
    points: list[PhonePoint]


class PhoneSlot(msgspec.Struct, frozen=True):
    """A planned round that is not through yet."""

    route: str
    name: str
    due_at: datetime
    opens_at: datetime
    missed_after: datetime
    clock: str
    state: State


class Phone(msgspec.Struct, frozen=True):
    """All of it."""

    complex: str
    routes: list[PhoneRoute]
    slots: list[PhoneSlot]


async def phone_of(connection: AsyncConnection, complex_id: str, zone: ZoneInfo, now: datetime) -> Phone:
    """What can be walked from now on, without asking again."""
    versions = await patrol_rows.routes(connection, complex_id)
    points = {one.id: one for one in await patrol_rows.points(connection, complex_id)}
    newest = {name: found[-1].route for name, found in versions.items() if not found[-1].route.ended}
    days = ((now - timedelta(days=1)).astimezone(zone).date(), (now + AHEAD).astimezone(zone).date())
    rounds = await rounds_of(connection, complex_id, zone, days, now)
    return Phone(complex_id, _routes(newest, points), _slots(rounds, newest, zone, now))


def _routes(newest: Mapping[str, Route], points: Mapping[str, Point]) -> list[PhoneRoute]:
    found = [
        PhoneRoute(identity, route.name, [_point(points[one]) for one in route.points if one in points])
        for identity, route in newest.items()
    ]
    return sorted(found, key=lambda one: (one.name, one.id))


def _point(point: Point) -> PhonePoint:
    return PhonePoint(point.id, point.name, mark_of(point.code))


def _slots(rounds: Sequence[Round], newest: Mapping[str, Route], zone: ZoneInfo, now: datetime) -> list[PhoneSlot]:
    found: list[PhoneSlot] = []
    for one in rounds:
        slot, state = one.judged.slot, one.judged.state
        if slot is not None and one.route_id in newest and state in _TO_WALK and now <= slot.missed_after:
            times = (slot.due_at, slot.opens_at, slot.missed_after)
            clock = slot.due_at.astimezone(zone).strftime("%H:%M")
            found.append(PhoneSlot(one.route_id, one.route.name, *times, clock, state))
    return found

"""How things on a plan stand now: a door's or a barrier's state, whether its device is there, and the alerts on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store import alert_views
from server.store.alert_views import AlertFilter, AlertView
from server.store.engine import stamp, unstamp
from server.store.plan_tables import device_state
from server.store.plan_things import Spot, Thing
from server.store.schema import door, gateway
from server.store.scope import of_complexes

Sign = Literal["forced", "held", "offline", "open", "closed", "here", "unknown", "gone"]
SEVERITIES = ("critical", "high", "medium", "low")
_LOUD: tuple[Sign, ...] = ("forced", "held", "offline")
_OPEN_STATUSES = ("open", "acknowledged")
_MOST_ALERTS = 500
_OF_DOORS: Mapping[str, Sign] = {"forced_open": "forced", "held_open": "held", "open": "open", "closed": "closed"}
_OF_ARMS: Mapping[str, Sign] = {"open": "open", "opening": "open", "closed": "closed", "closing": "closed"}


class Mark(msgspec.Struct, frozen=True):
    """A thing as a plan shows it; ``at`` is since when, ``alerts`` those nobody has closed, the gravest first."""

    thing: Thing
    sign: Sign
    at: datetime | None = None
    alerts: tuple[AlertView, ...] = ()

    @property
    def severity(self) -> str:
        return self.alerts[0].severity if self.alerts else ""

    @property
    def order(self) -> tuple[int, int, str]:
        """What wants looking at first: how it stands, then its gravest alert, then its name."""
        stands = _LOUD.index(self.sign) if self.sign in _LOUD else len(_LOUD)
        return stands, SEVERITIES.index(self.severity) if self.severity in SEVERITIES else 9, self.thing.name


class Said(NamedTuple):
    """A state and when it was; one that sorts later is newer."""

    at: str
    state: str
    code: str = ""


class Known(NamedTuple):
    """What is known of a complex."""

    doors: Mapping[Spot, Said]
    arms: Mapping[Spot, Said]
    presence: Mapping[str, Said]  # by device
    alerts: Sequence[AlertView]


async def known_of(connection: AsyncConnection, complex_id: str, since: datetime) -> Known:
    """``since``: older alerts are no longer live."""
    doors = select(door.c.device, door.c.point, door.c.state_at, door.c.state)
    doors = doors.where(door.c.complex == complex_id, door.c.state.is_not(None))
    states = select(device_state).where(device_state.c.complex == complex_id)
    rows = (await connection.execute(states)).all()
    asked = AlertFilter(_OPEN_STATUSES, complex=complex_id, since=stamp(since))
    return Known(
        {(row.device, row.point): Said(row.state_at, row.state) for row in await connection.execute(doors)},
        {(row.device, row.point): Said(row.state_at, row.state, row.code) for row in rows if row.kind == "barrier"},
        {row.device: Said(row.state_at, row.state) for row in rows if row.kind == "availability" and not row.point},
        await alert_views.page(connection, of_complexes(complex_id), asked, _MOST_ALERTS),
    )


def marks(things: Iterable[Thing], known: Known) -> list[Mark]:
    by_device: defaultdict[str, list[AlertView]] = defaultdict(list)
    for alert in known.alerts:
        by_device[alert.device].append(alert)
    return [_mark(thing, known, by_device) for thing in things]


def _mark(thing: Thing, known: Known, by_device: Mapping[str, Sequence[AlertView]]) -> Mark:
    devices = dict.fromkeys(device for device, _ in thing.spots)
    found = [one for device in devices for one in by_device.get(device, ()) if thing.is_meant(device, one.point or "")]
    found.sort(key=lambda one: SEVERITIES.index(one.severity) if one.severity in SEVERITIES else len(SEVERITIES))
    sign, at = _stands(thing, known, list(devices))
    return Mark(thing, sign, unstamp(at) if at else None, tuple(found))


def _stands(thing: Thing, known: Known, devices: Sequence[str]) -> tuple[Sign, str]:
    if thing.kind == "gone":
        return "gone", ""
    said = max((known.doors[spot] for spot in thing.spots if spot in known.doors), default=None)
    sign: Sign = _OF_DOORS.get(said.state, "unknown") if said else "unknown"
    if thing.barrier is not None:
        said, sign = _arm(thing, known)
    presence = [known.presence[device] for device in devices if device in known.presence]
    gone = max((one for one in presence if one.state == "offline"), default=None)
    if gone is not None and sign not in ("forced", "held") and (said is None or gone.at >= said.at):
        return "offline", gone.at
    if said is None and presence:
        return "here", max(presence).at
    return sign, said.at if said else ""


def _arm(thing: Thing, known: Known) -> tuple[Said | None, Sign]:
    """What the arm last said, by the meaning that the lane gives to its controller's own numbers."""
    barrier = thing.barrier
    if barrier is None:
        return None, "unknown"
    told = [
        said
        for (device, point), said in known.arms.items()
        if device == barrier.device and barrier.point in ("", point)
    ]
    said = max(told, default=None)
    if said is None:
        return None, "unknown"
    return said, _OF_ARMS.get(barrier.codes.get(said.code, said.state), "unknown")


async def silent_gateways(
    connection: AsyncConnection, complex_id: str, now: datetime, after: timedelta
) -> list[tuple[str, datetime | None]]:
    """Gateways of the complex that are not heard, and since when: what hangs behind them may stand otherwise."""
    columns = (gateway.c.id, gateway.c.last_seen_at)
    query = select(*columns).where(gateway.c.complex == complex_id, gateway.c.replaced_at.is_(None))
    rows = await connection.execute(query.order_by(gateway.c.id))
    silent = [row for row in rows if row.last_seen_at is None or row.last_seen_at < stamp(now - after)]
    return [(row.id, unstamp(row.last_seen_at) if row.last_seen_at else None) for row in silent]

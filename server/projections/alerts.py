"""Alerts folded from the log: a rule that fired, its incident, and the picture of its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import alert_rules, incidents
from domain.events import encode_event, is_unsure
from domain.places import Place
from domain.plates import mask
from server.facts import Fact
from server.store.engine import stamp, unstamp
from server.store.live_rows import announce_all
from server.store.schema import ALERT_TABLES, alert, scene
from server.store.upsert import insert

# How far a picture of the same place may lie from what happened, either way.
_PICTURE_WITHIN = timedelta(seconds=15)


class Alerts:
    """The alerts projection. ``announce`` is off while it is rebuilt: a rebuild rings nobody."""

    name = "alerts"
    tables: tuple[Table, ...] = ALERT_TABLES

    def __init__(self, places: Mapping[str, Place], now: Callable[[], datetime], *, announce: bool = True) -> None:
        self._places, self._now, self._announce = places, now, announce

    async def fold(self, connection: AsyncConnection, facts: list[Fact]) -> None:
        """Fact by fact in the log's order, so that no grouping of batches changes the result."""
        changed: list[tuple[str, str]] = []
        for fact in facts:
            place = self._places.get(fact.complex, Place())
            found = [await _raise(connection, fact, fired) for fired in alert_rules.fired(fact.event, place)]
            for picture in _pictures(fact):
                found += await _show(connection, fact, picture)
            changed += [(fact.complex, alert_id) for alert_id in found if alert_id]
        if self._announce:
            await announce_all(connection, "alert", changed, stamp(self._now()))


async def _raise(connection: AsyncConnection, fact: Fact, fired: alert_rules.Fired) -> str | None:
    """The alert's id, where it is new."""
    row = await _row(connection, fact, fired)
    added = await connection.execute(insert(alert).values(row).on_conflict_do_nothing())
    return row["id"] if added.rowcount else None


async def _show(connection: AsyncConnection, fact: Fact, picture: str) -> list[str]:
    """Keep a picture of a place, and give it to the alerts there that have none: which."""
    at = fact.event.occurred_at
    values = {"complex": fact.complex, "place": fact.event.place, "occurred_at": stamp(at), "sha256": picture}
    await connection.execute(insert(scene).values(values).on_conflict_do_nothing())
    bare = select(alert.c.id).where(*_near(alert, fact.complex, fact.event.place, at), alert.c.picture.is_(None))
    found = list((await connection.execute(bare)).scalars())
    for alert_id in found:
        await connection.execute(update(alert).where(alert.c.id == alert_id).values(picture=picture))
    return found


async def picture_arrived(connection: AsyncConnection, complex_id: str, sha256: str, at: datetime) -> bool:
    """Let the screens show a picture that came after its alert; whether any alert has it."""
    query = select(alert.c.id).where(alert.c.complex == complex_id, alert.c.picture == sha256)
    found = (await connection.execute(query)).scalars().all()
    await announce_all(connection, "alert", [(complex_id, alert_id) for alert_id in found], stamp(at))
    return bool(found)


def _pictures(fact: Fact) -> list[str]:
    if not fact.event.place:
        return []
    return [media.sha256 for media in fact.event.media if media.role == "scene" and media.sha256]


async def _row(connection: AsyncConnection, fact: Fact, fired: alert_rules.Fired) -> dict[str, Any]:
    event, identity = fact.event, alert_rules.alert_id(fired.rule, fact.id)
    own = next((media.sha256 for media in event.media if media.sha256), None)
    recorded_at = event.recorded_at or event.occurred_at
    return {
        "id": identity,
        "complex": fact.complex,
        "incident": await _incident(connection, fact, fired.rule) or identity,
        "rule": fired.rule,
        "severity": fired.severity,
        "category": fired.category,
        "device": event.device,
        "place": event.place,
        "point": event.point,
        "subject": _masked(fact),
        "occurred_at": stamp(event.occurred_at),
        "recorded_at": stamp(recorded_at),
        "received_at": stamp(fact.received_at),
        "lateness": alert_rules.lateness(event.occurred_at, fact.received_at, unsure=is_unsure(event)),
        "picture": own or await _neighbour(connection, fact),
        "event": encode_event(event),
    }


async def _incident(connection: AsyncConnection, fact: Fact, rule: str) -> str | None:
    """The incident of the same cause that this alert belongs to."""
    event = fact.event
    same = (alert.c.complex == fact.complex, alert.c.rule == rule, alert.c.device == event.device)
    point = alert.c.point.is_(None) if event.point is None else alert.c.point == event.point
    before = alert.c.occurred_at <= stamp(event.occurred_at)
    query = select(alert.c.incident, alert.c.occurred_at).where(*same, point, before)
    row = (await connection.execute(query.order_by(alert.c.occurred_at.desc()).limit(1))).first()
    if row is None or not incidents.joins(unstamp(row.occurred_at), event.occurred_at):
        return None
    return row.incident


async def _neighbour(connection: AsyncConnection, fact: Fact) -> str | None:
    """The nearest picture of the same place, from whichever camera."""
    at, place = fact.event.occurred_at, fact.event.place
    if place is None:
        return None
    query = select(scene.c.occurred_at, scene.c.sha256).where(*_near(scene, fact.complex, place, at))
    rows = (await connection.execute(query)).all()
    nearest = min(rows, key=lambda row: (abs(unstamp(row.occurred_at) - at), row.sha256), default=None)
    return None if nearest is None else nearest.sha256


def _near(table: Table, complex_id: str, place: str | None, at: datetime) -> tuple[Any, ...]:
    span = (stamp(at - _PICTURE_WITHIN), stamp(at + _PICTURE_WITHIN))
    return table.c.complex == complex_id, table.c.place == place, table.c.occurred_at.between(*span)


def _masked(fact: Fact) -> str | None:
    subject = fact.event.subject
    if subject is None or not subject.id:
        return None
    return mask(subject.id) if subject.type == "plate" else f"***{subject.id[-3:]}"

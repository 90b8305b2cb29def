"""What pages show of a camera's detections: what fired and why, which alert came of it, and how often it was false."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import case, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders import SNAPSHOT
from server.store.camera_tables import detection
from server.store.duty_tables import noise
from server.store.engine import stamp
from server.store.schema import alert, media

MONTH = timedelta(days=30)
_PICTURE_HERE = exists().where(media.c.sha256 == detection.c.picture, media.c.complex == detection.c.complex)
_ITS_ALERT = (alert.c.fact == detection.c.fact) & (alert.c.complex == detection.c.complex)
_COLUMNS = tuple(detection.c[name] for name in ("fact", "device", "occurred_at", "label", "rule", "picture"))


class Said(msgspec.Struct, frozen=True):
    """What the projection kept of an event."""

    zones: tuple[str, ...] = ()
    track: str = ""
    confidence: float | None = None
    reason_code: str = ""
    direction: str = ""
    travel: str = ""
    metrics: Mapping[str, float] = {}
    box: tuple[float, float, float, float] | None = None
    below: float = 0.0
    asked: str = ""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One detection. ``alert``: what came of it, ``alert_rule`` by which rule, ``is_false`` what people said of it."""

    fact: str
    device: str
    occurred_at: datetime
    label: str
    rule: str
    picture: str | None
    picture_here: bool
    said: Said
    alert: str | None = None
    alert_rule: str | None = None
    is_false: bool | None = None


class Rate(msgspec.Struct, frozen=True):
    """A rule of a camera within 30 days: how often it told, how often an alert came of it, and people's word."""

    rule: str
    told: int
    alerts: int
    judged: int
    false: int

    @property
    def percent(self) -> int | None:
        """Of nothing that was judged there is no rate."""
        return round(100 * self.false / self.judged) if self.judged else None


class Wanted(msgspec.Struct, frozen=True):
    """Which detections of which camera; empty fields do not restrict. ``before`` is where the page before ended."""

    complex: str
    device: str
    since: datetime
    rule: str = ""
    label: str = ""
    alerts_only: bool = False
    before: str = ""


async def seen(connection: AsyncConnection, wanted: Wanted, limit: int) -> list[Seen]:
    """The newest first; pictures that somebody asked for are no detections."""
    query = select(*_COLUMNS, detection.c.said, _PICTURE_HERE.label("picture_here"))
    query = query.add_columns(alert.c.id.label("alert"), alert.c.rule.label("alert_rule"), noise.c.is_false)
    query = query.outerjoin(alert, _ITS_ALERT).outerjoin(noise, noise.c.alert == alert.c.id)
    query = query.where(*_here(wanted.complex, wanted.device, wanted.since), detection.c.label != SNAPSHOT)
    for column, value in ((detection.c.rule, wanted.rule), (detection.c.label, wanted.label)):
        query = query.where(column == value) if value else query
    query = query.where(alert.c.id.is_not(None)) if wanted.alerts_only else query
    query = query.where(detection.c.occurred_at < wanted.before) if wanted.before else query
    rows = await connection.execute(query.order_by(detection.c.occurred_at.desc(), detection.c.fact).limit(limit))
    return [_seen(row) for row in rows.mappings()]


def _here(complex_id: str, device: str, since: datetime) -> tuple[Any, ...]:
    same = (detection.c.complex == complex_id, detection.c.device == device)
    return (*same, detection.c.occurred_at >= stamp(since))


def _seen(row: Mapping[Any, Any]) -> Seen:
    fields = {str(name): value for name, value in row.items()}
    return msgspec.convert(fields | {"said": msgspec.json.decode(row["said"])}, Seen, strict=False)


async def rates(connection: AsyncConnection, complex_id: str, device: str, now: datetime) -> list[Rate]:
    """Of each rule of a camera, the most often false first."""
    counts = (
        func.count(detection.c.fact.distinct()).label("told"),
        func.count(alert.c.id).label("alerts"),
        func.count(noise.c.alert).label("judged"),
        func.coalesce(func.sum(case((noise.c.is_false == 1, 1), else_=0)), 0).label("false"),
    )
    query = select(detection.c.rule, *counts).outerjoin(alert, _ITS_ALERT)
    query = query.outerjoin(noise, noise.c.alert == alert.c.id)
    query = query.where(*_here(complex_id, device, now - MONTH), detection.c.label != SNAPSHOT)
    rows = await connection.execute(query.group_by(detection.c.rule))
    found = [msgspec.convert(row, Rate, strict=False) for row in rows.mappings()]
    return sorted(found, key=lambda one: (-(one.percent or 0), -one.told, one.rule))


async def labels(connection: AsyncConnection, complex_id: str, device: str, since: datetime) -> list[str]:
    query = select(detection.c.label).where(*_here(complex_id, device, since), detection.c.label != SNAPSHOT)
    return sorted(set((await connection.execute(query.distinct())).scalars()))


async def newest_picture(connection: AsyncConnection, complex_id: str, device: str) -> Seen | None:
    """The newest picture of a camera that is still here: of an asked one, or of whatever it told last."""
    query = select(*_COLUMNS, detection.c.said, _PICTURE_HERE.label("picture_here"))
    query = query.where(detection.c.complex == complex_id, detection.c.device == device, _PICTURE_HERE)
    row = (await connection.execute(query.order_by(detection.c.occurred_at.desc()).limit(1))).mappings().first()
    return None if row is None else _seen(row)

"""What pages show of sources: how often each of them told, and how often people said that there was nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, case, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.noise import Source
from server.store.duty_tables import noise
from server.store.engine import stamp
from server.store.place_views import complexes_below
from server.store.schema import alert, complex_
from server.store.scope import Scope, within

WEEK, MONTH = timedelta(days=7), timedelta(days=30)
Sort = Literal["false", "many"]
_SOURCE = (alert.c.complex, alert.c.device, alert.c.rule)


class SourceView(msgspec.Struct, frozen=True):
    """A rule at a device: its alerts of 7 and of 30 days, of those how many people judged, and judged to be none.

    ``newest``: the last alert of it.
    """

    complex: str
    complex_name: str | None
    timezone: str | None
    device: str
    rule: str
    week: int
    month: int
    judged_week: int
    judged_month: int
    false_week: int
    false_month: int
    newest: str

    @property
    def source(self) -> Source:
        return Source(self.complex, self.device, self.rule)

    @property
    def percent_week(self) -> int | None:
        return _percent(self.false_week, self.judged_week)

    @property
    def percent_month(self) -> int | None:
        return _percent(self.false_month, self.judged_month)

    @property
    def newest_alert(self) -> str:
        return self.newest.partition("~")[2]


def _percent(part: int, whole: int) -> int | None:
    """Of nothing that was judged there is no rate."""
    return round(100 * part / whole) if whole else None


class SourceFilter(msgspec.Struct, frozen=True):
    """Which sources, at which moment; empty fields do not restrict."""

    now: datetime
    complex: str = ""
    area: str = ""
    sort: Sort = "false"


async def sources(
    connection: AsyncConnection, scope: Scope, which: SourceFilter, skip: int, limit: int
) -> list[SourceView]:
    """Those that told something within 30 days; the most often false, or the loudest, first."""
    counts = (*_counts("week", alert.c.occurred_at >= stamp(which.now - WEEK)), *_counts("month", true()))
    newest = func.max(alert.c.occurred_at + "~" + alert.c.id).label("newest")
    query = select(*_SOURCE, complex_.c.name.label("complex_name"), complex_.c.timezone, *counts, newest)
    query = query.outerjoin(noise, noise.c.alert == alert.c.id).outerjoin(complex_, complex_.c.id == alert.c.complex)
    query = _chosen(query, scope, which).group_by(*_SOURCE, complex_.c.name, complex_.c.timezone)
    many, false = func.count().desc(), func.coalesce(func.sum(noise.c.is_false), 0).desc()
    order = (false, many) if which.sort == "false" else (many, false)
    rows = await connection.execute(query.order_by(*order, *_SOURCE).offset(skip).limit(limit))
    return [msgspec.convert(row, SourceView, strict=False) for row in rows.mappings()]


def _counts(name: str, when: ColumnElement[bool]) -> tuple[Any, Any, Any]:
    """Alerts, those that were judged, and those that were none."""
    is_judged = when & noise.c.alert.is_not(None)
    return (
        func.sum(case((when, 1), else_=0)).label(name),
        func.sum(case((is_judged, 1), else_=0)).label(f"judged_{name}"),
        func.sum(case((is_judged, noise.c.is_false), else_=0)).label(f"false_{name}"),
    )


def _chosen(query: Any, scope: Scope, which: SourceFilter) -> Any:
    query = query.where(within(alert.c.complex, scope), alert.c.occurred_at >= stamp(which.now - MONTH))
    if which.complex:
        query = query.where(alert.c.complex == which.complex)
    if which.area:
        query = query.where(alert.c.complex.in_(complexes_below(which.area)))
    return query

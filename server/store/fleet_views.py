"""The fleet for screens: a page of gateways, the worst first, and how many of each kind every area has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.engine import stamp
from server.store.health_rows import BAD
from server.store.schema import (
    area,
    area_within,
    complex_,
    conservation_finding,
    gateway,
    gateway_health,
    gateway_tag,
)
from server.store.scope import Scope, within

SILENT = 3  # beside fine, look and bad of health_rows
RANKS = {"silent": SILENT, "bad": BAD, "look": 1, "fine": 0}
Sort = Literal["worst", "lag", "seen", "version", "disk", "clock", "noise", "devices", "name"]
_LIKE_SIGNS = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})


class Filter(msgspec.Struct, frozen=True):
    """Which gateways; empty: all. ``silent_before``: who was last heard earlier is silent."""

    scope: Scope
    silent_before: datetime
    text: str = ""
    area: str = ""
    complex: str = ""
    version: str = ""
    tag: str = ""
    rank: str = ""


class FleetRow(msgspec.Struct, frozen=True):
    """A gateway in a line."""

    id: str
    complex: str
    complex_name: str | None
    area_name: str | None
    timezone: str | None
    last_seen_at: datetime | None
    rank: int
    broken: int
    version: str | None
    lag: int | None
    disk_free: float | None
    clock_ms: float | None
    clock_ok: int | None
    devices_down: int | None
    dropped_day: int | None
    events_day: int | None
    events_mean: int | None
    returned: str | None

    @property
    def noise(self) -> float | None:
        """Events of a day against its own mean."""
        return self.events_day / self.events_mean if self.events_mean and self.events_day is not None else None


class AreaView(msgspec.Struct, frozen=True):
    """An area, or a complex, in the tree: how many gateways of each rank are below it."""

    id: str
    kind: str
    name: str
    counts: Mapping[int, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def worst(self) -> int:
        return max((rank for rank, count in self.counts.items() if count), default=0)


def _findings() -> Any:
    query = select(conservation_finding.c.gateway, func.count().label("broken"))
    return query.where(conservation_finding.c.cleared_at.is_(None)).group_by(conservation_finding.c.gateway).subquery()


class _Columns:
    """The pieces that every question about the fleet is put together of."""

    def __init__(self, silent_before: datetime) -> None:
        self.findings = _findings()
        self.broken = func.coalesce(self.findings.c.broken, 0)
        silent = or_(gateway.c.last_seen_at.is_(None), gateway.c.last_seen_at < stamp(silent_before))
        of_hello = func.coalesce(gateway_health.c.trouble, 0)
        self.rank: ColumnElement[int] = case((silent, SILENT), (self.broken > 0, BAD), else_=of_hello)

    def query(self, *columns: Any) -> Select[Any]:
        query: Select[Any] = select(*columns).select_from(gateway)  # pyright: ignore[reportAssignmentType]
        query = query.outerjoin(complex_, complex_.c.id == gateway.c.complex)
        query = query.outerjoin(gateway_health, gateway_health.c.gateway == gateway.c.id)
        query = query.outerjoin(self.findings, self.findings.c.gateway == gateway.c.id)
        return query.outerjoin(area, area.c.id == complex_.c.area)

    def chosen(self, query: Select[Any], which: Filter) -> Select[Any]:
        conditions: list[ColumnElement[bool]] = [
            gateway.c.replaced_at.is_(None),
            within(gateway.c.complex, which.scope),
        ]
        if which.text:
            like = f"%{which.text.translate(_LIKE_SIGNS)}%"
            named = (gateway.c.id, gateway.c.complex, complex_.c.name)
            conditions.append(or_(*(column.ilike(like, escape="\\") for column in named)))
        if which.area:
            conditions.append(complex_.c.area.in_(_below(which.area)))
        if which.complex:
            conditions.append(gateway.c.complex == which.complex)
        if which.version:
            conditions.append(gateway_health.c.version == which.version)
        if which.tag:
            tagged = select(gateway_tag.c.gateway).where(gateway_tag.c.tag == which.tag)
            conditions.append(gateway.c.id.in_(tagged))
        if which.rank in RANKS:
            conditions.append(self.rank == RANKS[which.rank])
        return query.where(and_(*conditions))


def _below(area_id: str) -> Select[Any]:
    return select(area_within.c.area).where(area_within.c.upper == area_id)


def _order(sort: Sort, columns: _Columns) -> list[Any]:
    """The worst first, by whatever is asked."""
    health = gateway_health.c
    noise = health.events_day * 1.0 / func.nullif(health.events_mean, 0)
    first: dict[str, list[Any]] = {
        "worst": [columns.rank.desc(), health.lag.desc().nulls_last()],
        "lag": [health.lag.desc().nulls_last()],
        "seen": [gateway.c.last_seen_at.asc().nulls_first()],
        "version": [health.version.asc().nulls_first()],
        "disk": [health.disk_free.asc().nulls_last()],
        "clock": [func.abs(health.clock_ms).desc().nulls_last()],
        "noise": [health.dropped_day.desc().nulls_last(), noise.desc().nulls_last()],
        "devices": [health.devices_down.desc().nulls_last()],
        "name": [complex_.c.name.asc().nulls_last()],
    }
    return [*first[sort], gateway.c.id]


async def rows(connection: AsyncConnection, which: Filter, sort: Sort, skip: int, limit: int) -> list[FleetRow]:
    """A page of gateways."""
    of = _Columns(which.silent_before)
    health = gateway_health.c
    shown = (
        gateway.c.id,
        gateway.c.complex,
        complex_.c.name.label("complex_name"),
        area.c.name.label("area_name"),
        complex_.c.timezone,
        gateway.c.last_seen_at,
        of.rank.label("rank"),
        of.broken.label("broken"),
        *(health.version, health.lag, health.disk_free, health.clock_ms, health.clock_ok, health.devices_down),
        *(health.dropped_day, health.events_day, health.events_mean, health.returned),
    )
    query = of.chosen(of.query(*shown), which).order_by(*_order(sort, of)).offset(skip).limit(limit)
    return [msgspec.convert(row, FleetRow) for row in (await connection.execute(query)).mappings()]


async def ids(connection: AsyncConnection, which: Filter) -> list[tuple[str, str]]:
    """Gateway and complex of all that are chosen."""
    of = _Columns(which.silent_before)
    query = of.chosen(of.query(gateway.c.id, gateway.c.complex), which).order_by(gateway.c.complex, gateway.c.id)
    return [(row.id, row.complex) for row in await connection.execute(query)]


async def counts(connection: AsyncConnection, which: Filter) -> Mapping[int, int]:
    """How many of each rank there are."""
    of = _Columns(which.silent_before)
    query = of.chosen(of.query(of.rank.label("rank"), func.count().label("gateways")), which).group_by(of.rank)
    return {row["rank"]: row["gateways"] for row in (await connection.execute(query)).mappings()}


async def versions(connection: AsyncConnection, scope: Scope) -> list[str]:
    """Every version that a gateway in use said to run."""
    query = select(gateway_health.c.version).join(gateway, gateway.c.id == gateway_health.c.gateway).distinct()
    query = query.where(gateway.c.replaced_at.is_(None), within(gateway.c.complex, scope))
    return [row.version for row in await connection.execute(query.order_by(gateway_health.c.version)) if row.version]


async def tags(connection: AsyncConnection, scope: Scope) -> list[str]:
    query = select(gateway_tag.c.tag).join(gateway, gateway.c.id == gateway_tag.c.gateway).distinct()
    return list((await connection.execute(query.where(within(gateway.c.complex, scope)).order_by("tag"))).scalars())


async def branch(connection: AsyncConnection, which: Filter, parent: str) -> list[AreaView]:
    """What is right below an area in the tree, the worst first: areas, or the complexes of a community."""
    of = _Columns(which.silent_before)
    areas = {
        row.id: row for row in await connection.execute(select(area.c.id, area.c.kind, area.c.name, area.c.parent))
    }
    children = [row for row in areas.values() if (row.parent or "") == parent]
    grouped = of.query(complex_.c.area, of.rank.label("rank"), func.count().label("gateways"))
    grouped = of.chosen(grouped, which).group_by(complex_.c.area, of.rank)
    by_area: dict[str, Counter[int]] = {}
    for row in (await connection.execute(grouped)).mappings():
        by_area.setdefault(row["area"] or "", Counter())[row["rank"]] += row["gateways"]
    views = [AreaView(row.id, row.kind, row.name, _sum(row.id, areas, by_area)) for row in children]
    if not parent and by_area.get(""):
        views.append(AreaView("-", "none", "", by_area[""]))
    if parent and not children:
        views = await _complexes(connection, of, which, parent)
    return sorted((view for view in views if view.total), key=_worst_first)


def _sum(upper: str, areas: Mapping[str, Any], by_area: Mapping[str, Counter[int]]) -> Counter[int]:
    total: Counter[int] = Counter()
    for id_, found in by_area.items():
        if upper in _line(id_, areas):
            total += found
    return total


def _line(id_: str, areas: Mapping[str, Any]) -> Iterable[str]:
    """An area and all above it."""
    while id_ and id_ in areas:
        yield id_
        id_ = areas[id_].parent or ""


async def _complexes(connection: AsyncConnection, of: _Columns, which: Filter, parent: str) -> list[AreaView]:
    here = complex_.c.area.is_(None) if parent == "-" else complex_.c.area == parent
    query = of.query(gateway.c.complex, complex_.c.name, of.rank.label("rank"), func.count().label("gateways"))
    query = of.chosen(query, which).where(here).group_by(gateway.c.complex, complex_.c.name, of.rank)
    found: dict[str, AreaView] = {}
    for row in (await connection.execute(query)).mappings():
        id_ = row["complex"]
        view = found.get(id_, AreaView(id_, "complex", row["name"] or id_, {}))
        found[id_] = msgspec.structs.replace(view, counts={**view.counts, row["rank"]: row["gateways"]})
    return list(found.values())


def _worst_first(view: AreaView) -> tuple[int, int, str]:
    return -view.worst, -view.counts.get(view.worst, 0), view.name

"""The overview: how every complex of a scope stands, and the areas that hold them, the worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from server.store import area_views, overview_rows
from server.store.area_views import AreaView
from server.store.online_rows import Online
from server.store.overview_rows import TOP, Fault, Matters, Place, Where

GATEWAYS_AT_LEAST, DEVICES_AT_LEAST = 0.98, 0.95  # what public video networks are held to: docs/desk.md
ONLINE, FAULTS, TAKEN = timedelta(hours=24), timedelta(days=7), timedelta(days=30)
_NOWHERE = "-"


class Line(NamedTuple):
    """How a complex, or an area, stands. ``p90_s``: until nine in ten of its matters were taken; None: none was."""

    id: str
    kind: str  # district | street | community | none | complex
    name: str
    complexes: int
    online: Online
    matters: Matters
    p90_s: int | None
    faults: Mapping[str, int]  # rule -> how many

    @property
    def top_fault(self) -> tuple[str, int] | None:
        return max(self.faults.items(), key=lambda item: (item[1], item[0]), default=None)

    @property
    def order(self) -> tuple[object, ...]:
        """The worst first: overdue, then how little is online, then how slowly things are taken."""
        shares = [1.0 if share is None else share for share in (self.online.gateways, self.online.devices)]
        return (-self.matters.overdue, *shares, -(self.p90_s or 0), self.name, self.id)


class Overview(NamedTuple):
    """All of it together, the areas right below, the complexes, and what fails most."""

    whole: Line
    areas: Sequence[Line]
    complexes: Sequence[Line]
    rules: Sequence[tuple[str, int]]
    devices: Sequence[Fault]


class _Found(NamedTuple):
    """What the statements gave."""

    places: Sequence[Place]
    online: Mapping[str, Online]
    matters: Mapping[str, Matters]
    p90: Mapping[str, int]
    p90_of_areas: Mapping[str, int]
    p90_of_all: int | None
    faults: Mapping[str, Mapping[str, int]]


async def overview(connection: AsyncConnection, where: Where, areas: Sequence[AreaView], now: datetime) -> Overview:
    """``areas``: all that the person sees. Nine statements, however many complexes there are."""
    since = (now - ONLINE).replace(minute=0, second=0, microsecond=0)
    found = _Found(
        await overview_rows.places(connection, where),
        await overview_rows.online(connection, where, since, now),
        await overview_rows.matters(connection, where),
        await overview_rows.p90(connection, where, now - TAKEN),
        await overview_rows.p90_of_areas(connection, where, now - TAKEN),
        await overview_rows.p90_of_all(connection, where, now - TAKEN),
        await overview_rows.faults(connection, where, now - FAULTS),
    )
    lines = [_of_complex(one, found) for one in found.places]
    whole = _sum("", "", "", lines, found.p90_of_all)
    below = _below(where.area, areas, lines, found)
    devices = await overview_rows.top_devices(connection, where, now - FAULTS)
    ordered = sorted(lines, key=lambda line: line.order)
    return Overview(whole, below, ordered, Counter(whole.faults).most_common(TOP), devices)


def _of_complex(place: Place, found: _Found) -> Line:
    its = (found.online.get(place.id, Online()), found.matters.get(place.id, Matters()), found.p90.get(place.id))
    return Line(place.id, "complex", place.name, 1, *its, found.faults.get(place.id, {}))


def _sum(identity: str, kind: str, name: str, lines: Iterable[Line], p90_s: int | None) -> Line:
    online, matters, faults, many = Online(), Matters(), Counter[str](), 0
    for line in lines:
        online, matters, many = online.plus(line.online), matters.plus(line.matters), many + 1
        faults.update(line.faults)
    return Line(identity, kind, name, many, online, matters, p90_s, faults)


def _below(upper: str, areas: Sequence[AreaView], lines: Sequence[Line], found: _Found) -> list[Line]:
    """The areas right below another; below none the districts, and what lies nowhere yet."""
    child_of = {one.id: child for child in areas if (child.parent or "") == upper for one in _within(child.id, areas)}
    its: dict[str, list[Line]] = {}
    for place, line in zip(found.places, lines, strict=True):
        child = child_of.get(place.area or "")
        if child is not None or (not upper and place.area is None):
            its.setdefault(child.id if child else _NOWHERE, []).append(line)
    named = {one.id: one for one in areas}
    sums = [
        _sum(id_, named[id_].kind, named[id_].name, some, found.p90_of_areas.get(id_))
        for id_, some in its.items()
        if id_ != _NOWHERE
    ]
    if sums and _NOWHERE in its:
        sums.append(_sum(_NOWHERE, "none", "", its[_NOWHERE], None))
    return sorted(sums, key=lambda line: line.order)


def _within(upper: str, areas: Sequence[AreaView]) -> list[AreaView]:
    """An area and all below it."""
    found = [one for one in areas if one.id == upper]
    for child in areas:
        if child.parent == upper:
            found += _within(child.id, areas)
    return found


async def seen_areas(connection: AsyncConnection, where: Where) -> list[AreaView]:
    """The areas that hold something of the scope."""
    return [one for one in await area_views.areas(connection, where.scope) if one.complexes]

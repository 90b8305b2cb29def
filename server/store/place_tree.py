"""Areas by name, for a field to choose one from: a district, its streets, their communities."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.schema import area, area_within, complex_
from server.store.scope import Scope, within

_MOST_DEEP = 8


async def names(connection: AsyncConnection, scope: Scope) -> list[tuple[str, str]]:
    """Id, and the name indented by how deep it lies, each behind what it lies in: of areas with a complex of the scope
    in them; of a city's, all."""
    below: defaultdict[str, list[Any]] = defaultdict(list)
    query = select(area.c.id, area.c.name, area.c.parent).order_by(area.c.name, area.c.id)
    if not scope.is_city:
        seen = select(area_within.c.upper).join(complex_, complex_.c.area == area_within.c.area)
        query = query.where(area.c.id.in_(seen.where(within(complex_.c.id, scope))))
    for row in await connection.execute(query):
        below[row.parent or ""].append(row)
    return list(_walk(below, "", 0))


def _walk(below: dict[str, list[Any]], parent: str, deep: int) -> Iterator[tuple[str, str]]:
    for row in below.get(parent, []) if deep < _MOST_DEEP else []:
        yield row.id, "　" * deep + row.name
        yield from _walk(below, row.id, deep + 1)

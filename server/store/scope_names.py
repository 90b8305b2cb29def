"""Scopes in words that people know: the names of areas and complexes instead of their ids."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.place_tables import area, complex_
from server.store.scope import Scope

_AT_ONCE = 400


async def names_of(connection: AsyncConnection, scopes: Iterable[Scope]) -> dict[str, str]:
    """By the word of each place (``area:ID``, ``complex:ID``), its name; what is not there has none."""
    found: dict[str, str] = {}
    asked = list(scopes)
    places = {"area": (area, {one for scope in asked for one in scope.areas})}
    places["complex"] = (complex_, {one for scope in asked for one in scope.complexes})
    for kind, (table, ids) in places.items():
        known = sorted(ids)
        for start in range(0, len(known), _AT_ONCE):
            query = select(table.c.id, table.c.name).where(table.c.id.in_(known[start : start + _AT_ONCE]))
            found |= {f"{kind}:{row.id}": row.name for row in await connection.execute(query)}
    return found

"""The tree of areas as queries read it: every area with all that it lies in, right after whatever changes the tree."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.place_tables import area, area_within


async def settle(connection: AsyncConnection) -> None:
    """Write ``area_within`` anew from the areas; to be called in every transaction that adds or moves one.

    Three levels and a few thousand rows: writing all of them is simpler than a difference, and cannot be half right.
    """
    await connection.execute(delete(area_within))
    one, two = area.alias(), area.alias()
    for query in (
        select(area.c.id, area.c.id),
        select(one.c.parent, one.c.id).where(one.c.parent.is_not(None)),
        select(two.c.parent, one.c.id).join(two, two.c.id == one.c.parent).where(two.c.parent.is_not(None)),
    ):
        await connection.execute(area_within.insert().from_select(["upper", "area"], query))

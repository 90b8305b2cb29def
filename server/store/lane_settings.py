"""What the newest document says of a complex's lanes: which are exits, and how long a car may take after paying."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.lanes.settings import Lane, Lanes
from server.store import desired_rows

USUAL_S = 900.0  # as a lane has it that says nothing else


async def grace_of(connection: AsyncConnection, complex_id: str) -> timedelta:
    """How long a car may take to leave after paying: the shortest that an exit gives."""
    found = await _lanes(connection, complex_id)
    return timedelta(seconds=min((lane.paid_s for lane in found if lane.direction == "out"), default=USUAL_S))


async def exits_of(connection: AsyncConnection, complex_id: str) -> list[tuple[str, str]]:
    """The lanes by which cars leave: their ids and names."""
    found = await _lanes(connection, complex_id)
    return [(lane.id, lane.name or lane.id) for lane in found if lane.direction == "out"]


async def _lanes(connection: AsyncConnection, complex_id: str) -> tuple[Lane, ...]:
    """As the newest document has them; none where it cannot be read."""
    newest = (await desired_rows.newest_of(connection, [complex_id])).get(complex_id, {})
    if "lanes" not in newest:
        return ()
    found = await desired_rows.document(connection, complex_id, "lanes", newest["lanes"])
    try:
        return msgspec.convert(found.body, Lanes).lanes
    except (msgspec.ValidationError, ValueError):
        return ()

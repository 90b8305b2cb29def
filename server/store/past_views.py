"""How a gateway was over the last week, and its tags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.schema import gateway_past, gateway_tag

MOST_TAGS, MOST_TAG_SIGNS = 20, 40
_WIDE, _HIGH = 336, 40


class Past(msgspec.Struct, frozen=True):
    """A hello of each half hour."""

    at: datetime
    version: str
    lag: int | None
    disk_free: float | None
    clock_ms: float | None
    devices_down: int | None
    dropped: int | None
    head: int


async def past(connection: AsyncConnection, gateway_id: str) -> list[Past]:
    """The oldest first; a week's at most."""
    query = select(gateway_past).where(gateway_past.c.gateway == gateway_id).order_by(gateway_past.c.at)
    rows = (await connection.execute(query)).mappings()
    return [msgspec.convert({name: row[name] for name in Past.__struct_fields__}, Past) for row in rows]


def line(values: Sequence[Past], of: Callable[[Past], float | None]) -> str:
    """Points of an SVG's polyline, the latest at the right; empty where nothing was ever said."""
    said = [(index, number) for index, one in enumerate(values) if (number := of(one)) is not None]
    if len(said) < 2:
        return ""
    low, high = min(number for _, number in said), max(number for _, number in said)
    span = (high - low) or 1
    wide = max(1, len(values) - 1)
    return " ".join(f"{index * _WIDE / wide:.1f},{_HIGH - (number - low) / span * _HIGH:.1f}" for index, number in said)


async def tags(connection: AsyncConnection, gateway_id: str) -> list[str]:
    query = select(gateway_tag.c.tag).where(gateway_tag.c.gateway == gateway_id).order_by(gateway_tag.c.tag)
    return list((await connection.execute(query)).scalars())


async def put_tags(connection: AsyncConnection, gateway_id: str, wanted: Sequence[str]) -> None:
    """These tags, and no others."""
    await connection.execute(delete(gateway_tag).where(gateway_tag.c.gateway == gateway_id))
    if wanted:
        await connection.execute(gateway_tag.insert(), [{"gateway": gateway_id, "tag": tag} for tag in wanted])

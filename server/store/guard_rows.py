"""Guards of a complex: entries of its document ``guards``, which gateways go by."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.guards import Guard, Guards
from server.store import desired_rows

KIND = "guards"


async def of_complex(connection: AsyncConnection, complex_id: str) -> Guards:
    version = (await desired_rows.newest_of(connection, [complex_id])).get(complex_id, {}).get(KIND)
    if version is None:
        return Guards()
    return msgspec.convert((await desired_rows.document(connection, complex_id, KIND, version)).body, Guards)


async def put(connection: AsyncConnection, complex_id: str, guard: Guard, by: str, now: datetime) -> None:
    """Add a guard, or give one another name and PIN. Raises BadDesired."""
    others = [one for one in (await of_complex(connection, complex_id)).guards if one.id != guard.id]
    await _put(connection, complex_id, [*others, guard], by, now)


async def remove(connection: AsyncConnection, complex_id: str, identity: str, by: str, now: datetime) -> bool:
    """Whether there was such a guard."""
    before = (await of_complex(connection, complex_id)).guards
    left = [one for one in before if one.id != identity]
    if len(left) < len(before):
        await _put(connection, complex_id, left, by, now)
    return len(left) < len(before)


async def _put(connection: AsyncConnection, complex_id: str, guards: list[Guard], by: str, now: datetime) -> None:
    body = {"guards": msgspec.to_builtins(sorted(guards, key=lambda one: one.id))}
    await desired_rows.put(connection, complex_id, KIND, body, by, now)

"""Statements on the table screens read: each row says that something changed, not what it is now."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.postgres import lock_live
from server.store.schema import live
from server.store.scope import Scope, within

PLAN = "plan"  # how something stands on a complex's plan; ``ref`` is the complex
# Made once: the hub asks at every ring.
_BEHIND = select(live).where(live.c.position > bindparam("after")).order_by(live.c.position).limit(bindparam("most"))


class LiveRow(msgspec.Struct, frozen=True):
    """Something screens must hear of: ``ref`` names what changed, ``position`` is the SSE event id."""

    position: int
    complex: str
    kind: str
    ref: str
    at: str


async def behind(connection: AsyncConnection, after: int, limit: int) -> list[LiveRow]:
    """The first ``limit`` rows behind a position, in order, of every complex."""
    found = await connection.execute(_BEHIND, {"after": after, "most": limit})
    return [msgspec.convert(row, LiveRow) for row in found.mappings()]


async def missed(connection: AsyncConnection, after: int, upto: int, scope: Scope, limit: int) -> list[LiveRow]:
    """Rows with ``after < position <= upto`` for a screen that comes back, without what it asks for anew by itself."""
    which = (live.c.position > after) & (live.c.position <= upto) & (live.c.kind != PLAN)
    query = select(live).where(which, within(live.c.complex, scope)).order_by(live.c.position).limit(limit)
    return [msgspec.convert(row, LiveRow) for row in (await connection.execute(query)).mappings()]


async def ends(connection: AsyncConnection) -> tuple[int, int]:
    """The oldest and the newest position that are kept; (0, 0) of an empty table."""
    row = (await connection.execute(select(func.min(live.c.position), func.max(live.c.position)))).one()
    return row[0] or 0, row[1] or 0


async def trim(connection: AsyncConnection, upto: int) -> None:
    """Forget rows up to a position: a screen that far behind loads its page anew."""
    await connection.execute(delete(live).where(live.c.position <= upto))


async def announce(connection: AsyncConnection, complex_id: str, kind: str, ref: str, at: str) -> None:
    """Let the screens hear of a change, in the change's own transaction; ring the hub after it."""
    await announce_all(connection, kind, [(complex_id, ref)], at)


async def announce_all(connection: AsyncConnection, kind: str, changed: Sequence[tuple[str, str]], at: str) -> None:
    """The same of several changes, each a complex and what changed there, in order.

    It belongs at the end of a transaction: until that commits, all others that announce anything wait.
    """
    if changed:
        await lock_live(connection)
        rows = [{"complex": complex_id, "kind": kind, "ref": ref, "at": at} for complex_id, ref in changed]
        await connection.execute(live.insert(), rows)

"""What this cell knows of complexes that move: one row each, and who is let in by it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.cells import Whereabouts
from server.store.engine import stamp
from server.store.failures import ComplexMoved
from server.store.schema import complex_move, gateway
from server.store.upsert import insert

State = Literal["closing", "copying", "opening", "moved", "gone", "importing", "open", "writing"]
FIRST_VERSION = 1
_EVERYTHING = 2**63 - 1


class Move(msgspec.Struct, frozen=True):
    """A row of ``complex_move``; the columns are explained there."""

    complex: str
    state: State
    version: int
    cell: str
    url: str = ""
    fingerprint: str = ""
    told: int = 0
    copied: int = 0
    rows_copied: int = 0
    through: int | None = None

    @property
    def has_left(self) -> bool:
        return self.state in ("moved", "gone")

    @property
    def is_coming(self) -> bool:
        return self.state in ("importing", "open", "writing")

    @property
    def whereabouts(self) -> Whereabouts:
        return Whereabouts(self.url, self.fingerprint, self.version)


class MovedAway(Exception):
    """The complex is served by another cell; gateways are told where."""

    def __init__(self, complex_id: str, where: Whereabouts) -> None:
        self.where = where
        super().__init__(f"{complex_id} is served by {where.url} now")


async def of(connection: AsyncConnection, complex_id: str) -> Move | None:
    """What is known of a complex; None of one that was always here."""
    columns = [complex_move.c[name] for name in Move.__struct_fields__]
    row = (await connection.execute(select(*columns).where(complex_move.c.complex == complex_id))).first()
    return None if row is None else Move(*row)


JOINED = [complex_move.c[name].label(f"move_{name}") for name in Move.__struct_fields__]  # for a query of gateways


def joined(row: Any) -> Move | None:
    """What is known of the complex of a row that has these columns, from an outer join."""
    if row.move_complex is None:
        return None
    return Move(*(getattr(row, f"move_{name}") for name in Move.__struct_fields__))


def judge(complex_id: str, move: Move | None) -> None:
    """Whether a gateway is let in. Raises MovedAway, or ComplexMoved while it is neither here nor there."""
    if move is None or move.state == "open":
        return
    if move.has_left:
        raise MovedAway(complex_id, move.whereabouts)
    raise ComplexMoved(f"{complex_id} is moving to another cell; come again")


async def put(connection: AsyncConnection, move: Move, now: datetime) -> None:
    """Keep a row, in place of one that is there."""
    values: dict[str, Any] = {**msgspec.structs.asdict(move), "changed_at": stamp(now)}
    kept = insert(complex_move).values(**values, begun_at=stamp(now))
    await connection.execute(kept.on_conflict_do_update(index_elements=["complex"], set_=values))


async def change(connection: AsyncConnection, complex_id: str, now: datetime, **values: Any) -> None:
    changed = update(complex_move).where(complex_move.c.complex == complex_id)
    await connection.execute(changed.values(**values, changed_at=stamp(now)))


# Asked in every transaction of every reader: made once.
_ADOPTED = select(complex_move.c.complex, complex_move.c.through).where(
    complex_move.c.through.is_not(None) | complex_move.c.state.in_(("importing", "writing"))
)


async def adopted(connection: AsyncConnection) -> Mapping[str, int]:
    """Of each complex that came from another cell: up to which position of the log its batches came with it."""
    rows = await connection.execute(_ADOPTED)
    return {row.complex: _EVERYTHING if row.through is None else row.through for row in rows}


_GATEWAYS_AWAY = (
    select(gateway.c.id)
    .join(complex_move, complex_move.c.complex == gateway.c.complex)
    .where(complex_move.c.state != "open", gateway.c.id.in_(bindparam("ids", expanding=True)))
)


async def gateways_away(connection: AsyncConnection, ids: Collection[str]) -> set[str]:
    """Of these gateways, those whose complex is not served here now."""
    return set((await connection.execute(_GATEWAYS_AWAY, {"ids": list(ids)})).scalars())


async def away(connection: AsyncConnection) -> set[str]:
    """Complexes that are not served here now."""
    rows = await connection.execute(select(complex_move.c.complex).where(complex_move.c.state != "open"))
    return set(rows.scalars())

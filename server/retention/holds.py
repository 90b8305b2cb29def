"""Legal holds: placed and lifted by people, with a reason and a document; what is held is neither let go nor erased."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import RowMapping, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.retention import Hold
from server.audit import Actor, command_line
from server.cells.moves import away
from server.retention.noted import note
from server.store.engine import stamp, unstamp
from server.store.retention_tables import legal_hold

_CRITERIA = ("complex", "plate", "card", "person", "device")


class NoHold(Exception):
    """There is no such hold, or it is lifted already."""


class Placed(msgspec.Struct, frozen=True):
    """A hold as it stands in the table. ``ends_at``: it is lifted by itself then."""

    number: int
    hold: Hold
    reason: str
    document: str
    placed_by: str
    placed_at: str
    ends_at: str | None = None
    lifted_at: str | None = None
    lifted_by: str | None = None
    lifted_why: str | None = None

    def is_in_force(self, now: datetime) -> bool:
        return self.lifted_at is None and (self.ends_at is None or self.ends_at > stamp(now))


class Why(msgspec.Struct, frozen=True):
    """On whose word: never without a reason and the document that it rests on."""

    reason: str
    document: str
    by: str
    actor: Actor | None = None  # who asks, where it is a person on a page; else whoever types

    @property
    def who(self) -> Actor:
        return self.actor or command_line(self.by)

    def __post_init__(self) -> None:
        missing = [name for name in ("reason", "document", "by") if not getattr(self, name).strip()]
        if missing:
            raise ValueError(f"{' and '.join(missing)} must be said")


async def place(
    connection: AsyncConnection, hold: Hold, why: Why, now: datetime, ends_at: datetime | None = None
) -> int:
    """Put a hold in force; its number. Raises ValueError for one that ends before it begins."""
    if ends_at is not None and ends_at <= now:
        raise ValueError(f"a hold that ends at {stamp(ends_at)} is over already")
    values = {name: getattr(hold, name) for name in _CRITERIA}
    times = {name: time and stamp(time) for name, time in (("since", hold.since), ("until", hold.until))}
    said = {"reason": why.reason, "document": why.document, "placed_by": why.by, "placed_at": stamp(now)}
    row = {**values, **times, **said, "ends_at": ends_at and stamp(ends_at)}
    number = (await connection.execute(legal_hold.insert().values(**row).returning(legal_hold.c.number))).scalar_one()
    await note(connection, "hold_placed", why.who, {"number": number, "document": why.document}, now, why.reason)
    return number


async def lift(connection: AsyncConnection, number: int, why: Why, now: datetime) -> None:
    """End a hold; what it held goes with the next round, if its term is over. Raises NoHold."""
    lifted = {"lifted_at": stamp(now), "lifted_by": why.by, "lifted_why": f"{why.reason} ({why.document})"}
    same = (legal_hold.c.number == number, legal_hold.c.lifted_at.is_(None))
    if not (await connection.execute(update(legal_hold).where(*same).values(**lifted))).rowcount:
        raise NoHold(f"no hold {number} is in force")
    await note(connection, "hold_lifted", why.who, {"number": number, "document": why.document}, now, why.reason)


async def in_force(connection: AsyncConnection, now: datetime) -> list[Placed]:
    """The holds that hold now, the oldest first."""
    ends = or_(legal_hold.c.ends_at.is_(None), legal_hold.c.ends_at > stamp(now))
    query = select(legal_hold).where(legal_hold.c.lifted_at.is_(None), ends).order_by(legal_hold.c.number)
    return [_placed(row) for row in (await connection.execute(query)).mappings()]


async def all_of(connection: AsyncConnection, limit: int = 500) -> list[Placed]:
    """Every hold there was, the newest first."""
    query = select(legal_hold).order_by(legal_hold.c.number.desc()).limit(limit)
    return [_placed(row) for row in (await connection.execute(query)).mappings()]


async def that_keep(connection: AsyncConnection, now: datetime) -> list[Hold]:
    """What nothing may go of: what is held, and complexes that move to another cell, or have, and are fenced off."""
    moving = [Hold(complex=name) for name in sorted(await away(connection))]
    return [*holds_of(await in_force(connection, now)), *moving]


def holds_of(placed: Sequence[Placed]) -> list[Hold]:
    return [one.hold for one in placed]


def _placed(row: RowMapping) -> Placed:
    values = dict(row.items())
    words = {name: values.pop(name) for name in _CRITERIA}
    since, until = (text and unstamp(text) for text in (values.pop("since"), values.pop("until")))
    return Placed(hold=Hold(**words, since=since, until=until), **values)  # type: ignore[arg-type]

"""Statements on items: the one record, written with the line of each act, in the turn of its complex."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.items.item import Item, decode_item, encode_item
from domain.items.views import list_of
from server.store.engine import stamp
from server.store.item_tables import item, item_act, item_picture
from server.store.upsert import insert

BLANK = "（已删除）"


class Line(msgspec.Struct, frozen=True):
    """What somebody did, as the history of an item has it."""

    at: datetime
    by: str
    role: str
    what: str
    unit: str = ""
    words: str = ""


class Kept(msgspec.Struct, frozen=True):
    """What a row has beside the record itself. ``code`` is a digest."""

    snap: str | None = None
    code: str | None = None
    phone: str | None = None


NOTHING = Kept()


async def add(connection: AsyncConnection, one: Item, line: Line, kept: Kept = NOTHING) -> bool:
    """A new item with its first line; whether it is new: an id or a code that is there already names what is there."""
    values = {"id": one.id, "complex": one.complex, "origin": one.origin, "asked_at": stamp(one.asked.at)}
    values |= {"place": one.asked.place, "alert": one.asked.alert or None, **msgspec.structs.asdict(kept)}
    adding = insert(item).values(**values, **_told(one, line.at)).on_conflict_do_nothing()
    if (await connection.execute(adding.returning(item.c.id))).first() is None:
        return False
    await _keep_pictures(connection, one, "asked", one.asked.pictures)
    await _add_line(connection, one, line)
    return True


async def save(connection: AsyncConnection, one: Item, line: Line) -> None:
    """The item after an act, and the line of the act."""
    await connection.execute(update(item).where(item.c.id == one.id).values(**_told(one, line.at)))
    if one.done is not None:
        await _keep_pictures(connection, one, "done", one.done.pictures)
    await _add_line(connection, one, line)


def _told(one: Item, now: datetime) -> dict[str, Any]:
    """What the row says of its state, to be looked for."""
    done, over = one.done.at if one.done else None, one.over_at
    return {
        "list": list_of(one),
        "category": one.category,
        "status": one.status,
        "unit": one.unit,
        "doer": one.doer,
        "due_at": stamp(one.due_at),
        "done_at": stamp(done) if done else None,
        "over_at": stamp(over) if over else None,
        "stars": one.rated.stars if one.rated else None,
        "state": encode_item(one),
        "updated_at": stamp(now),
    }


async def _keep_pictures(connection: AsyncConnection, one: Item, purpose: str, names: Sequence[str]) -> None:
    for sha256 in names:
        values = {"item": one.id, "sha256": sha256, "complex": one.complex, "purpose": purpose}
        await connection.execute(insert(item_picture).values(**values).on_conflict_do_nothing())


async def _add_line(connection: AsyncConnection, one: Item, line: Line) -> None:
    query = select(func.coalesce(func.max(item_act.c.number), 0)).where(item_act.c.item == one.id)
    number = (await connection.execute(query)).scalar_one() + 1
    said = msgspec.structs.asdict(line) | {"at": stamp(line.at)}
    await connection.execute(item_act.insert().values(item=one.id, number=number, complex=one.complex, **said))


async def state_of(connection: AsyncConnection, identity: str) -> Item | None:
    body = (await connection.execute(select(item.c.state).where(item.c.id == identity))).scalar()
    return None if body is None else decode_item(body)


async def lines_of(connection: AsyncConnection, identity: str) -> list[Line]:
    """Every act, in the order of doing."""
    columns = [item_act.c[name] for name in Line.__struct_fields__]
    query = select(*columns).where(item_act.c.item == identity).order_by(item_act.c.number)
    return [msgspec.convert(row, Line) for row in (await connection.execute(query)).mappings()]


async def newest_line(connection: AsyncConnection, identity: str) -> tuple[int, Line]:
    """What was done to an item last, and its number among its acts."""
    columns = [item_act.c[name] for name in ("number", *Line.__struct_fields__)]
    query = select(*columns).where(item_act.c.item == identity).order_by(item_act.c.number.desc()).limit(1)
    row = (await connection.execute(query)).mappings().one()
    return row["number"], msgspec.convert(row, Line)


async def reported_since(connection: AsyncConnection, snap: str, since: datetime) -> int:
    """How many were reported by the code of a place."""
    query = select(func.count()).select_from(item).where(item.c.snap == snap, item.c.asked_at >= stamp(since))
    return (await connection.execute(query)).scalar_one()

"""What goes of an item: a telephone first, then words and pictures; that there was one, and how long it took, stays."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.items.item import Done, Item, decode_item, encode_item, replace
from server.store import item_step_rows
from server.store.engine import stamp
from server.store.item_rows import BLANK
from server.store.item_tables import item, item_act, item_picture


async def forget_phones(connection: AsyncConnection, before: datetime, held: list[str], limit: int) -> int:
    """Telephones of who reported what was over before then; how many."""
    old = (item.c.over_at < stamp(before), item.c.phone.is_not(None), item.c.complex.not_in(held))
    names = (await connection.execute(select(item.c.id).where(*old).limit(limit))).scalars().all()
    await connection.execute(update(item).where(item.c.id.in_(names)).values(phone=None))
    return len(names)


async def blank_old(connection: AsyncConnection, before: datetime, held: list[str], now: datetime, limit: int) -> int:
    """Words and pictures of what was over before then; how many. What changes meanwhile waits for the next round."""
    old = (item.c.over_at < stamp(before), item.c.blanked_at.is_(None), item.c.complex.not_in(held))
    rows = (await connection.execute(select(item.c.state, item.c.updated_at).where(*old).limit(limit))).all()
    gone = 0
    for row in rows:
        gone += await blank(connection, decode_item(row.state), now, seen=row.updated_at)
    return gone


async def blank(connection: AsyncConnection, one: Item, now: datetime, seen: str = "") -> bool:
    """Every word that somebody typed, the telephone and the pictures; whether it was. ``seen``: only where nothing was
    done to it since then."""
    values: dict[str, Any] = {"state": encode_item(blanked(one)), "phone": None, "place": "", "blanked_at": stamp(now)}
    same = [item.c.id == one.id, *([item.c.updated_at == seen] if seen else [])]
    if (await connection.execute(update(item).where(*same).values(**values))).rowcount == 0:
        return False
    await connection.execute(update(item_act).where(item_act.c.item == one.id).values(words=BLANK))
    await connection.execute(delete(item_picture).where(item_picture.c.item == one.id))
    if not one.is_open:
        await item_step_rows.forget(connection, one.id)
    return True


async def pictures_alone(connection: AsyncConnection, identity: str) -> list[str]:
    """An item's pictures that no other item of its complex has."""
    other = item_picture.alias("other")
    same = (other.c.complex == item_picture.c.complex, other.c.sha256 == item_picture.c.sha256)
    shared = exists().where(*same, other.c.item != identity)
    query = select(item_picture.c.sha256).where(item_picture.c.item == identity, ~shared)
    return list((await connection.execute(query)).scalars())


def blanked(one: Item) -> Item:
    """The record without what people wrote and showed; who did what when stays."""
    return replace(
        one,
        asked=replace(one.asked, words=BLANK, place="", pictures=()),
        past=tuple(_done(done) for done in one.past),
        done=_done(one.done) if one.done else None,
        reviews=tuple(replace(review, words=BLANK) for review in one.reviews),
        rated=replace(one.rated, words=BLANK) if one.rated else None,
        over_words=BLANK if one.over_words else "",
    )


def _done(done: Done) -> Done:
    return replace(done, words=BLANK, pictures=())

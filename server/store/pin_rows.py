"""Where things are on a plan: pins placed, moved and taken off, and who must hear that something stands otherwise."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.engine import stamp
from server.store.live_rows import PLAN, announce_all
from server.store.place_rows import NotPossible
from server.store.plan_tables import pin, site_plan
from server.store.upsert import insert

MOST_PINS = 2_000  # of one plan
WHOLE = 1_000  # thousandths


class Pin(msgspec.Struct, frozen=True):
    """Where something is on a plan: thousandths of the picture from its left and its top."""

    plan: str
    device: str
    point: str
    x: int
    y: int


async def pins_of(connection: AsyncConnection, complex_id: str) -> list[Pin]:
    """The pins of all plans of a complex that are not removed."""
    columns = (pin.c.plan, pin.c.device, pin.c.point, pin.c.x, pin.c.y)
    query = select(*columns).join(site_plan, site_plan.c.id == pin.c.plan)
    query = query.where(pin.c.complex == complex_id, site_plan.c.removed_at.is_(None))
    rows = await connection.execute(query.order_by(pin.c.plan, pin.c.device, pin.c.point))
    return [msgspec.convert(row, Pin) for row in rows.mappings()]


async def place(connection: AsyncConnection, complex_id: str, at: Pin, by: str, now: datetime) -> None:
    """Put a thing on a plan of the complex, or move it there. Raises NotPossible."""
    if not (0 <= at.x <= WHOLE and 0 <= at.y <= WHOLE):
        raise NotPossible("bad_spot", f"{at.x}, {at.y}: thousandths lie between 0 and {WHOLE}")
    others = (pin.c.plan == at.plan, or_(pin.c.device != at.device, pin.c.point != at.point))
    if (await connection.execute(select(func.count()).where(*others))).scalar_one() >= MOST_PINS:
        raise NotPossible("too_many_pins", f"{MOST_PINS} pins are on this plan")
    said = {"x": at.x, "y": at.y, "placed_at": stamp(now), "placed_by": by}
    key = {"complex": complex_id, "plan": at.plan, "device": at.device, "point": at.point}
    statement = insert(pin).values(**key, **said)
    await connection.execute(statement.on_conflict_do_update(index_elements=["plan", "device", "point"], set_=said))


async def take_off(connection: AsyncConnection, complex_id: str, plan: str, device: str, point: str) -> bool:
    """Whether it was there."""
    same = (pin.c.complex == complex_id, pin.c.plan == plan, pin.c.device == device, pin.c.point == point)
    return bool((await connection.execute(delete(pin).where(*same))).rowcount)


async def announce_to_plans(connection: AsyncConnection, complexes: Collection[str], at: str) -> None:
    """Let screens that show a plan of one of these complexes ask for it anew; where nothing is pinned nobody need."""
    if not complexes:
        return
    query = select(pin.c.complex).where(pin.c.complex.in_(sorted(complexes))).distinct()
    shown = sorted((await connection.execute(query)).scalars())
    await announce_all(connection, PLAN, [(one, one) for one in shown], at)

"""Site plans as people keep them: made, named, given a picture, taken away and put back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.engine import stamp
from server.store.place_rows import NotPossible, checked_name, new_id
from server.store.place_tables import building
from server.store.plan_tables import pin, site_plan

DRAWN = "drawn"  # what stands for the plan of a complex that has none yet
MOST_PLANS = 300  # of one complex
KEPT_FOR = timedelta(days=30)  # a removed plan can be put back
_MOST_RANK = 9_999


class SitePlan(msgspec.Struct, frozen=True):
    """A plan; without a picture, the schematic that the server draws."""

    id: str
    complex: str
    name: str
    rank: int = 0
    building: str | None = None
    building_name: str | None = None
    picture: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    removed_at: datetime | None = None

    @property
    def is_kept(self) -> bool:
        """Whether there is a row of it: the plan that stands for none has none."""
        return self.id != DRAWN


async def plans_of(connection: AsyncConnection, complex_id: str) -> list[SitePlan]:
    """In their order; those that are removed too, and can be put back."""
    query = select(site_plan, building.c.name.label("building_name"))
    query = query.outerjoin(building, building.c.id == site_plan.c.building).where(site_plan.c.complex == complex_id)
    rows = await connection.execute(query.order_by(site_plan.c.rank, site_plan.c.name, site_plan.c.id))
    return [msgspec.convert(row, SitePlan) for row in rows.mappings()]


async def add(connection: AsyncConnection, complex_id: str, name: str, place: str, by: str, now: datetime) -> str:
    """A new plan behind the others; its id. ``place``: its building, "" for the whole complex. Raises NotPossible."""
    here = site_plan.c.complex == complex_id
    columns = (func.count(), func.max(site_plan.c.rank))
    count, last = (await connection.execute(select(*columns).where(here))).one()
    if count >= MOST_PLANS:
        raise NotPossible("too_many_plans", f"{MOST_PLANS} plans are kept of {complex_id}, removed ones among them")
    rank = min(_MOST_RANK, 1 + (last or 0))
    row = {"id": new_id("plan"), "complex": complex_id, "name": checked_name(name), "rank": rank}
    row["building"] = await _checked_building(connection, complex_id, place)
    await connection.execute(site_plan.insert().values(**row, made_at=stamp(now), made_by=by))
    return str(row["id"])


async def ensured(connection: AsyncConnection, complex_id: str, plan: str, name: str, by: str, now: datetime) -> str:
    """The plan, or where it is the one that stands for none: a real one in its place. Raises NotPossible."""
    if plan != DRAWN:
        await _need(connection, complex_id, plan)
        return plan
    live = [one for one in await plans_of(connection, complex_id) if one.removed_at is None]
    return live[0].id if live else await add(connection, complex_id, name, "", by, now)


async def describe(connection: AsyncConnection, complex_id: str, plan: str, name: str, rank: int, place: str) -> None:
    """A plan's name, its place in the order, and what it is of. Raises NotPossible."""
    if not 0 <= rank <= _MOST_RANK:
        raise NotPossible("bad_rank", f"{rank}: an order lies between 0 and {_MOST_RANK}")
    of = await _checked_building(connection, complex_id, place)
    await _change(connection, complex_id, plan, name=checked_name(name), rank=rank, building=of)


async def show(
    connection: AsyncConnection, complex_id: str, plan: str, picture: str | None, size: tuple[int | None, int | None]
) -> None:
    """Give a plan another picture, or none; its pins stay where they are. Raises NotPossible."""
    await _change(connection, complex_id, plan, picture=picture, width_px=size[0], height_px=size[1])


async def remove(connection: AsyncConnection, complex_id: str, plan: str, now: datetime) -> None:
    """Raises NotPossible."""
    await _change(connection, complex_id, plan, removed_at=stamp(now))


async def put_back(connection: AsyncConnection, complex_id: str, plan: str) -> None:
    """Raises NotPossible."""
    same = (site_plan.c.id == plan, site_plan.c.complex == complex_id, site_plan.c.removed_at.is_not(None))
    if not (await connection.execute(update(site_plan).where(*same).values(removed_at=None))).rowcount:
        raise NotPossible("no_plan", f"no removed plan {plan!r} is kept")


async def forget_removed(connection: AsyncConnection, now: datetime, at_once: int) -> int:
    """Let go of plans that were removed long ago, and of their pins; how many."""
    old = select(site_plan.c.id).where(site_plan.c.removed_at < stamp(now - KEPT_FOR)).limit(at_once)
    names = (await connection.execute(old)).scalars().all()
    await connection.execute(delete(pin).where(pin.c.plan.in_(names)))
    await connection.execute(delete(site_plan).where(site_plan.c.id.in_(names)))
    return len(names)


async def _change(connection: AsyncConnection, complex_id: str, plan: str, **values: Any) -> None:
    await _need(connection, complex_id, plan)
    await connection.execute(update(site_plan).where(site_plan.c.id == plan).values(**values))


async def _need(connection: AsyncConnection, complex_id: str, plan: str) -> None:
    same = (site_plan.c.id == plan, site_plan.c.complex == complex_id, site_plan.c.removed_at.is_(None))
    if (await connection.execute(select(site_plan.c.id).where(*same))).first() is None:
        raise NotPossible("no_plan", f"there is no plan {plan!r} of {complex_id}")


async def _checked_building(connection: AsyncConnection, complex_id: str, place: str) -> str | None:
    if not place:
        return None
    same = (building.c.id == place, building.c.complex == complex_id)
    if (await connection.execute(select(building.c.id).where(*same))).first() is None:
        raise NotPossible("no_building", f"{place!r} is no building of {complex_id}")
    return place

"""What pages and workbooks show of items, within the asking person's scope."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.items.figures import Closed
from domain.items.item import OVER, Item, Status, decode_item
from domain.items.views import List, is_late
from server.store.engine import stamp, unstamp
from server.store.item_tables import item
from server.store.schema import complex_
from server.store.scope import Scope, within

MOST_COUNTED = 50_000
_COLUMNS = ("id", "complex", "list", "place", "alert", "phone", "state", "blanked_at")
STATES: Mapping[str, tuple[Status, ...]] = {
    "open": ("asked", "sent", "taken", "done"),
    "over": tuple(sorted(OVER)),
    **{one: (one,) for one in ("asked", "sent", "taken", "done", "closed", "refused", "withdrawn")},
}


class ItemView(msgspec.Struct, frozen=True):
    """An item as a list shows it, and its page."""

    id: str
    complex: str
    complex_name: str | None
    timezone: str | None
    list: str
    place: str
    alert: str | None
    phone: str | None
    blanked_at: datetime | None
    item: Item

    def is_late(self, now: datetime) -> bool:
        return is_late(self.item, now)


class ItemFilter(msgspec.Struct, frozen=True):
    """Nothing said asks nothing. ``state``: of STATES; ``late``: due before now, and not done; ``before``: a page's
    last row, as the moment it was asked and its id."""

    list: List | None = None
    state: str = ""
    complex: str = ""
    category: str = ""
    unit: str = ""
    doer: str = ""
    alert: str = ""
    late_at: datetime | None = None
    before: tuple[str, str] | None = None


async def page(connection: AsyncConnection, scope: Scope, chosen: ItemFilter, limit: int) -> list[ItemView]:
    """The newest first."""
    query = _all().where(within(item.c.complex, scope), *_asked(chosen))
    rows = await connection.execute(query.order_by(item.c.asked_at.desc(), item.c.id.desc()).limit(limit))
    return [_view(row) for row in rows.mappings()]


def _all() -> Any:
    columns = [item.c[name] for name in _COLUMNS]
    query = select(*columns, complex_.c.name.label("complex_name"), complex_.c.timezone)
    return query.outerjoin(complex_, complex_.c.id == item.c.complex)


def _asked(chosen: ItemFilter) -> list[ColumnElement[bool]]:
    asked: list[ColumnElement[bool]] = []
    for name in ("list", "complex", "category", "unit", "doer", "alert"):
        if getattr(chosen, name):
            asked.append(item.c[name] == getattr(chosen, name))
    if chosen.state in STATES:
        asked.append(item.c.status.in_(STATES[chosen.state]))
    if chosen.late_at is not None:
        asked.append(_late(chosen.late_at))
    if chosen.before is not None:
        at, identity = chosen.before
        asked.append(or_(item.c.asked_at < at, and_(item.c.asked_at == at, item.c.id < identity)))
    return asked


def _late(now: datetime) -> ColumnElement[bool]:
    """What is due and not done, or was done too late."""
    waits = and_(item.c.done_at.is_(None), item.c.over_at.is_(None), item.c.due_at < stamp(now))
    return or_(waits, item.c.done_at > item.c.due_at)


def _view(row: Any) -> ItemView:
    said = {name: row[name] for name in ItemView.__struct_fields__ if name != "item"}
    said["blanked_at"] = unstamp(row["blanked_at"]) if row["blanked_at"] else None
    return ItemView(**said, item=decode_item(row["state"]))


async def one(connection: AsyncConnection, scope: Scope, identity: str) -> ItemView | None:
    query = _all().where(item.c.id == identity, within(item.c.complex, scope))
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _view(row)


async def by_ids(connection: AsyncConnection, ids: Collection[str]) -> dict[str, ItemView]:
    """Whosever they are: for notices to those who were found to see them."""
    if not ids:
        return {}
    rows = await connection.execute(_all().where(item.c.id.in_(sorted(ids))))
    return {view.id: view for view in map(_view, rows.mappings())}


async def of_code(connection: AsyncConnection, digest: str) -> ItemView | None:
    """What was reported under a code: whoever has it sees that one, and nothing else."""
    row = (await connection.execute(_all().where(item.c.code == digest))).mappings().first()
    return None if row is None else _view(row)


async def of_alert(connection: AsyncConnection, scope: Scope, alert: str) -> list[ItemView]:
    """The tasks that were made of an alert, the newest first."""
    query = _all().where(item.c.alert == alert, within(item.c.complex, scope))
    rows = await connection.execute(query.order_by(item.c.asked_at.desc(), item.c.id).limit(20))
    return [_view(row) for row in rows.mappings()]


async def tallies(
    connection: AsyncConnection, scope: Scope, complex_id: str, now: datetime
) -> dict[str, tuple[int, int]]:
    """Of each list how many are open, and how many of those late."""
    is_open = (within(item.c.complex, scope), item.c.over_at.is_(None))
    late = func.sum(case((_late(now), 1), else_=0))
    query = select(item.c.list, func.count(), late).where(*is_open).group_by(item.c.list)
    if complex_id:
        query = query.where(item.c.complex == complex_id)
    return {row[0]: (row[1], int(row[2] or 0)) for row in await connection.execute(query)}


async def closed(
    connection: AsyncConnection, scope: Scope, since: datetime, until: datetime, complex_id: str = ""
) -> list[Closed]:
    """What was closed within, as far as it is counted; the newest MOST_COUNTED."""
    within_ = (item.c.over_at >= stamp(since), item.c.over_at < stamp(until), item.c.status == "closed")
    names = ("category", "asked_at", "done_at", "due_at", "stars")
    query = select(*(item.c[name] for name in names)).where(*within_, within(item.c.complex, scope))
    if complex_id:
        query = query.where(item.c.complex == complex_id)
    rows = await connection.execute(query.order_by(item.c.over_at.desc()).limit(MOST_COUNTED))
    return [msgspec.convert(row, Closed) for row in rows.mappings()]

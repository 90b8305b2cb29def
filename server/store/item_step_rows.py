"""Steps of items beside those of matters: of ``item:ID``, so that one outbox, one budget and one record serve both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.words import Severity
from domain.duty.plan import Level
from domain.items.telling import ItemWhy
from server.store.channel_tables import duty_delivery
from server.store.duty_tables import duty_step
from server.store.engine import stamp
from server.store.item_tables import item_act
from server.store.upsert import insert

_PREFIX = "item:"
_VOID = "void"


class ItemStep(NamedTuple):
    """Somebody is to be told of an item. ``revision``: the number of the act that made it theirs."""

    item: str
    revision: int
    number: int
    complex: str
    level: Level
    person: str
    why: ItemWhy
    unit: str = ""


def named(item: str) -> str:
    """An item as steps and deliveries call it."""
    return _PREFIX + item


def item_of(incident: str) -> str | None:
    """The item that steps are of; None where they are of a matter."""
    return incident.removeprefix(_PREFIX) if incident.startswith(_PREFIX) else None


async def add(connection: AsyncConnection, steps: Sequence[ItemStep], severity: Severity, now: datetime) -> None:
    """Each once, whoever writes it again."""
    for one in steps:
        said = {name: value for name, value in one._asdict().items() if name != "item"}
        values = {**said, "incident": named(one.item), "severity": severity, "at": stamp(now)}
        await connection.execute(insert(duty_step).values(**values).on_conflict_do_nothing())


async def void(connection: AsyncConnection, item: str) -> None:
    """What nobody was told of yet is not told any more."""
    waits = (duty_step.c.incident == named(item), duty_step.c.sent_at.is_(None), duty_step.c.dropped.is_(None))
    await connection.execute(update(duty_step).where(*waits).values(dropped=_VOID))


async def may_send(connection: AsyncConnection, item: str, revision: int) -> bool:
    """Asked at the moment of sending: whether nothing was done to the item since."""
    query = select(func.max(item_act.c.number)).where(item_act.c.item == item)
    return (await connection.execute(query)).scalar() == revision


async def forget(connection: AsyncConnection, item: str) -> None:
    """Who was told of an item, by what."""
    for table in (duty_delivery, duty_step):
        await connection.execute(delete(table).where(table.c.incident == named(item)))

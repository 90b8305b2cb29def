"""What is done to items: the record, the line of its history and the audit's row, in one transaction of its complex."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.duty.plan import LEVELS
from domain.items import acts
from domain.items.acts import Act
from domain.items.categories import due_at, office_hours
from domain.items.item import Item, apply
from domain.places import Place
from domain.tariff.calendar import Calendar
from server.audit import Actor, Subject, record
from server.duty.duties import LEVEL_OF, Duties
from server.item_telling import tell
from server.rule_book import rules_of
from server.store import item_rows, rule_rows
from server.store.engine import Database
from server.store.item_rows import NOTHING, Kept, Line

# What the audit and the history call an act.
WORDS: dict[type[Act], str] = {
    acts.Send: "sent",
    acts.Take: "taken",
    acts.HandOver: "handed_over",
    acts.GiveBack: "given_back",
    acts.Finish: "finished",
    acts.Review: "reviewed",
    acts.Rate: "rated",
    acts.Withdraw: "withdrawn",
    acts.Refuse: "refused",
}


async def add(
    db: Database,
    duties: Duties,
    by: Actor,
    one: Item,
    now: datetime,
    *,
    kept: Kept = NOTHING,
    first: Sequence[Act] = (),
) -> bool:
    """A new item, what is done to it at once, and who is told; whether it is new: a code is used once. Raises
    Refused."""
    async with db.write(one.complex) as connection:
        line = Line(now, one.asked.by, by.role, one.origin, words=one.asked.words)
        if not await item_rows.add(connection, one, line, kept):
            return False
        what = "item.reported" if one.origin == "report" else "item.made"
        told = {"origin": one.origin, "category": one.category}
        record(connection, by, what, now, on=Subject("item", one.id), complex_id=one.complex, details=told)
        for act in first:
            one = await _done(connection, by, one, act, now)
        await tell(connection, duties, one, now)
    return True


async def act(
    db: Database, duties: Duties, by: Actor, complex_id: str, identity: str, act: Act, now: datetime
) -> Item | None:
    """The item after an act; None where it is gone. Raises Refused; an act that comes twice is done once."""
    async with db.write(complex_id) as connection:
        one = await item_rows.state_of(connection, identity)
        if one is None:
            return None
        after = await _done(connection, by, one, act, now)
        if after is not one:
            await tell(connection, duties, after, now)
        return after


def would(one: Item, act: Act) -> None:
    """Raises Refused where the act is not possible as the item stands; nothing is done."""
    apply(one, act, one.asked.at)


async def _done(connection: AsyncConnection, by: Actor, one: Item, act: Act, now: datetime) -> Item:
    after = apply(one, act, now)
    if after is one:
        return one
    what, unit, words = WORDS[type(act)], getattr(act, "unit", ""), getattr(act, "words", "")
    if isinstance(act, acts.Review) and not act.passed:
        what = "sent_back"
    await item_rows.save(connection, after, Line(now, act.by, by.role, what, unit, words))
    told = {"unit": unit} if unit else None
    record(connection, by, f"item.{what}", now, on=Subject("item", one.id), complex_id=one.complex, details=told)
    return after


async def due_of(
    connection: AsyncConnection, duties: Duties, complex_id: str, category: str, asked_at: datetime
) -> datetime:
    """Until when an item of a category is to be done, by the ladder's working hours and the calendar of the complex's
    rules."""
    machine = await duties.of(connection, complex_id)
    published = (await rule_rows.newest_of(connection, [complex_id])).get(complex_id)
    place = machine.place if published is None else _dated(machine.place, published[1])
    return due_at(category, asked_at, office_hours(machine.plan), place)


def _dated(place: Place, rules: bytes) -> Place:
    """The place, by the calendar of its rules where they have one."""
    days = rules_of(rules).known.calendar
    return msgspec.structs.replace(place, calendar=Calendar(days)) if days else place


def is_of_unit(role: str, unit: str) -> bool:
    """Whether who has a role may take what a unit answers for: of a level, its own people; of a unit without accounts,
    whoever answers."""
    return role == "operator" or unit not in LEVELS or LEVEL_OF.get(role) == unit

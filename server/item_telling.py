"""Steps of items: whoever is to take one is told by the ladder's outbox, once a turn; what changed since is void."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.duty.plan import Level
from domain.items.item import Item
from domain.items.telling import Call, call_of, severity_of
from server.duty.duties import LEVEL_OF, Duties, Machine
from server.store import duty_views, item_rows, item_step_rows, person_channel_rows
from server.store.item_step_rows import ItemStep

_LEVELS: Mapping[str, Level] = {level: level for level in LEVEL_OF.values()}
_MOST_TOLD = 20  # of who dispatches; a number of its own for each, within the act


async def tell(connection: AsyncConnection, duties: Duties, one: Item, now: datetime) -> None:
    """In the transaction of the act: who was to be told before it and was not, is not; who is now, will be."""
    number, line = await item_rows.newest_line(connection, one.id)
    await item_step_rows.void(connection, one.id)
    call = call_of(one, line.what)
    if call is None:
        return
    whom = await _whom(connection, await duties.of(connection, one.complex), one, call, line.by, now)
    steps = [
        ItemStep(one.id, number, number * _MOST_TOLD + index, one.complex, level, person, call.why, call.unit)
        for index, (level, person) in enumerate(whom)
    ]
    await item_step_rows.add(connection, steps, severity_of(one.category), now)


async def _whom(
    connection: AsyncConnection, machine: Machine, one: Item, call: Call, by: str, now: datetime
) -> Sequence[tuple[Level, str]]:
    if call.why == "item_back":
        return [("complex", call.person)]
    if call.why in ("item_new", "item_review"):
        but = {by} if call.why == "item_new" else {by, one.asked.by, *one.doers}  # nobody reviews their own
        dispatchers = await _dispatchers(connection, one.complex, but)
        return [("complex", name) for name in dispatchers] or [_at(machine, "community", but, now)]
    return [_at(machine, _LEVELS.get(call.unit, "complex"), {by}, now)]


def _at(machine: Machine, level: Level, but: Collection[str], now: datetime) -> tuple[Level, str]:
    """Who is on duty there by the rota, else its desk; nobody is told of what they did themselves."""
    persons = machine.rota.on_duty(level, now, machine.place)
    return level, next((person for person in persons if person not in but), "")


async def _dispatchers(connection: AsyncConnection, complex_id: str, but: Collection[str]) -> list[str]:
    """The committee's, who have chosen how they are told; where none has, one of them: a robot that all read says it
    once."""
    people = await duty_views.answerers(connection, complex_id, ("committee",))
    names = [one.username for one in people if one.username not in but]
    choosy = await person_channel_rows.who_chose(connection, names)
    return [name for name in names if name in choosy][:_MOST_TOLD] or names[:1]

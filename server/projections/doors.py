"""Doors folded from the log: each one's last state, last access, how many were let in or not; devices beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from server.batches import Batch, facts_of
from server.facts import Fact
from server.projections import device_states
from server.store.bulk import insert, look_up, upsert
from server.store.engine import stamp
from server.store.pin_rows import announce_to_plans
from server.store.schema import DOOR_TABLES, door, door_fact

_KINDS = frozenset({"door", "access"})
_COUNTED = frozenset({"granted", "denied"})
_KEY = {"complex": "varchar", "device": "varchar", "point": "varchar"}
Key = tuple[str, str, str]


class Door(msgspec.Struct, gc=False):
    """A row of the table, its fields in the order of the columns."""

    complex: str
    device: str
    point: str
    place: str | None = None
    state: str | None = None
    state_at: str | None = None
    last_result: str | None = None
    last_method: str | None = None
    last_access_at: str | None = None
    granted: int = 0
    denied: int = 0


LATEST = ("place", "state", "state_at", "last_result", "last_method", "last_access_at")  # all but what is counted
_COLUMNS = Door.__struct_fields__
_DOORS = f"""SELECT {", ".join(f"door.{name}" for name in _COLUMNS)} FROM wanted CROSS JOIN door
WHERE door.complex = wanted.complex AND door.device = wanted.device AND door.point = wanted.point"""  # noqa: S608
_COUNTED_BEFORE = "SELECT door_fact.id FROM wanted CROSS JOIN door_fact WHERE door_fact.id = wanted.id"


class Doors:
    """The doors projection: one row a door, whatever order its facts arrive in.

    A state that comes twice changes nothing by itself; of what is counted the ids are kept. Where a plan shows it, what
    changed is announced; ``now`` is None while it is rebuilt: a rebuild rings nobody.
    """

    name = "doors"
    tables: tuple[Table, ...] = DOOR_TABLES

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self._now = now

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        facts = facts_of(batches, _KINDS)
        fresh = await _fresh(connection, facts)
        doors = await _load(connection, {_key(fact) for fact in facts})
        before = {key: one.state for key, one in doors.items()}
        for fact in facts:
            apply(doors[_key(fact)], fact)
        for fact in fresh.values():
            one, result = doors[_key(fact)], str(fact.event.result)
            setattr(one, result, getattr(one, result) + 1)
        await insert(connection, door_fact, ("id",), [(identity,) for identity in fresh])
        await upsert(connection, door, _COLUMNS, [msgspec.structs.astuple(one) for one in doors.values()])
        changed = await device_states.fold(connection, batches)
        changed |= {key[0] for key, one in doors.items() if one.state != before[key]}
        if self._now is not None and changed:
            old = {batch.complex for batch in batches if batch.is_adopted}  # told by the cell that they came from
            await announce_to_plans(connection, changed - old, stamp(self._now()))


async def _fresh(connection: AsyncConnection, facts: list[Fact]) -> dict[bytes, Fact]:
    """Those to be counted that were not yet, by their ids."""
    counted = {fact.id: fact for fact in facts if fact.event.kind == "access" and fact.event.result in _COUNTED}
    keys = [(identity,) for identity in counted]
    for (known,) in await look_up(connection, {"id": "bytea"}, keys, _COUNTED_BEFORE):
        del counted[known]
    return counted


async def _load(connection: AsyncConnection, keys: set[Key]) -> dict[Key, Door]:
    doors = {key: Door(*key) for key in keys}
    for row in await look_up(connection, _KEY, list(keys), _DOORS):
        known = Door(*row)
        doors[known.complex, known.device, known.point] = known
    return doors


def _key(fact: Fact) -> Key:
    return fact.complex, fact.event.device, fact.event.point or "door"


def apply(row: Door, fact: Fact) -> None:
    """Of two at the same moment the greater word stands: some rule, the same in every order. The latest names
    the place, whichever came last: what comes again after it changes nothing."""
    event, at = fact.event, stamp(fact.event.occurred_at)
    is_latest = at >= max(row.state_at or "", row.last_access_at or "")
    row.place = event.place or row.place if is_latest else row.place or event.place
    if event.kind == "door":
        if (at, event.state or "") >= (row.state_at or "", row.state or ""):
            row.state, row.state_at = event.state, at
    elif (at, event.result or "", event.method or "") >= _last_access(row):
        row.last_result, row.last_method, row.last_access_at = event.result, event.method, at


def _last_access(row: Door) -> tuple[str, str, str]:
    return row.last_access_at or "", row.last_result or "", row.last_method or ""

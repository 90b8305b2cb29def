"""Doors folded from the log: each one's last state, last access, and how many were let in or not."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.facts import Fact
from server.store.engine import stamp
from server.store.schema import DOOR_TABLES, door, door_fact
from server.store.upsert import insert

_KINDS = frozenset({"door", "access"})
_LOOKUP_CHUNK = 500
Row = dict[str, Any]


class Doors:
    """The doors projection: one row a door, whatever order its facts arrive in."""

    name = "doors"
    tables: tuple[Table, ...] = DOOR_TABLES

    async def fold(self, connection: AsyncConnection, facts: list[Fact]) -> None:
        fresh = await _fresh(connection, {fact.id: fact for fact in facts if fact.event.kind in _KINDS})
        if not fresh:
            return
        rows: dict[tuple[str, str, str], Row] = {}
        for fact in fresh:
            key = (fact.complex, fact.event.device, fact.event.point or "door")
            if key not in rows:
                rows[key] = await _load(connection, key)
            _apply(rows[key], fact)
        await connection.execute(door_fact.insert(), [{"id": fact.id} for fact in fresh])
        await _save(connection, list(rows.values()))


async def _fresh(connection: AsyncConnection, facts: dict[bytes, Fact]) -> list[Fact]:
    ids = list(facts)
    for start in range(0, len(ids), _LOOKUP_CHUNK):
        query = select(door_fact.c.id).where(door_fact.c.id.in_(ids[start : start + _LOOKUP_CHUNK]))
        for known in (await connection.execute(query)).scalars():
            facts.pop(known, None)
    return list(facts.values())


async def _load(connection: AsyncConnection, key: tuple[str, str, str]) -> Row:
    complex_id, device, point = key
    same = (door.c.complex == complex_id, door.c.device == device, door.c.point == point)
    row = (await connection.execute(select(door).where(*same))).mappings().first()
    if row is not None:
        return dict(row)
    blank: Row = dict.fromkeys(column.name for column in door.columns)
    return blank | {"complex": complex_id, "device": device, "point": point, "granted": 0, "denied": 0}


def _apply(row: Row, fact: Fact) -> None:
    event, at = fact.event, stamp(fact.event.occurred_at)
    row["place"] = event.place or row["place"]
    if event.kind == "door":
        # Of two states at the same moment the greater word stands: some rule, the same in every order.
        if (at, event.state or "") >= (row["state_at"] or "", row["state"] or ""):
            row.update(state=event.state, state_at=at)
        return
    if event.result in ("granted", "denied"):
        row[event.result] += 1
    if (at, event.result or "") >= (row["last_access_at"] or "", row["last_result"] or ""):
        row.update(last_result=event.result, last_method=event.method, last_access_at=at)


async def _save(connection: AsyncConnection, rows: list[Row]) -> None:
    statement = insert(door)
    changed = {column.name: statement.excluded[column.name] for column in door.columns if not column.primary_key}
    keys = ["complex", "device", "point"]
    await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), rows)

"""Groups of doors, schedules and holidays of a complex, as its page shows and changes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.doors.credentials import DoorSet
from domain.doors.rules import Group
from domain.doors.schedule import DAYS, Schedule
from server.store.resident_rows import NotPossible
from server.store.resident_tables import access_group, access_holiday, access_schedule, credential, visitor_link
from server.store.upsert import insert

WEEK = (*DAYS, "holiday")
_MOST_HOLIDAYS = 400


class Access(msgspec.Struct, frozen=True):
    """All that a complex has of them."""

    groups: list[Group]
    schedules: list[Schedule]
    holidays: list[str]


async def access(connection: AsyncConnection, complex_id: str) -> Access:
    found: list[list[Any]] = []
    for table in (access_group, access_schedule, access_holiday):
        query = select(table).where(table.c.complex == complex_id).order_by(*table.primary_key.columns)
        found.append(list((await connection.execute(query)).mappings()))
    groups, schedules, holidays = found
    return Access(
        [msgspec.convert({"id": r["id"], "doors": r["doors"], "schedule": r["schedule"]}, Group) for r in groups],
        [msgspec.convert({"id": row["id"], **row["hours"]}, Schedule) for row in schedules],
        [row["day"] for row in holidays],
    )


async def put_group(connection: AsyncConnection, complex_id: str, name: str, doors: str, schedule: str) -> None:
    """Doors a line each: a device and its points, ``*`` for any. Raises NotPossible."""
    try:
        sets = [_door_set(line) for line in doors.splitlines() if line.strip()]
        group = msgspec.convert({"id": name, "doors": sets, "schedule": schedule}, Group)
    except msgspec.ValidationError as error:
        raise NotPossible("bad_access") from error
    if not group.doors:
        raise NotPossible("bad_access")
    known = {one.id for one in (await access(connection, complex_id)).schedules}
    if schedule and schedule not in known:
        raise NotPossible("no_schedule")
    row = {"complex": complex_id, "id": name, "doors": msgspec.to_builtins(group.doors), "schedule": schedule}
    await _put(connection, access_group, row)


def _door_set(line: str) -> dict[str, Any]:
    device, *points = line.split()
    return msgspec.to_builtins(msgspec.convert({"device": device, "points": points or ["*"]}, DoorSet))


async def put_schedule(connection: AsyncConnection, complex_id: str, name: str, hours: dict[str, str]) -> None:
    """Hours of each day, parted by blanks or commas. Raises NotPossible."""
    said = {day: text.replace(",", " ").replace("，", " ").split() for day, text in hours.items()}
    week = {day: times for day, times in said.items() if times}
    try:
        msgspec.convert({"id": name, **week}, Schedule)
    except msgspec.ValidationError as error:
        raise NotPossible("bad_access") from error
    await _put(connection, access_schedule, {"complex": complex_id, "id": name, "hours": week})


async def _put(connection: AsyncConnection, table: Any, row: dict[str, Any]) -> None:
    statement = insert(table).values(**row)
    changed = {name: statement.excluded[name] for name in row if name not in ("complex", "id")}
    await connection.execute(statement.on_conflict_do_update(index_elements=["complex", "id"], set_=changed))


async def put_holidays(connection: AsyncConnection, complex_id: str, text: str) -> None:
    """Days, parted by blanks, commas or lines, in place of those there were. Raises NotPossible."""
    try:
        days = sorted({date.fromisoformat(word) for word in text.replace(",", " ").replace("，", " ").split()})
    except ValueError as error:
        raise NotPossible("bad_day") from error
    if len(days) > _MOST_HOLIDAYS:
        raise NotPossible("bad_day")
    await connection.execute(delete(access_holiday).where(access_holiday.c.complex == complex_id))
    if days:
        rows = [{"complex": complex_id, "day": day.isoformat()} for day in days]
        await connection.execute(access_holiday.insert(), rows)


async def remove_group(connection: AsyncConnection, complex_id: str, name: str) -> None:
    """Raises NotPossible while a card that is in use, or a visitors' link, opens by it."""
    uses = select(credential.c.groups).where(credential.c.complex == complex_id, credential.c.revoked_at.is_(None))
    links = select(visitor_link.c.groups).where(visitor_link.c.complex == complex_id, visitor_link.c.ended_at.is_(None))
    used: Sequence[Any] = [*(await connection.execute(uses)).scalars(), *(await connection.execute(links)).scalars()]
    if any(name in groups for groups in used):
        raise NotPossible("group_in_use")
    await _remove(connection, access_group, complex_id, name)


async def remove_schedule(connection: AsyncConnection, complex_id: str, name: str) -> None:
    """Raises NotPossible while a group, or a card, goes by it."""
    for table in (access_group, credential):
        uses = select(table.c.id).where(table.c.complex == complex_id, table.c.schedule == name).limit(1)
        if (await connection.execute(uses)).first() is not None:
            raise NotPossible("in_use")
    await _remove(connection, access_schedule, complex_id, name)


async def _remove(connection: AsyncConnection, table: Any, complex_id: str, name: str) -> None:
    await connection.execute(delete(table).where(table.c.complex == complex_id, table.c.id == name))

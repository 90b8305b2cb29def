"""A workbook of residents against the tables: what is there, and writing it at once."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.doors.credentials import canonical_card
from server.resident_plan import Change, Known, Place, Plan
from server.store import resident_rows
from server.store.access_list import LOOSE_ROOM
from server.store.resident_rows import By, PassTerms, Rights, new_id
from server.store.resident_tables import credential, household, resident, vehicle_pass


async def known(connection: AsyncConnection, complex_id: str) -> Known:
    """What a complex has of households, people, cards and plates in use, and groups."""
    homes = (await connection.execute(select(household).where(household.c.complex == complex_id))).all()
    people = await connection.execute(select(resident).where(resident.c.complex == complex_id))
    cards = select(credential).where(credential.c.complex == complex_id, credential.c.revoked_at.is_(None))
    plates = select(vehicle_pass).where(vehicle_pass.c.complex == complex_id, vehicle_pass.c.ended_at.is_(None))
    loose = {row.id for row in homes if row.room == LOOSE_ROOM}

    def whose(home: str) -> str | None:
        return None if home in loose else home

    return Known(
        {(row.building, row.unit, row.room): row.id for row in homes},
        {(row.household, row.name) for row in people},
        {row.canonical: whose(row.household) for row in await connection.execute(cards) if row.canonical},
        {row.canonical: whose(row.household) for row in await connection.execute(plates)},
        set(await resident_rows.groups_of(connection, complex_id)),
    )


async def write(connection: AsyncConnection, by: By, plan: Plan, before: Known) -> None:
    """All of a plan without faults, in the caller's transaction."""
    homes = dict(before.households)
    new = list(dict.fromkeys(change.place for change in plan.added if "household" in change.adds))
    heads = {change.place: change for change in reversed(plan.added)}
    rows = [_household(by, place, heads[place]) for place in new]
    homes |= {place: row["id"] for place, row in zip(new, rows, strict=True)}
    await _insert(connection, household, rows)
    people = await _people(connection, by, plan, homes)
    await _cards(connection, by, plan, before, homes, people)
    await _plates(connection, by, plan, before, homes)


def _household(by: By, place: Place, head: Change) -> dict[str, Any]:
    named = dict(zip(("building", "unit", "room"), place, strict=True))
    return {"id": new_id("household"), **named, "name": head.name, "phone": head.phone or None, **by.columns}


async def _people(
    connection: AsyncConnection, by: By, plan: Plan, homes: dict[Place, str]
) -> dict[tuple[str, str], str]:
    """Household and name -> the person, of those that are new."""
    rows = [
        {"id": new_id("resident"), "household": homes[one.place], "name": one.name, "phone": one.phone or None}
        for one in plan.added
        if "person" in one.adds
    ]
    await _insert(connection, resident, [row | by.columns for row in rows])
    there = select(resident).where(resident.c.complex == by.complex)
    return {(row.household, row.name): row.id for row in await connection.execute(there)}


async def _cards(
    connection: AsyncConnection,
    by: By,
    plan: Plan,
    before: Known,
    homes: dict[Place, str],
    people: dict[tuple[str, str], str],
) -> None:
    rows: list[dict[str, Any]] = []
    for one in plan.added:
        if "card" not in one.adds:
            continue
        home, rights = homes[one.place], Rights(date.fromisoformat(one.until), (one.group,) if one.group else ())
        person = people.get((home, one.name))
        if canonical_card(one.card) in before.cards:  # nobody's yet
            await resident_rows.add_card(connection, by, home, person, one.card, rights)
            continue
        whose = {"household": home, "resident": person, "holder": person or home}
        rows.append({**resident_rows.card_columns(one.card), **whose, **rights.columns, **by.columns})
    await _insert(connection, credential, rows)


async def _plates(connection: AsyncConnection, by: By, plan: Plan, before: Known, homes: dict[Place, str]) -> None:
    rows: list[dict[str, Any]] = []
    for one in plan.added:
        if "plate" not in one.adds:
            continue
        home = homes[one.place]
        if one.plate in before.plates:
            await resident_rows.add_pass(
                connection, by, home, one.plate, PassTerms(date.fromisoformat(one.plate_until))
            )
            continue
        said = {"id": new_id("pass"), "household": home, "plate": one.plate, "canonical": one.plate, "name": ""}
        rows.append({**said, "until_day": one.plate_until, **by.columns})
    await _insert(connection, vehicle_pass, rows)


async def _insert(connection: AsyncConnection, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        await connection.execute(table.insert(), rows)

"""The documents ``credentials``, ``doors`` and ``passes`` of a complex, made from the rows that its pages change.

A document may also be written elsewhere: by the command line, by a rollout, by an erasure. Before a page changes
anything, what stands in a newer document is taken over into the rows: who wrote last is right, and nobody is dropped.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, Table, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.desired import read_body
from domain.desired_bodies import Passes
from domain.doors.credentials import Card, Credentials, Known, canonical_card
from domain.doors.rules import Doors
from domain.doors.schedule import DAYS
from domain.plates import canonical
from server.store import desired_rows
from server.store.engine import stamp
from server.store.resident_tables import (
    access_group,
    access_holiday,
    access_list,
    access_schedule,
    credential,
    household,
    vehicle_pass,
)
from server.store.schema import desired_state
from server.store.tariff_tables import pass_place
from server.store.upsert import insert

KINDS = ("credentials", "doors", "passes")
LOOSE_ROOM = "—"  # of the household that holds what nobody of a household was named for
_SALT_BYTES = 16
_DAYS = (*DAYS, "holiday")
_ENDED_FOR = timedelta(days=40)  # so long a gateway hears that a pass was ended: its car may be inside still
Row = RowMapping


async def salt(connection: AsyncConnection, complex_id: str) -> bytes:
    """What stirs the digests of a complex."""
    return bytes.fromhex((await _head(connection, complex_id))["salt"])


async def adopt(connection: AsyncConnection, complex_id: str, now: datetime) -> None:
    """Take over what others have written since these rows were last published."""
    head = await _head(connection, complex_id)
    for kind, take in (("doors", _take_doors), ("credentials", _take_credentials), ("passes", _take_passes)):
        newest = await _newest(connection, complex_id, kind)
        if newest is not None and newest["version"] != head[kind]:
            await take(connection, complex_id, newest, now)
            await _note(connection, complex_id, {kind: newest["version"]})


async def adopt_all(connection: AsyncConnection, now: datetime) -> None:
    """The same in every complex that has such rows."""
    for complex_id in (await connection.execute(select(access_list.c.complex))).scalars().all():
        await adopt(connection, complex_id, now)


async def publish(connection: AsyncConnection, complex_id: str, by: str, now: datetime) -> dict[str, int]:
    """Write the documents that changed; the versions in which the rows stand now. Raises BadDesired."""
    versions: dict[str, int] = {}
    for kind, made in (
        ("doors", await _doors(connection, complex_id)),
        ("credentials", await _credentials(connection, complex_id, now)),
        ("passes", await _passes(connection, complex_id, now)),
    ):
        if made is not None:
            versions[kind], _ = await desired_rows.put(connection, complex_id, kind, made, by, now)
    await _note(connection, complex_id, versions)
    for table, kind in ((credential, "credentials"), (vehicle_pass, "passes")):
        fresh = update(table).where(table.c.complex == complex_id, table.c.version.is_(None))
        if kind in versions:
            await connection.execute(fresh.values(version=versions[kind]))
    return versions


async def loose(connection: AsyncConnection, complex_id: str, by: str, now: datetime) -> str:
    """The household of a complex for entries of which nobody knows whose they are."""
    identity = f"loose-{complex_id}"
    row = {"id": identity, "complex": complex_id, "building": "", "unit": "", "room": LOOSE_ROOM, "name": ""}
    new = insert(household).values(**row, made_at=stamp(now), made_by=by)
    await connection.execute(new.on_conflict_do_nothing())
    return identity


async def _head(connection: AsyncConnection, complex_id: str) -> RowMapping:
    query = select(access_list).where(access_list.c.complex == complex_id)
    found = (await connection.execute(query)).mappings().first()
    if found is not None:
        return found
    new = {"complex": complex_id, "salt": secrets.token_hex(_SALT_BYTES), "credentials": 0, "doors": 0, "passes": 0}
    await connection.execute(insert(access_list).values(**new).on_conflict_do_nothing())
    return (await connection.execute(query)).mappings().one()


async def _note(connection: AsyncConnection, complex_id: str, values: Mapping[str, Any]) -> None:
    if values:
        await connection.execute(update(access_list).where(access_list.c.complex == complex_id).values(**values))


async def _newest(connection: AsyncConnection, complex_id: str, kind: str) -> RowMapping | None:
    same = (desired_state.c.complex == complex_id, desired_state.c.kind == kind)
    query = select(desired_state).where(*same).order_by(desired_state.c.version.desc()).limit(1)
    return (await connection.execute(query)).mappings().first()


# --- taking over ---


async def _take_credentials(connection: AsyncConnection, complex_id: str, newest: RowMapping, now: datetime) -> None:
    body = read_body("credentials", msgspec.json.decode(newest["body"]))
    assert isinstance(body, Credentials)
    if body.salt:
        await _note(connection, complex_id, {"salt": body.salt})
    home = await loose(connection, complex_id, newest["made_by"], now)
    same = {"complex": complex_id, "version": newest["version"], "made_at": newest["made_at"]}
    same |= {"made_by": newest["made_by"], "household": home}
    before = await _rows(connection, credential, complex_id)
    known = {row["id"]: row for row in before}
    entries = (*body.cards, *body.known)
    rows = [same | _row_of(entry, known.get(entry.id), newest["made_at"], newest["made_by"]) for entry in entries]
    await _upsert(connection, credential, rows, ("made_at", "made_by", "household"))
    left = {row["id"] for row in before if row["revoked_at"] is None} - {entry.id for entry in entries}
    gone = {"revoked_at": newest["made_at"], "revoked_by": newest["made_by"]}
    await _end(connection, credential, complex_id, left, gone)


def _row_of(entry: Card | Known, known: Row | None, at: str, by: str) -> dict[str, Any]:
    """An entry as a row; when it was revoked stays what it was."""
    was_revoked = known is not None and known["revoked_at"] is not None
    ended = (known["revoked_at"], known["revoked_by"]) if known is not None and was_revoked else (at, by)
    revoked_at, revoked_by = ended if entry.revoked or _is_used_elsewhere(entry, known) else (None, None)
    is_card = isinstance(entry, Card)
    return {
        "id": entry.id,
        "kind": "card" if is_card else entry.kind,
        "number": entry.card if is_card else None,
        "canonical": canonical_card(entry.card) if is_card else None,
        "digest": None if is_card else entry.digest,
        "duress_digest": None if is_card else entry.duress_digest or None,
        "doors": msgspec.to_builtins(entry.doors),
        "groups": list(entry.groups),
        "schedule": entry.schedule,
        "holder": entry.holder,
        "name": entry.name,
        "from_day": entry.from_.isoformat() if entry.from_ else None,
        "until_day": entry.until.isoformat(),
        "from_at": stamp(entry.from_at) if entry.from_at else None,
        "until_at": stamp(entry.until_at) if entry.until_at else None,
        "first_card": int(entry.first_card),
        "passes_lock_down": int(entry.passes_lock_down),
        "revoked_at": revoked_at,
        "revoked_by": revoked_by,
    }


def _is_used_elsewhere(entry: Card | Known, known: Row | None) -> bool:
    """Whether only the document says that a code was used: no row here knows when."""
    return isinstance(entry, Known) and entry.used and (known is None or known["used_at"] is None)


async def _take_passes(connection: AsyncConnection, complex_id: str, newest: RowMapping, now: datetime) -> None:
    body = read_body("passes", msgspec.json.decode(newest["body"]))
    assert isinstance(body, Passes)
    home = await loose(connection, complex_id, newest["made_by"], now)
    before = await _rows(connection, vehicle_pass, complex_id)
    known = {row["canonical"]: row["id"] for row in before if row["ended_at"] is None}
    same = {"complex": complex_id, "household": home, "made_at": newest["made_at"], "made_by": newest["made_by"]}
    same |= {"version": newest["version"], "ended_at": None, "ended_by": None}
    rows = [
        same
        | {
            "id": known.get(canonical(entry.plate)) or f"pass-{secrets.token_hex(6)}",
            "plate": entry.plate,
            "canonical": canonical(entry.plate),
            "name": entry.name,
            "until_day": entry.until.isoformat(),
            "from_day": entry.from_.isoformat() if entry.from_ else None,
            "place": entry.place or None,
            "night_from": entry.night[:5] or None,
            "night_to": entry.night[6:] or None,
        }
        for entry in body.passes
        if entry.ended is None  # what has ended is known here, or was never
    ]
    await _take_places(connection, complex_id, body, same)
    await _upsert(connection, vehicle_pass, rows, ("made_at", "made_by", "household"))
    left = set(known) - {row["canonical"] for row in rows}
    gone = {"ended_at": newest["made_at"], "ended_by": newest["made_by"]}
    await _end(connection, vehicle_pass, complex_id, {known[plate] for plate in left}, gone)


async def _take_places(connection: AsyncConnection, complex_id: str, body: Passes, same: Mapping[str, Any]) -> None:
    made = {name: same[name] for name in ("household", "made_at", "made_by", "ended_at", "ended_by")}
    rows = [
        {"complex": complex_id, "id": one.id, "name": "", "places": one.places, "beyond": one.beyond, **made}
        for one in body.places
    ]
    await _upsert(connection, pass_place, rows, ("made_at", "made_by", "household", "name"))


async def _take_doors(connection: AsyncConnection, complex_id: str, newest: RowMapping, _now: datetime) -> None:
    body = read_body("doors", msgspec.json.decode(newest["body"]))
    assert isinstance(body, Doors)
    groups = [
        {"id": group.id, "doors": msgspec.to_builtins(group.doors), "schedule": group.schedule} for group in body.groups
    ]
    schedules = [
        {"id": one.id, "hours": {day: list(getattr(one, day)) for day in _DAYS if getattr(one, day)}}
        for one in body.schedules
    ]
    holidays = [{"day": day.isoformat()} for day in sorted(set(body.holidays))]
    for table, rows in ((access_group, groups), (access_schedule, schedules), (access_holiday, holidays)):
        await connection.execute(delete(table).where(table.c.complex == complex_id))
        if rows:
            await connection.execute(table.insert(), [{"complex": complex_id, **row} for row in rows])


async def _upsert(
    connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]], kept: Sequence[str]
) -> None:
    """New rows, and changed ones, whose columns ``kept`` stay."""
    if not rows:
        return
    statement, keys = insert(table), ("complex", "id")
    changed = {name: statement.excluded[name] for name in rows[0] if name not in (*keys, *kept)}
    await connection.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=changed), list(rows))


async def _end(
    connection: AsyncConnection, table: Table, complex_id: str, ids: set[str], values: Mapping[str, Any]
) -> None:
    """What a newer list no longer has, has ended."""
    for identity in sorted(ids):
        one = (table.c.complex == complex_id, table.c.id == identity)
        await connection.execute(update(table).where(*one).values(**values))


# --- publishing ---


async def _rows(
    connection: AsyncConnection, table: Table, complex_id: str, *more: ColumnElement[bool]
) -> Sequence[RowMapping]:
    query = select(table).where(table.c.complex == complex_id, *more).order_by(*table.primary_key.columns)
    return (await connection.execute(query)).mappings().all()


async def _credentials(connection: AsyncConnection, complex_id: str, now: datetime) -> dict[str, Any] | None:
    over = (now - timedelta(days=2)).date().isoformat()  # in every zone
    is_listed = or_(credential.c.link.is_(None), credential.c.until_day >= over)  # visitors come and go
    rows = await _rows(connection, credential, complex_id, is_listed)
    if not rows and await _newest(connection, complex_id, "credentials") is None:
        return None
    alive = {row["canonical"] for row in rows if row["revoked_at"] is None and row["canonical"]}
    # Revoked beats everything: a number that was given anew stands there once.
    listed = [row for row in rows if row["revoked_at"] is None or row["canonical"] not in alive]
    body: dict[str, Any] = {"cards": [_entry(row) for row in listed if row["kind"] == "card"]}
    if known := [_entry(row) for row in listed if row["kind"] != "card"]:
        body |= {"known": known, "salt": (await _head(connection, complex_id))["salt"]}
    return body


def _entry(row: Row) -> dict[str, Any]:
    """A row as the document has it: what says nothing is left out."""
    is_card = row["kind"] == "card"
    said = {"card": row["number"]} if is_card else {"kind": row["kind"], "digest": row["digest"]}
    rest: dict[str, Any] = {
        "duress_digest": row["duress_digest"],
        "from": row["from_day"],
        "from_at": row["from_at"],
        "until_at": row["until_at"],
        "used": row["used_at"] is not None,
        "revoked": row["revoked_at"] is not None,
        "name": "" if row["link"] else row["name"],  # a visitor's name is for the household alone
        "groups": row["groups"],
        "schedule": row["schedule"],
        "holder": row["holder"],
        "first_card": bool(row["first_card"]),
        "passes_lock_down": bool(row["passes_lock_down"]),
    }
    always = {"id": row["id"], **said, "doors": row["doors"], "until": row["until_day"]}
    return always | {name: value for name, value in rest.items() if value}


async def _passes(connection: AsyncConnection, complex_id: str, now: datetime) -> dict[str, Any] | None:
    since = stamp(now - _ENDED_FOR)
    is_listed = or_(vehicle_pass.c.ended_at.is_(None), vehicle_pass.c.ended_at >= since)
    rows = await _rows(connection, vehicle_pass, complex_id, is_listed)
    if not rows and await _newest(connection, complex_id, "passes") is None:
        return None
    newest = {row["canonical"]: row for row in sorted(rows, key=lambda row: row["ended_at"] or "9")}  # live beats ended
    kept = [row for row in rows if newest[row["canonical"]] is row and _ended_early(row)]
    places = await _rows(connection, pass_place, complex_id)
    named = {row["place"] for row in kept}
    body: dict[str, Any] = {"passes": [_pass_entry(row) for row in kept]}
    if shared := [row for row in places if row["id"] in named]:
        body["places"] = [{name: row[name] for name in ("id", "places", "beyond")} for row in shared]
    return body


def _ended_early(row: Row) -> bool:
    """Whether an entry says more than that its last day is over: it is live, or was ended before."""
    return row["ended_at"] is None or str(row["ended_at"])[:10] <= row["until_day"]


def _pass_entry(row: Row) -> dict[str, Any]:
    """A row as the document has it: what says nothing is left out."""
    night = f"{row['night_from']}-{row['night_to']}" if row["night_from"] and row["night_to"] else ""
    said = {"plate": row["plate"], "until": row["until_day"], "name": row["name"], "from": row["from_day"]}
    said |= {"place": row["place"], "night": night, "ended": row["ended_at"]}
    return {name: value for name, value in said.items() if value}


async def _doors(connection: AsyncConnection, complex_id: str) -> dict[str, Any] | None:
    """The newest document with other schedules, holidays and groups; what doors are particular about stays."""
    groups = await _rows(connection, access_group, complex_id)
    schedules = await _rows(connection, access_schedule, complex_id)
    holidays = await _rows(connection, access_holiday, complex_id)
    newest = await _newest(connection, complex_id, "doors")
    if newest is None and not (groups or schedules or holidays):
        return None
    body: dict[str, Any] = msgspec.json.decode(newest["body"]) if newest is not None else {}
    body["groups"] = [
        {"id": row["id"], "doors": row["doors"]} | ({"schedule": row["schedule"]} if row["schedule"] else {})
        for row in groups
    ]
    body["schedules"] = [{"id": row["id"], **row["hours"]} for row in schedules]
    body["holidays"] = [row["day"] for row in holidays]
    return {name: value for name, value in body.items() if value or name not in ("groups", "schedules", "holidays")}

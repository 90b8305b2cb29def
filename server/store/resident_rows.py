"""What is changed of residents: households, people, cards, PINs, visitors' codes and vehicles' passes."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import RowMapping, Table, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.doors.credentials import MAX_ENTRIES, canonical_card
from domain.doors.secrets import SecretKind, digest_of, fits
from domain.plates import canonical
from server.store import access_list
from server.store.engine import stamp
from server.store.resident_tables import access_group, credential, household, resident, vehicle_pass, visitor_link
from server.store.tariff_tables import pass_place

MOST_SIGNS, MOST_PLACES = 100, 100
EVERY_DOOR = [{"device": "*"}]


class NotPossible(Exception):
    """Something cannot be; ``reason`` is a stable word that the page explains."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Rights(msgspec.Struct, frozen=True):
    """What something opens, and until when: groups, or every door where none is named."""

    until: date
    groups: tuple[str, ...] = ()
    from_: date | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None

    @property
    def columns(self) -> dict[str, Any]:
        return {
            "doors": [] if self.groups else EVERY_DOOR,
            "groups": list(self.groups),
            "schedule": "",
            "from_day": self.from_.isoformat() if self.from_ else None,
            "until_day": self.until.isoformat(),
            "from_at": stamp(self.from_at) if self.from_at else None,
            "until_at": stamp(self.until_at) if self.until_at else None,
        }


class By(msgspec.Struct, frozen=True):
    """Who changes something of which complex, and when."""

    who: str
    at: datetime
    complex: str

    @property
    def columns(self) -> dict[str, Any]:
        return {"complex": self.complex, "made_at": stamp(self.at), "made_by": self.who}


def new_id(kind: str) -> str:
    return f"{kind}-{secrets.token_hex(6)}"


async def add_household(connection: AsyncConnection, by: By, identity: str, said: Mapping[str, str]) -> None:
    """Raises NotPossible where the room has one, or without a room."""
    row = {name: _text(said.get(name, "")) for name in ("building", "unit", "room", "name")}
    if not row["room"]:
        raise NotPossible("no_room")
    values = {"id": identity, **row, "phone": _text(said.get("phone", "")) or None, **by.columns}
    try:
        async with connection.begin_nested():
            await connection.execute(household.insert().values(**values))
    except IntegrityError as error:
        raise NotPossible("room_taken") from error


async def describe(connection: AsyncConnection, identity: str, name: str, phone: str) -> None:
    values = {"name": _text(name), "phone": _text(phone) or None}
    await connection.execute(update(household).where(household.c.id == identity).values(**values))


async def add_resident(connection: AsyncConnection, by: By, home: str, name: str, phone: str) -> str:
    """Raises NotPossible without a name."""
    if not (text := _text(name)):
        raise NotPossible("no_name")
    identity = new_id("resident")
    values = {"id": identity, "household": home, "name": text, "phone": _text(phone) or None, **by.columns}
    await connection.execute(resident.insert().values(**values))
    return identity


async def change_resident(connection: AsyncConnection, home: str, identity: str, name: str, phone: str) -> None:
    """Another name or telephone; without a name the person leaves the household, and their cards stay."""
    one = (resident.c.id == identity, resident.c.household == home)
    text = _text(name)
    if not text:
        await connection.execute(delete(resident).where(*one))
        nobody = update(credential).where(credential.c.household == home, credential.c.resident == identity)
        await connection.execute(nobody.values(resident=None))
        return
    await connection.execute(update(resident).where(*one).values(name=text, phone=_text(phone) or None))


async def add_card(
    connection: AsyncConnection, by: By, home: str, person: str | None, number: str, rights: Rights
) -> str:
    """A card of a household. One that nobody's household has is taken over. Raises NotPossible."""
    text = canonical_card(number)
    if not text or len(number) > MOST_SIGNS:
        raise NotPossible("bad_card")
    same = (credential.c.complex == by.complex, credential.c.canonical == text, credential.c.revoked_at.is_(None))
    found = (await connection.execute(select(credential).where(*same))).mappings().first()
    row = {"household": home, "resident": person, "holder": person or home, **rights.columns}
    if found is not None:
        if found["household"] != await access_list.loose(connection, by.complex, by.who, by.at):
            raise NotPossible("card_taken")
        await change_credential(connection, by.complex, found["id"], row)
        return str(found["id"])
    return await _insert(connection, by, {"kind": "card", "number": number.strip(), "canonical": text, **row})


def card_columns(number: str) -> dict[str, Any]:
    """A new card, but for whose it is and what it opens."""
    rest = {"name": "", "first_card": 0, "passes_lock_down": 0}
    return {"id": new_id("card"), "kind": "card", "number": number, "canonical": canonical_card(number), **rest}


async def add_secret(
    connection: AsyncConnection, by: By, home: str, person: str | None, kind: SecretKind, text: str, rights: Rights
) -> str:
    """A PIN or a code, kept as a digest. Raises NotPossible, also where another has the same."""
    if fits(kind, text):
        raise NotPossible(f"bad_{kind}")
    digest = digest_of(kind, text, await access_list.salt(connection, by.complex))
    is_it = or_(credential.c.digest == digest, credential.c.duress_digest == digest)
    same = (credential.c.complex == by.complex, is_it)
    found = (await connection.execute(select(credential.c.id, credential.c.revoked_at).where(*same))).first()
    if found is not None and found.revoked_at is None:
        raise NotPossible(f"{kind}_taken")
    if found is not None:
        gone = (credential.c.complex == by.complex, credential.c.id == found.id)
        await connection.execute(delete(credential).where(*gone))  # a digest stands in the list once
    row = {"household": home, "resident": person, "holder": person or home, **rights.columns}
    return await _insert(connection, by, {"kind": kind, "digest": digest, **row})


async def _insert(connection: AsyncConnection, by: By, row: Mapping[str, Any]) -> str:
    count = select(func.count()).select_from(credential).where(credential.c.complex == by.complex)
    if (await connection.execute(count)).scalar_one() >= MAX_ENTRIES:
        raise NotPossible("too_many")
    identity = new_id(str(row["kind"]))
    rest = {"name": "", "first_card": 0, "passes_lock_down": 0}
    await connection.execute(credential.insert().values(id=identity, **rest, **row, **by.columns))
    return identity


async def change_credential(
    connection: AsyncConnection, complex_id: str, identity: str, values: Mapping[str, Any]
) -> None:
    """The row's next version is that of the next list."""
    one = (credential.c.complex == complex_id, credential.c.id == identity)
    await connection.execute(update(credential).where(*one).values(**values, version=None))


async def revoke(connection: AsyncConnection, by: By, identity: str) -> None:
    await change_credential(connection, by.complex, identity, {"revoked_at": stamp(by.at), "revoked_by": by.who})


async def restore(connection: AsyncConnection, by: By, row: RowMapping) -> None:
    """Take a revocation back. Raises NotPossible where another card of the number is in use."""
    if row["canonical"]:
        other = (
            credential.c.complex == by.complex,
            credential.c.canonical == row["canonical"],
            credential.c.revoked_at.is_(None),
            credential.c.id != row["id"],
        )
        if (await connection.execute(select(credential.c.id).where(*other))).first() is not None:
            raise NotPossible("card_taken")
    await change_credential(connection, by.complex, row["id"], {"revoked_at": None, "revoked_by": None})


async def extend(connection: AsyncConnection, by: By, row: RowMapping, until: date) -> None:
    """Another last day. Raises NotPossible for one before the first."""
    if row["from_day"] and until.isoformat() < row["from_day"]:
        raise NotPossible("bad_day")
    await change_credential(connection, by.complex, row["id"], {"until_day": until.isoformat(), "until_at": None})


class PassTerms(msgspec.Struct, frozen=True):
    """How a pass holds: up to which day, from which, in which hours of the night, and on places that it shares."""

    until: date
    from_: date | None = None
    night: tuple[str, str] | None = None
    place: str | None = None

    @property
    def columns(self) -> dict[str, Any]:
        begin, end = self.night or (None, None)
        first = self.from_.isoformat() if self.from_ else None
        said = {"until_day": self.until.isoformat(), "from_day": first, "place": self.place}
        return {**said, "night_from": begin, "night_to": end}


async def add_place(connection: AsyncConnection, by: By, home: str, name: str, places: int, beyond: str) -> str:
    """Places that several passes of a household share. Raises NotPossible."""
    if not 1 <= places <= MOST_PLACES or beyond not in ("stop", "keep"):
        raise NotPossible("bad_places")
    identity = new_id("place")
    said = {"household": home, "name": _text(name), "places": places, "beyond": beyond}
    await connection.execute(pass_place.insert().values(id=identity, **said, **by.columns))
    return identity


async def add_pass(connection: AsyncConnection, by: By, home: str, plate: str, terms: PassTerms) -> str:
    """A plate that barriers open for. Raises NotPossible."""
    text = canonical(plate)
    if not text or len(text) > 16:
        raise NotPossible("bad_plate")
    if terms.from_ is not None and terms.until < terms.from_:
        raise NotPossible("bad_day")
    if terms.place and await one_of(connection, pass_place, home, terms.place) is None:
        raise NotPossible("bad_places")
    same = (vehicle_pass.c.complex == by.complex, vehicle_pass.c.canonical == text, vehicle_pass.c.ended_at.is_(None))
    found = (await connection.execute(select(vehicle_pass).where(*same))).mappings().first()
    row = {"household": home, **terms.columns, "version": None}
    if found is not None:
        if found["household"] != await access_list.loose(connection, by.complex, by.who, by.at):
            raise NotPossible("plate_taken")
        await change_pass(connection, by.complex, found["id"], row)
        return str(found["id"])
    identity = new_id("pass")
    values = {"id": identity, "plate": text, "canonical": text, "name": "", **row, **by.columns}
    await connection.execute(vehicle_pass.insert().values(**values))
    return identity


async def change_pass(connection: AsyncConnection, complex_id: str, identity: str, values: Mapping[str, Any]) -> None:
    one = (vehicle_pass.c.complex == complex_id, vehicle_pass.c.id == identity)
    await connection.execute(update(vehicle_pass).where(*one).values(**{**values, "version": None}))


async def lengthen_pass(connection: AsyncConnection, by: By, plate: str, days: tuple[date, date]) -> str | None:
    """The days that were sold are days of the plate's pass; its id. None where it has them already, or no plate has it.

    One that was over before the first of them begins anew then: the days between were not paid for.
    """
    first, last = (day.isoformat() for day in days)
    same = (vehicle_pass.c.complex == by.complex, vehicle_pass.c.canonical == plate, vehicle_pass.c.ended_at.is_(None))
    row = (await connection.execute(select(vehicle_pass).where(*same))).mappings().first()
    since = None if row is None else row["from_day"]
    if row is None or ((since is None or since <= first) and row["until_day"] >= last):
        return None
    if (days[0] - date.fromisoformat(row["until_day"])).days > 1:
        await change_pass(connection, by.complex, row["id"], {"ended_at": stamp(by.at), "ended_by": by.who})
        kept = {
            name: row[name] for name in ("household", "plate", "canonical", "name", "place", "night_from", "night_to")
        }
        new = {**kept, "id": new_id("pass"), "from_day": first, "until_day": last, "version": None, **by.columns}
        await connection.execute(vehicle_pass.insert().values(**new))
        return str(new["id"])
    values = {"until_day": max(row["until_day"], last), "from_day": since and min(since, first)}
    await change_pass(connection, by.complex, row["id"], values)
    return str(row["id"])


async def restore_pass(connection: AsyncConnection, by: By, row: RowMapping) -> None:
    """Raises NotPossible where the plate has another pass."""
    same = (vehicle_pass.c.complex == by.complex, vehicle_pass.c.canonical == row["canonical"])
    alive = (vehicle_pass.c.ended_at.is_(None), vehicle_pass.c.id != row["id"])
    if (await connection.execute(select(vehicle_pass.c.id).where(*same, *alive))).first() is not None:
        raise NotPossible("plate_taken")
    await change_pass(connection, by.complex, row["id"], {"ended_at": None, "ended_by": None})


async def add_link(
    connection: AsyncConnection, by: By, home: str, digest: str, groups: Sequence[str], expires_at: datetime
) -> str:
    """By which the household makes visitors' passes."""
    identity = new_id("link")
    said = {"digest": digest, "groups": list(groups), "expires_at": stamp(expires_at)}
    values = {"id": identity, "household": home, **said, **by.columns}
    await connection.execute(visitor_link.insert().values(**values))
    return identity


async def end_link(connection: AsyncConnection, by: By, home: str, identity: str) -> None:
    """The link makes no passes any more, and those it made open nothing."""
    one = (visitor_link.c.id == identity, visitor_link.c.household == home, visitor_link.c.ended_at.is_(None))
    await connection.execute(update(visitor_link).where(*one).values(ended_at=stamp(by.at)))
    made = (credential.c.complex == by.complex, credential.c.link == identity, credential.c.revoked_at.is_(None))
    gone = {"revoked_at": stamp(by.at), "revoked_by": by.who, "version": None}
    await connection.execute(update(credential).where(*made).values(**gone))


async def one_of(connection: AsyncConnection, table: Table, home: str, identity: str) -> RowMapping | None:
    """A household's card, pass or link."""
    query = select(table).where(table.c.household == home, table.c.id == identity)
    return (await connection.execute(query)).mappings().first()


async def groups_of(connection: AsyncConnection, complex_id: str) -> Sequence[str]:
    query = select(access_group.c.id).where(access_group.c.complex == complex_id).order_by(access_group.c.id)
    return (await connection.execute(query)).scalars().all()


def _text(text: str) -> str:
    """As it is kept. Raises NotPossible for what cannot be shown."""
    found = " ".join(text.split())
    if len(found) > MOST_SIGNS or (found and not found.isprintable()):
        raise NotPossible("bad_text")
    return found

"""What pages show of residents, within the asking person's scope: households, and one with all that is its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

import msgspec
from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.doors.credentials import canonical_card
from domain.plates import canonical
from server.store.access_list import LOOSE_ROOM
from server.store.resident_tables import credential, household, resident, vehicle_pass, visitor_link
from server.store.schema import complex_
from server.store.scope import Scope, within
from server.store.tariff_tables import pass_place

T = TypeVar("T")
MOST_SHOWN = 200


class HouseholdView(msgspec.Struct, frozen=True):
    """A household, and how much it has."""

    id: str
    complex: str
    complex_name: str
    timezone: str
    building: str
    unit: str
    room: str
    name: str
    phone: str | None
    people: int = 0
    cards: int = 0
    plates: int = 0

    @property
    def place(self) -> str:
        return "-".join(part for part in (self.building, self.unit, self.room) if part)

    @property
    def is_loose(self) -> bool:
        """Whether it only stands for those of whom nobody knows where they live."""
        return self.room == LOOSE_ROOM

    @property
    def cursor(self) -> str:
        return "~".join((self.complex, self.building, self.unit, self.room))


class ResidentView(msgspec.Struct, frozen=True):
    """A person of a household."""

    id: str
    name: str
    phone: str | None


class CredentialView(msgspec.Struct, frozen=True):
    """A card, a PIN or a code; ``version``: of the list in which it stands as it is."""

    id: str
    kind: str
    number: str | None
    resident: str | None
    name: str
    link: str | None
    groups: list[str]
    from_day: str | None
    until_day: str
    until_at: datetime | None
    used_at: datetime | None
    used_where: str | None
    revoked_at: datetime | None
    revoked_by: str | None
    version: int | None
    made_at: datetime
    made_by: str


class PassView(msgspec.Struct, frozen=True):
    """A plate that barriers open for."""

    id: str
    plate: str
    name: str
    until_day: str
    ended_at: datetime | None
    version: int | None
    from_day: str | None = None
    place: str | None = None
    night_from: str | None = None
    night_to: str | None = None


class PlacesView(msgspec.Struct, frozen=True):
    """Places that passes of a household share."""

    id: str
    name: str
    places: int
    beyond: str


class LinkView(msgspec.Struct, frozen=True):
    """A link by which visitors' passes are made."""

    id: str
    expires_at: datetime
    ended_at: datetime | None
    made_by: str


class Household(msgspec.Struct, frozen=True):
    """One with all that is its own."""

    view: HouseholdView
    people: list[ResidentView]
    credentials: list[CredentialView]
    passes: list[PassView]
    links: list[LinkView]
    places: list[PlacesView]

    def name_of(self, resident_id: str | None) -> str:
        return next((one.name for one in self.people if one.id == resident_id), "")


def _views(scope: Scope) -> Select[Any]:
    def count(table: Any, *more: ColumnElement[bool]) -> Any:
        own = select(func.count()).select_from(table).where(table.c.household == household.c.id, *more)
        return own.scalar_subquery()

    columns = [household.c[name] for name in ("id", "complex", "building", "unit", "room", "name", "phone")]
    counts = (
        count(resident).label("people"),
        count(credential, credential.c.revoked_at.is_(None)).label("cards"),
        count(vehicle_pass, vehicle_pass.c.ended_at.is_(None)).label("plates"),
    )
    shown: list[Any] = [*columns, complex_.c.name.label("complex_name"), complex_.c.timezone, *counts]
    query = select(*shown)
    joined = query.join(complex_, complex_.c.id == household.c.complex).where(within(household.c.complex, scope))
    return cast("Select[Any]", joined)


_ORDER = (household.c.complex, household.c.building, household.c.unit, household.c.room)


async def households(
    connection: AsyncConnection, scope: Scope, complex_id: str, sought: str, after: Sequence[str] | None, limit: int
) -> list[HouseholdView]:
    """By place; of one complex where it is named, and those that a search finds."""
    query = _views(scope).order_by(*_ORDER).limit(limit)
    if complex_id:
        query = query.where(household.c.complex == complex_id)
    if sought:
        query = query.where(_found(sought))
    if after:
        query = query.where(tuple_(*_ORDER) > tuple_(*after))
    return [msgspec.convert(row, HouseholdView) for row in (await connection.execute(query)).mappings()]


def _found(sought: str) -> ColumnElement[bool]:
    """A part of where they live; a whole name, telephone, card number or plate."""
    place = household.c.building + "-" + household.c.unit + "-" + household.c.room
    escaped = "".join(f"\\{sign}" if sign in "\\%_" else sign for sign in sought)
    ways: list[ColumnElement[bool]] = [place.like(f"%{escaped}%", escape="\\")]
    ways += [household.c.name == sought, household.c.phone == sought]
    ways.append(_of(resident, or_(resident.c.name == sought, resident.c.phone == sought)))
    if card := canonical_card(sought):
        ways.append(_of(credential, credential.c.canonical == card))
    if plate := canonical(sought):
        ways.append(_of(vehicle_pass, vehicle_pass.c.canonical == plate))
    return or_(*ways)


def _of(table: Any, is_so: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(and_(table.c.household == household.c.id, is_so))


async def one(connection: AsyncConnection, scope: Scope, identity: str) -> HouseholdView | None:
    """None for one that is not there, or that the person does not see."""
    row = (await connection.execute(_views(scope).where(household.c.id == identity))).mappings().first()
    return None if row is None else msgspec.convert(row, HouseholdView)


async def whole(connection: AsyncConnection, view: HouseholdView) -> Household:
    """What is in use first, the newest first."""
    mine = (resident.c.household == view.id,)
    people = await _all(connection, select(resident).where(*mine).order_by(resident.c.name), ResidentView)
    cards = select(credential).where(credential.c.household == view.id)
    cards = cards.order_by(credential.c.revoked_at.is_not(None), credential.c.made_at.desc(), credential.c.id)
    passes = select(vehicle_pass).where(vehicle_pass.c.household == view.id)
    passes = passes.order_by(vehicle_pass.c.ended_at.is_not(None), vehicle_pass.c.made_at.desc(), vehicle_pass.c.id)
    links = select(visitor_link).where(visitor_link.c.household == view.id).order_by(visitor_link.c.made_at.desc())
    return Household(
        view,
        people,
        await _all(connection, cards, CredentialView),
        await _all(connection, passes, PassView),
        await _all(connection, links, LinkView),
        await _all(connection, select(pass_place).where(pass_place.c.household == view.id), PlacesView),
    )


async def _all(connection: AsyncConnection, query: Select[Any], view: type[T]) -> list[T]:
    rows = (await connection.execute(query.limit(MOST_SHOWN))).mappings()
    return [msgspec.convert(row, view) for row in rows]

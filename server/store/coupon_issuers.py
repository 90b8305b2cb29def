"""Shops and households that give coupons, with what each was allotted; the page that a shop finds by its token."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.tariff.discounts import Discount, Kind
from server.store.coupon_tables import coupon_allotment, coupon_issuer
from server.store.engine import stamp
from server.store.place_tables import complex_
from server.store.resident_rows import By, NotPossible
from server.store.resident_tables import household

MOST_ISSUERS, MOST_ALLOTMENTS, MOST_A_MONTH = 500, 10, 10_000


class Issuer(msgspec.Struct, frozen=True):
    """Who gives coupons, where its page needs it."""

    complex: str
    complex_name: str
    timezone: str
    id: str
    name: str
    household: str | None


class Terms(msgspec.Struct, frozen=True):
    """What is allotted: so many a month, and a day where that is bounded too."""

    name: str
    kind: Kind
    amount: int
    per_month: int
    per_day: int | None
    from_day: date
    until_day: date | None


def digest_of(token: str) -> str:
    return hashlib.sha256(f"gatehouse coupons:{token}".encode()).hexdigest()


async def add(connection: AsyncConnection, by: By, name: str, home: str = "") -> str:
    """A shop by its name; or a household by its home (3-1-501). Its id. Raises NotPossible."""
    found = await _household(connection, by.complex, home) if home else None
    text = home if found else _text(name)
    issuers = await _issuers(connection, by.complex)
    if any(row["name"] == text and row["ended_at"] is None for row in issuers):
        raise NotPossible("name_taken")
    if len(issuers) >= MOST_ISSUERS:
        raise NotPossible("too_many")
    identity = secrets.token_hex(6)
    row = {"complex": by.complex, "id": identity, "household": found, "name": text}
    await connection.execute(coupon_issuer.insert().values(**row, made_at=stamp(by.at), made_by=by.who))
    return identity


async def _issuers(connection: AsyncConnection, complex_id: str) -> list[Any]:
    query = select(coupon_issuer).where(coupon_issuer.c.complex == complex_id)
    return list((await connection.execute(query)).mappings())


async def _household(connection: AsyncConnection, complex_id: str, home: str) -> str:
    columns = (household.c.id, household.c.building, household.c.unit, household.c.room)
    rows = await connection.execute(select(*columns).where(household.c.complex == complex_id))
    found = [row.id for row in rows if "-".join(part for part in row[1:] if part) == home]
    if len(found) != 1:
        raise NotPossible("no_household")
    return found[0]


def _text(name: str) -> str:
    text = " ".join(name.split())
    if not text or not text.isprintable() or len(text) > 60:
        raise NotPossible("bad_text")
    return text


async def allot(connection: AsyncConnection, by: By, issuer: str, terms: Terms) -> str:
    """What an issuer may give from now on; its id. Raises NotPossible."""
    await _live(connection, by.complex, issuer)
    same = (coupon_allotment.c.complex == by.complex, coupon_allotment.c.issuer == issuer)
    open_ones = select(coupon_allotment.c.id).where(*same, coupon_allotment.c.ended_at.is_(None))
    if len((await connection.execute(open_ones)).all()) >= MOST_ALLOTMENTS:
        raise NotPossible("too_many")
    try:
        Discount(_text(terms.name), terms.kind, terms.amount)
    except ValueError as error:
        raise NotPossible("bad_amount") from error
    if not 0 < terms.per_month <= MOST_A_MONTH or not 0 < (terms.per_day or 1) <= terms.per_month:
        raise NotPossible("bad_count")
    if terms.until_day is not None and terms.until_day < terms.from_day:
        raise NotPossible("bad_day")
    identity = secrets.token_hex(6)
    row = {"complex": by.complex, "id": identity, "issuer": issuer, **_columns(terms)}
    await connection.execute(coupon_allotment.insert().values(**row, made_at=stamp(by.at), made_by=by.who))
    return identity


def _columns(terms: Terms) -> dict[str, Any]:
    until = terms.until_day.isoformat() if terms.until_day else None
    said = {"kind": terms.kind, "amount": 0 if terms.kind == "full" else terms.amount, "per_month": terms.per_month}
    said |= {"per_day": terms.per_day, "from_day": terms.from_day.isoformat(), "until_day": until}
    return {"name": _text(terms.name), **said}


async def _live(connection: AsyncConnection, complex_id: str, issuer: str) -> Mapping[Any, Any]:
    same = (coupon_issuer.c.complex == complex_id, coupon_issuer.c.id == issuer, coupon_issuer.c.ended_at.is_(None))
    found = (await connection.execute(select(coupon_issuer).where(*same))).mappings().first()
    if found is None:
        raise NotPossible("no_issuer")
    return found


async def new_page(connection: AsyncConnection, by: By, issuer: str) -> str:
    """Another token for a shop's page, in the place of the one before. Raises NotPossible."""
    if (await _live(connection, by.complex, issuer))["household"] is not None:
        raise NotPossible("has_link")
    token = secrets.token_urlsafe(24)
    same = (coupon_issuer.c.complex == by.complex, coupon_issuer.c.id == issuer)
    await connection.execute(update(coupon_issuer).where(*same).values(digest=digest_of(token)))
    return token


async def end(connection: AsyncConnection, by: By, issuer: str, why: str, allotment: str = "") -> None:
    """End an issuer with its page; or one of its allotments. What was given stays. Raises NotPossible."""
    await _live(connection, by.complex, issuer)
    if not why:
        raise NotPossible("no_reason")
    table = coupon_allotment if allotment else coupon_issuer
    same = [table.c.complex == by.complex, table.c.id == (allotment or issuer), table.c.ended_at.is_(None)]
    same += [table.c.issuer == issuer] if allotment else []
    said: dict[str, Any] = {"ended_at": stamp(by.at), "ended_by": by.who, "ended_why": why}
    done = await connection.execute(
        update(table).where(*same).values(**said, **({} if allotment else {"digest": None}))
    )
    if not done.rowcount:
        raise NotPossible("no_allotment")


async def by_token(connection: AsyncConnection, token: str) -> Issuer | None:
    """The shop whose page has this token."""
    return await _one(connection, coupon_issuer.c.digest == digest_of(token), coupon_issuer.c.household.is_(None))


async def of_household(connection: AsyncConnection, complex_id: str, home: str) -> Issuer | None:
    """A household that may give coupons to its visitors."""
    return await _one(connection, coupon_issuer.c.complex == complex_id, coupon_issuer.c.household == home)


async def _one(connection: AsyncConnection, *where: Any) -> Issuer | None:
    columns = [coupon_issuer.c[name] for name in ("complex", "id", "name", "household")]
    query = select(*columns, complex_.c.name.label("complex_name"), complex_.c.timezone)
    query = query.join(complex_, complex_.c.id == coupon_issuer.c.complex)
    query = query.where(*where, coupon_issuer.c.ended_at.is_(None)).order_by(coupon_issuer.c.made_at)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else msgspec.convert(row, Issuer)

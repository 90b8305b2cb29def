"""Statements on what a complex publishes: whether its account is open, and the months as they were frozen."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.engine import stamp
from server.store.schema import complex_, public_account, public_month
from server.store.scope import Scope, within
from server.store.upsert import insert

REVIEWERS = ("committee", "community", "street", "district", "auditor")  # roles that may be one of the three
USUAL_REVIEWS = ("committee", "community", "street")


class Account(msgspec.Struct, frozen=True):
    """What a complex says of its public account."""

    is_open: bool = False
    is_indexed: bool = False
    shows_unpaid: bool = False
    review_1: str = USUAL_REVIEWS[0]
    review_2: str = USUAL_REVIEWS[1]
    review_3: str = USUAL_REVIEWS[2]
    changed_at: datetime | None = None
    changed_by: str = ""

    @property
    def reviews(self) -> tuple[str, str, str]:
        return (self.review_1, self.review_2, self.review_3)


class Published(msgspec.Struct, frozen=True):
    """A month as it was frozen; ``published_at`` None: it waits for the second person."""

    month: str
    version: int
    body: bytes
    hash: str
    ledger_number: int
    ledger_hash: str
    proposed_at: datetime
    proposed_by: str
    published_at: datetime | None
    published_by: str | None


class Open(msgspec.Struct, frozen=True):
    """A complex whose account anyone may read."""

    id: str
    name: str
    timezone: str
    is_indexed: bool


async def account(connection: AsyncConnection, complex_id: str) -> Account:
    """As it usually is where nothing was said."""
    row = (await connection.execute(select(public_account).where(public_account.c.complex == complex_id))).mappings()
    found = row.first()
    if found is None:
        return Account()
    return msgspec.convert({name: found[name] for name in Account.__struct_fields__}, Account, strict=False)


async def put_account(connection: AsyncConnection, complex_id: str, said: Account, by: str, now: datetime) -> None:
    words = msgspec.structs.asdict(said)
    words |= {name: int(words[name]) for name in ("is_open", "is_indexed", "shows_unpaid")}
    values = {**words, "changed_at": stamp(now), "changed_by": by}
    statement = insert(public_account).values(complex=complex_id, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=[public_account.c.complex], set_=values))


async def open_one(connection: AsyncConnection, complex_id: str) -> Open | None:
    """None for a complex that keeps its account closed, and for one that is not there: nobody can tell them apart."""
    columns = (complex_.c.id, complex_.c.name, complex_.c.timezone, public_account.c.is_indexed)
    query = select(*columns).join(public_account, public_account.c.complex == complex_.c.id)
    row = await connection.execute(query.where(complex_.c.id == complex_id, public_account.c.is_open == 1))
    found = row.mappings().first()
    return None if found is None else msgspec.convert(found, Open, strict=False)


async def months(connection: AsyncConnection, complex_id: str, *, only_published: bool = True) -> list[Published]:
    """Every version, the newest month and version first."""
    query = select(public_month).where(public_month.c.complex == complex_id)
    if only_published:
        query = query.where(public_month.c.published_at.is_not(None))
    order = (public_month.c.month.desc(), public_month.c.version.desc())
    return [msgspec.convert(row, Published) for row in (await connection.execute(query.order_by(*order))).mappings()]


async def month(connection: AsyncConnection, complex_id: str, month_: str) -> list[Published]:
    """The versions of one month, the newest first; one that waits among them."""
    same = (public_month.c.complex == complex_id, public_month.c.month == month_)
    rows = await connection.execute(select(public_month).where(*same).order_by(public_month.c.version.desc()))
    return [msgspec.convert(row, Published) for row in rows.mappings()]


async def propose(connection: AsyncConnection, complex_id: str, frozen: Published) -> None:
    """Freeze figures; one that waits already is replaced."""
    waits = (public_month.c.complex == complex_id, public_month.c.month == frozen.month)
    await connection.execute(public_month.delete().where(*waits, public_month.c.published_at.is_(None)))
    row = msgspec.structs.asdict(frozen) | {"proposed_at": stamp(frozen.proposed_at)}
    await connection.execute(public_month.insert().values(complex=complex_id, **row))


async def publish(connection: AsyncConnection, complex_id: str, frozen: Published, by: str, now: datetime) -> None:
    same = (public_month.c.complex == complex_id, public_month.c.month == frozen.month)
    which = (*same, public_month.c.version == frozen.version, public_month.c.published_at.is_(None))
    values = {"published_at": stamp(now), "published_by": by}
    await connection.execute(public_month.update().where(*which).values(**values))


async def published_months(connection: AsyncConnection, scope: Scope, since: str) -> dict[str, set[str]]:
    """By complex, which months from ``since`` on are published."""
    columns = (public_month.c.complex, public_month.c.month)
    query = select(*columns).where(within(public_month.c.complex, scope), public_month.c.month >= since)
    found: dict[str, set[str]] = {}
    for row in await connection.execute(query.where(public_month.c.published_at.is_not(None)).distinct()):
        found.setdefault(row.complex, set()).add(row.month)
    return found


async def open_complexes(connection: AsyncConnection, scope: Scope) -> set[str]:
    query = select(public_account.c.complex).where(public_account.c.is_open == 1)
    return set((await connection.execute(query.where(within(public_account.c.complex, scope)))).scalars())


async def newest_months(connection: AsyncConnection, scope: Scope) -> dict[str, str]:
    """By complex, the newest month that is published."""
    query = select(public_month.c.complex, func.max(public_month.c.month).label("month"))
    query = query.where(within(public_month.c.complex, scope), public_month.c.published_at.is_not(None))
    return {row.complex: row.month for row in await connection.execute(query.group_by(public_month.c.complex))}


class Edition(msgspec.Struct, frozen=True):
    """A version of a month that is published, without its body."""

    month: str
    version: int
    hash: str


async def editions(connection: AsyncConnection, complex_id: str) -> list[Edition]:
    """All that is published of a complex, the newest month and version first."""
    columns = (public_month.c.month, public_month.c.version, public_month.c.hash)
    query = select(*columns).where(public_month.c.complex == complex_id, public_month.c.published_at.is_not(None))
    rows = await connection.execute(query.order_by(public_month.c.month.desc(), public_month.c.version.desc()))
    return [msgspec.convert(row, Edition) for row in rows.mappings()]


async def published_one(connection: AsyncConnection, complex_id: str, month_: str, version: int) -> Published | None:
    same = (public_month.c.complex == complex_id, public_month.c.month == month_, public_month.c.version == version)
    query = select(public_month).where(*same, public_month.c.published_at.is_not(None))
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else msgspec.convert(row, Published)

"""Statements on how people want to be told: their channels in order, quiet hours, browsers, open screens."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.words import Severity
from server.store.channel_tables import browser, open_screen, person_channel, person_notice
from server.store.engine import stamp
from server.store.people_tables import account, login
from server.store.place_tables import account_scope
from server.store.scope import Scope, scope_of
from server.store.upsert import insert

MOST_BROWSERS = 10
_AT_ONCE = 500


class Chosen(msgspec.Struct, frozen=True):
    """A channel as somebody set it."""

    channel: str
    rank: int
    is_on: bool
    least: Severity
    address: str


class Habits(msgspec.Struct, frozen=True):
    """When somebody sleeps, and in which language they are told."""

    quiet_from: str = ""
    quiet_to: str = ""
    lang: str = "zh"
    tested_at: datetime | None = None


class BrowserRow(msgspec.Struct, frozen=True):
    """A browser that somebody is pushed to."""

    digest: str
    endpoint: str
    p256dh: str
    auth: str
    name: str
    made_at: datetime


class Known(msgspec.Struct, frozen=True):
    """An account that may be told, and what it sees."""

    id: int
    scope: Scope


async def find(connection: AsyncConnection, username: str) -> Known | None:
    """None for nobody, and for who is not let in any more."""
    query = select(account.c.id).where(account.c.username == username, account.c.disabled_at.is_(None))
    number: int | None = (await connection.execute(query)).scalar()
    if number is None:
        return None
    rows = await connection.execute(select(account_scope).where(account_scope.c.account == number))
    return Known(number, scope_of((row.kind, row.place) for row in rows))


async def chosen(connection: AsyncConnection, number: int) -> list[Chosen]:
    """In their order."""
    query = select(*(person_channel.c[name] for name in Chosen.__struct_fields__))
    rows = await connection.execute(query.where(person_channel.c.account == number).order_by(person_channel.c.rank))
    return [msgspec.convert(row, Chosen, strict=False) for row in rows.mappings()]


async def who_chose(connection: AsyncConnection, usernames: Collection[str]) -> frozenset[str]:
    """Those who have a channel of their own choosing."""
    query = select(account.c.username).join(person_channel, person_channel.c.account == account.c.id)
    query = query.where(account.c.username.in_(sorted(usernames)), person_channel.c.is_on == 1).distinct()
    return frozenset((await connection.execute(query)).scalars())


async def choose(connection: AsyncConnection, number: int, rows: Sequence[Chosen]) -> None:
    """All of somebody's channels anew."""
    for one in rows:
        values: dict[str, Any] = {"rank": one.rank, "is_on": int(one.is_on), "least": one.least, "address": one.address}
        statement = insert(person_channel).values(account=number, channel=one.channel, **values)
        await connection.execute(statement.on_conflict_do_update(index_elements=["account", "channel"], set_=values))
    named = [one.channel for one in rows]
    gone = (person_channel.c.account == number, person_channel.c.channel.not_in(named))
    await connection.execute(delete(person_channel).where(*gone))


async def habits(connection: AsyncConnection, number: int) -> Habits:
    row = (await connection.execute(select(person_notice).where(person_notice.c.account == number))).mappings().first()
    return Habits() if row is None else msgspec.convert(row, Habits)


async def set_habits(connection: AsyncConnection, number: int, wanted: Habits) -> None:
    values = msgspec.structs.asdict(wanted)
    values["tested_at"] = None if wanted.tested_at is None else stamp(wanted.tested_at)
    statement = insert(person_notice).values(account=number, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=["account"], set_=values))


async def browsers(connection: AsyncConnection, number: int) -> list[BrowserRow]:
    query = select(browser).where(browser.c.account == number).order_by(browser.c.made_at)
    return [msgspec.convert(row, BrowserRow) for row in (await connection.execute(query)).mappings()]


async def add_browser(connection: AsyncConnection, number: int, row: BrowserRow) -> None:
    """A browser is whose login it has; the oldest goes where there are too many."""
    values = {**msgspec.structs.asdict(row), "made_at": stamp(row.made_at), "account": number}
    changed = {name: values[name] for name in ("account", "p256dh", "auth", "name", "made_at")}
    statement = insert(browser).values(**values)
    await connection.execute(statement.on_conflict_do_update(index_elements=["digest"], set_=changed))
    kept = [one.digest for one in (await browsers(connection, number))[-MOST_BROWSERS:]]
    await connection.execute(delete(browser).where(browser.c.account == number, browser.c.digest.not_in(kept)))


async def remove_browser(connection: AsyncConnection, digest: str, number: int | None = None) -> bool:
    """One of somebody's, or anybody's that is gone; whether it was there."""
    query = delete(browser).where(browser.c.digest == digest)
    if number is not None:
        query = query.where(browser.c.account == number)
    return (await connection.execute(query)).rowcount == 1


async def screen_open(connection: AsyncConnection, number: int, now: datetime) -> bool:
    query = select(func.count()).where(open_screen.c.account == number, open_screen.c.until > stamp(now))
    return bool((await connection.execute(query)).scalar())


async def screens_open(connection: AsyncConnection, logins: Collection[str], now: datetime, until: datetime) -> int:
    """Say whose screens stand open, by their logins; forget those that were said long ago. How many people."""
    await connection.execute(delete(open_screen).where(open_screen.c.until <= stamp(now)))
    people: set[int] = set()
    named = sorted(logins)
    for start in range(0, len(named), _AT_ONCE):
        query = select(login.c.account).where(login.c.digest.in_(named[start : start + _AT_ONCE]))
        people.update((await connection.execute(query)).scalars())
    if people:
        statement = insert(open_screen)
        changed = {"until": statement.excluded.until}
        rows = [{"account": number, "until": stamp(until)} for number in sorted(people)]
        await connection.execute(statement.on_conflict_do_update(index_elements=["account"], set_=changed), rows)
    return len(people)

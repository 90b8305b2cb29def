"""Visitors' passes: a link's bounds, a code that opens once, and the page that shows it."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store import resident_rows
from server.store.engine import stamp
from server.store.resident_rows import By, NotPossible, Rights
from server.store.resident_tables import credential, visitor_link
from server.store.schema import complex_

MOST_ACTIVE, MOST_A_DAY = 10, 20
LONGEST, LONGEST_AHEAD = timedelta(days=3), timedelta(days=30)
_CODE_SIGNS = 32


class Window(NamedTuple):
    """From when to when a pass is good, by the clocks of its complex."""

    begins: datetime
    ends: datetime


class OpenLink(msgspec.Struct, frozen=True):
    """A link that is still good."""

    id: str
    complex: str
    complex_name: str
    timezone: str
    household: str
    groups: list[str]
    expires_at: datetime


class VisitorPass(msgspec.Struct, frozen=True):
    """A code as the household and its visitor see it."""

    id: str
    complex: str
    complex_name: str
    timezone: str
    name: str
    from_day: str
    until_day: str
    from_at: datetime | None  # none: a pass for whole days
    until_at: datetime | None
    used_at: datetime | None
    used_by: str | None
    revoked_at: datetime | None
    version: int | None

    def state(self, now: datetime, today: date) -> str:
        """Used before all else: that is what a household asks."""
        if self.used_at is not None:
            return "used"
        if self.revoked_at is not None:
            return "revoked"
        is_over = today.isoformat() > self.until_day or (self.until_at is not None and now > self.until_at)
        return "over" if is_over else "good"


def new_token() -> str:
    """In an address: nobody guesses it."""
    return secrets.token_urlsafe(24)


def digest_of_token(token: str) -> str:
    return hashlib.sha256(f"gatehouse visitor:{token}".encode()).hexdigest()


def code_of(token: str) -> str:
    """What the QR code of a pass says: follows from the token of its page, which does not follow from it."""
    stirred = hashlib.sha256(f"gatehouse visitor's code:{token}".encode()).digest()
    return base64.b32encode(stirred).decode()[:_CODE_SIGNS]


async def open_link(connection: AsyncConnection, token: str, now: datetime) -> OpenLink | None:
    columns = [visitor_link.c[name] for name in ("id", "complex", "household", "groups", "expires_at")]
    query = select(*columns, complex_.c.name.label("complex_name"), complex_.c.timezone)
    query = query.join(complex_, complex_.c.id == visitor_link.c.complex)
    good = (visitor_link.c.ended_at.is_(None), visitor_link.c.expires_at > stamp(now))
    row = (await connection.execute(query.where(visitor_link.c.digest == digest_of_token(token), *good))).mappings()
    found = row.first()
    return None if found is None else msgspec.convert(found, OpenLink)


async def make(connection: AsyncConnection, by: By, link: OpenLink, name: str, window: Window, token: str) -> str:
    """A pass under a token of its own. Raises NotPossible, where the link has made enough."""
    days = (window.begins.date(), window.ends.date())
    await _check_bounds(connection, by, link, days[1])
    rights = Rights(days[1], tuple(link.groups), days[0], window.begins, window.ends)
    text = " ".join(name.split())[: resident_rows.MOST_SIGNS]
    if text and not text.isprintable():
        raise NotPossible("bad_text")
    identity = await resident_rows.add_secret(connection, by, link.household, None, "qr", code_of(token), rights)
    marks = {"link": link.id, "pass_digest": digest_of_token(token), "name": text, "holder": identity}
    await resident_rows.change_credential(connection, by.complex, identity, marks)
    return identity


async def _check_bounds(connection: AsyncConnection, by: By, link: OpenLink, until: date) -> None:
    mine = (credential.c.complex == link.complex, credential.c.link == link.id)
    count = select(func.count()).select_from(credential)
    today = by.at.date() - timedelta(days=1)
    active = count.where(*mine, credential.c.revoked_at.is_(None), credential.c.until_day >= today.isoformat())
    lately = count.where(*mine, credential.c.made_at >= stamp(by.at - timedelta(days=1)))
    if (await connection.execute(active)).scalar_one() >= MOST_ACTIVE:
        raise NotPossible("enough")
    if (await connection.execute(lately)).scalar_one() >= MOST_A_DAY:
        raise NotPossible("enough")
    if until > link.expires_at.date() + timedelta(days=1):
        raise NotPossible("bad_day")


async def of_link(connection: AsyncConnection, link: OpenLink, since: date) -> list[VisitorPass]:
    """Those that are still to come, the newest first."""
    mine = (credential.c.link == link.id, credential.c.until_day >= since.isoformat())
    query = _passes().where(*mine).order_by(credential.c.made_at.desc(), credential.c.id).limit(2 * MOST_A_DAY)
    return [msgspec.convert(row, VisitorPass) for row in (await connection.execute(query)).mappings()]


async def shown(connection: AsyncConnection, token: str) -> VisitorPass | None:
    """The pass that has its page under a token."""
    query = _passes().where(credential.c.pass_digest == digest_of_token(token))
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else msgspec.convert(row, VisitorPass)


def _passes() -> Select[Any]:
    window = ("from_day", "until_day", "from_at", "until_at")
    names = ("id", "complex", "name", *window, "used_at", "used_by", "revoked_at", "version")
    query = select(*(credential.c[name] for name in names), complex_.c.name.label("complex_name"), complex_.c.timezone)
    return query.join(complex_, complex_.c.id == credential.c.complex)

"""Statements on the audit: rows are chained at the end of the transaction that records them, one writer at a time."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audit import BLANKED, CONFIDENTIAL, GENESIS, Blanking, Content, Row, linked
from server.store.audit_table import audit
from server.store.postgres import lock_audit
from server.store.scope import Scope, within

_PENDING = "gatehouse audit"  # in a connection's own dictionary, for the time of a transaction
BLANKABLE = tuple(name for name in Content.__struct_fields__)
_IN_A_BITE = 1_000


class Entry(msgspec.Struct, frozen=True):
    """What a row will say, before it has its place in the chain."""

    at: str
    action: str
    who: str
    role: str
    account: int | None = None
    complex: str | None = None
    kind: str | None = None
    ref: str | None = None
    reason: str | None = None
    address: str | None = None
    session: str | None = None
    details: str | None = None


class Head(msgspec.Struct, frozen=True):
    """The end of the chain: what an auditor writes down and holds against it later."""

    number: int
    hash: str
    at: str | None = None


class Filter(msgspec.Struct, frozen=True):
    """Which rows a search shows; empty fields do not restrict. ``before``: the number of the last row shown."""

    who: str = ""
    action: str = ""
    complex: str = ""
    since: str = ""
    until: str = ""
    before: int | None = None


@asynccontextmanager
async def appended(connection: AsyncConnection) -> AsyncGenerator[None]:
    """What is recorded within gets its place at the end, just before the commit: the lock of the chain is the last one
    a transaction takes, and is held for no longer than that."""
    pending: list[Entry] = []
    connection.info[_PENDING] = pending
    yield
    if pending:
        await _append(connection, pending)


def add(connection: AsyncConnection, entry: Entry) -> None:
    """Have it appended with the commit. Raises KeyError for a connection that is not of ``Database.write``."""
    connection.info[_PENDING].append(entry)


async def _append(connection: AsyncConnection, pending: Sequence[Entry]) -> None:
    await lock_audit(connection)
    last, rows = await head(connection), list[dict[str, Any]]()
    for entry in pending:
        said = msgspec.structs.asdict(entry)
        at, action = said.pop("at"), said.pop("action")
        content = Content(**said, nonce=secrets.token_hex(16))
        row = linked(last.hash, last.number + 1, at, action, content)
        rows.append(_columns(row, content))
        last = Head(row.number, row.hash)
    await connection.execute(audit.insert(), rows)


def _columns(row: Row, content: Content) -> dict[str, Any]:
    chained = {"number": row.number, "at": row.at, "action": row.action, "digest": row.digest}
    return {**chained, **msgspec.structs.asdict(content), "previous": row.previous, "hash": row.hash}


async def head(connection: AsyncConnection) -> Head:
    query = select(audit.c.number, audit.c.hash, audit.c.at).order_by(audit.c.number.desc()).limit(1)
    row = (await connection.execute(query)).first()
    return Head(0, GENESIS) if row is None else Head(row.number, row.hash, row.at)


async def count(connection: AsyncConnection) -> int:
    return (await connection.execute(select(func.count()).select_from(audit))).scalar_one()


async def after(connection: AsyncConnection, number: int, limit: int = _IN_A_BITE) -> list[Row]:
    """The next rows of the chain."""
    query = select(audit).where(audit.c.number > number).order_by(audit.c.number).limit(limit)
    return [_row(row) for row in (await connection.execute(query)).mappings()]


async def search(connection: AsyncConnection, scope: Scope, chosen: Filter, limit: int) -> list[Row]:
    """Rows of complexes within the scope, the newest first; what belongs to none is for who sees the city."""
    query = _chosen(select(audit), chosen).where(within(audit.c.complex, scope))
    query = query.order_by(audit.c.number.desc()).limit(limit)
    return [_row(row) for row in (await connection.execute(query)).mappings()]


async def oldest_first(connection: AsyncConnection, scope: Scope, chosen: Filter, limit: int) -> AsyncGenerator[Row]:
    """The same rows from the oldest on, read in bites."""
    last, left = 0, limit
    while left > 0:
        query = _chosen(select(audit), chosen).where(within(audit.c.complex, scope), audit.c.number > last)
        rows = (await connection.execute(query.order_by(audit.c.number).limit(min(left, _IN_A_BITE)))).mappings().all()
        for row in rows:
            yield _row(row)
        if not rows:
            return
        last, left = rows[-1]["number"], left - len(rows)


async def confidential(connection: AsyncConnection, scope: Scope, limit: int) -> list[Row]:
    """What was done with watch lists, the newest first: for their own page alone."""
    query = select(audit).where(audit.c.action.in_(sorted(CONFIDENTIAL)), within(audit.c.complex, scope))
    rows = await connection.execute(query.order_by(audit.c.number.desc()).limit(limit))
    return [_row(row) for row in rows.mappings()]


def _chosen(query: Select[Any], chosen: Filter) -> Select[Any]:
    query = query.where(audit.c.action.not_in(sorted(CONFIDENTIAL)))
    if chosen.who:
        query = query.where(audit.c.who == chosen.who)
    if chosen.action:
        query = query.where(or_(audit.c.action == chosen.action, audit.c.action.startswith(chosen.action + ".")))
    if chosen.complex:
        query = query.where(audit.c.complex == chosen.complex)
    if chosen.since:
        query = query.where(audit.c.at >= chosen.since)
    if chosen.until:
        query = query.where(audit.c.at < chosen.until)
    return query if chosen.before is None else query.where(audit.c.number < chosen.before)


async def blankings(connection: AsyncConnection) -> list[Blanking]:
    """What rows say of contents that were taken out."""
    query = select(audit.c.number, audit.c.at, audit.c.details).where(audit.c.action == BLANKED)
    rows = (await connection.execute(query.order_by(audit.c.number))).all()
    return [_blanking(row.number, row.at, row.details) for row in rows]


def _blanking(number: int, at: str, details: str | None) -> Blanking:
    try:
        said = msgspec.json.decode(details or "{}", type=dict[str, Any])
        return Blanking(number, at, int(said["through"]), str(said["before"]))
    except (msgspec.MsgspecError, KeyError, ValueError):
        return Blanking(number, at, 0, "")  # it was tampered with, and covers nothing


async def old(connection: AsyncConnection, before: str) -> tuple[int, int]:
    """How many rows from before a moment still have contents, and the highest of their numbers."""
    query = select(func.count(), func.coalesce(func.max(audit.c.number), 0)).where(*_old(before))
    number, through = (await connection.execute(query)).one()
    return number, through


async def blank(connection: AsyncConnection, before: str, through: int, at: str) -> None:
    """Take out the contents of old rows; the triggers let nothing younger through."""
    emptied: dict[str, Any] = dict.fromkeys(BLANKABLE)
    old_ones = (*_old(before), audit.c.number <= through)
    await connection.execute(update(audit).where(*old_ones).values(**emptied, blanked_at=at))


def _old(before: str) -> tuple[Any, ...]:
    return (audit.c.at < before, audit.c.blanked_at.is_(None), audit.c.action != BLANKED)


def _row(columns: Any) -> Row:
    """A row with its contents; without, where any of what is always there is gone."""
    content = None
    if columns["nonce"] is not None:
        content = Content(*(columns[name] for name in Content.__struct_fields__))
    chained = (columns["digest"], columns["previous"], columns["hash"], columns["blanked_at"])
    return Row(columns["number"], columns["at"], columns["action"], content, *chained)

"""Versions of a complex's tariff: drafted, proposed by one person, published by another, withdrawn in time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.engine import stamp
from server.store.resident_rows import NotPossible
from server.store.tariff_tables import tariff_version

State = Literal["draft", "proposed", "published", "withdrawn"]
CHANGES = ("entry", "split")
MOST_BODY, MOST_WORDS, MOST_DRAFTS = 40_000, 8_000, 20
_COLUMNS = tuple(tariff_version.columns)


class Text(msgspec.Struct, frozen=True):
    """What a person writes of a version. ``since`` None: from its publication on."""

    body: str
    words: str
    default_class: str = ""
    change: str = "entry"
    since: datetime | None = None


class VersionView(msgspec.Struct, frozen=True):
    """A version, and who did what with it."""

    complex: str
    number: int
    state: State
    words: str
    body: str
    default_class: str
    change: Literal["entry", "split"]
    since: datetime | None
    made_at: datetime
    made_by: str
    changed_at: datetime
    changed_by: str
    proposed_at: datetime | None = None
    proposed_by: str | None = None
    published_at: datetime | None = None
    published_by: str | None = None
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None
    reason: str | None = None

    def is_to_come(self, now: datetime) -> bool:
        """Published, and not yet in force."""
        return self.state == "published" and self.since is not None and self.since > now


async def versions(connection: AsyncConnection, complex_id: str) -> list[VersionView]:
    """All of a complex, the newest first."""
    rows = await connection.execute(_of(complex_id).order_by(tariff_version.c.number.desc()))
    return [msgspec.convert(row, VersionView) for row in rows.mappings()]


async def one(connection: AsyncConnection, complex_id: str, number: int) -> VersionView | None:
    row = (await connection.execute(_of(complex_id).where(tariff_version.c.number == number))).mappings().first()
    return None if row is None else msgspec.convert(row, VersionView)


def _of(complex_id: str) -> Select[Any]:
    return select(*_COLUMNS).where(tariff_version.c.complex == complex_id)


async def published(connection: AsyncConnection, complexes: Collection[str]) -> dict[str, tuple[tuple[int, str], ...]]:
    """complex -> number and date of the versions that are published, in the order in which they count."""
    table = tariff_version
    query = select(table.c.complex, table.c.number, table.c.since).where(table.c.complex.in_(complexes))
    query = query.where(table.c.state == "published").order_by(table.c.complex, table.c.since, table.c.number)
    found: dict[str, list[tuple[int, str]]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.complex, []).append((row.number, row.since))
    return {complex_id: tuple(rows) for complex_id, rows in found.items()}


async def bodies(connection: AsyncConnection, complex_id: str, numbers: Sequence[int]) -> list[VersionView]:
    """Versions whole, in the order asked for."""
    rows = (await connection.execute(_of(complex_id).where(tariff_version.c.number.in_(numbers)))).mappings()
    found = {row["number"]: msgspec.convert(row, VersionView) for row in rows}
    return [found[number] for number in numbers]


async def draft(connection: AsyncConnection, complex_id: str, said: Text, by: str, now: datetime) -> int:
    """A new draft; its number. Raises NotPossible where too many lie about."""
    same = tariff_version.c.complex == complex_id
    open_ = select(func.count()).select_from(tariff_version).where(same, tariff_version.c.state == "draft")
    if (await connection.execute(open_)).scalar_one() >= MOST_DRAFTS:
        raise NotPossible("too_many_drafts")
    newest = (await connection.execute(select(func.max(tariff_version.c.number)).where(same))).scalar() or 0
    made = {"complex": complex_id, "number": newest + 1, "state": "draft", "made_at": stamp(now), "made_by": by}
    await connection.execute(tariff_version.insert().values(**made, **_written(said, by, now)))
    return newest + 1


async def save(
    connection: AsyncConnection, complex_id: str, number: int, said: Text, by: str, now: datetime, seen: str
) -> None:
    """Write a draft anew. Raises NotPossible where it is no draft, or somebody wrote it since it was ``seen``."""
    row = await _need(connection, complex_id, number, "draft")
    if seen and seen != stamp(row.changed_at):
        raise NotPossible("changed_meanwhile")
    await _change(connection, complex_id, number, "draft", _written(said, by, now))


def _written(said: Text, by: str, now: datetime) -> dict[str, Any]:
    since = None if said.since is None else stamp(said.since)
    kept = {"words": said.words, "body": said.body, "default_class": said.default_class, "change": said.change}
    return {**kept, "since": since, "changed_at": stamp(now), "changed_by": by}


async def propose(connection: AsyncConnection, complex_id: str, number: int, by: str, now: datetime) -> None:
    """A draft that another person shall look at; it is not written any more. Raises NotPossible."""
    row = await _need(connection, complex_id, number, "draft")
    if row.since is not None and row.since <= now:
        raise NotPossible("date_passed")
    said = {"state": "proposed", "proposed_at": stamp(now), "proposed_by": by, "reason": None}
    await _change(connection, complex_id, number, "draft", said)


async def send_back(connection: AsyncConnection, complex_id: str, number: int, reason: str) -> None:
    """A proposal becomes a draft again. Raises NotPossible."""
    said = {"state": "draft", "proposed_at": None, "proposed_by": None, "reason": reason}
    await _change(connection, complex_id, number, "proposed", said)


async def publish(connection: AsyncConnection, complex_id: str, number: int, by: str, now: datetime) -> None:
    """A proposal counts from its date on, or from now. Raises NotPossible: also for who proposed it."""
    row = await _need(connection, complex_id, number, "proposed")
    if row.proposed_by == by:
        raise NotPossible("same_person")
    if row.since is not None and row.since <= now:
        raise NotPossible("date_passed")
    newest = (await published(connection, [complex_id])).get(complex_id, ())
    if row.since is not None and any(since == stamp(row.since) for _, since in newest):
        raise NotPossible("date_taken")
    said = {"state": "published", "published_at": stamp(now), "published_by": by}
    await _change(connection, complex_id, number, "proposed", said | {"since": stamp(row.since or now)})


async def withdraw(
    connection: AsyncConnection, complex_id: str, number: int, by: str, now: datetime, reason: str
) -> None:
    """A draft or a proposal is dropped, or a published version before it comes into force. Raises NotPossible."""
    row = await one(connection, complex_id, number)
    if row is None or row.state == "withdrawn" or (row.state == "published" and not row.is_to_come(now)):
        raise NotPossible("in_force" if row is not None and row.state == "published" else "not_so")
    said = {"state": "withdrawn", "withdrawn_at": stamp(now), "withdrawn_by": by, "reason": reason}
    await _change(connection, complex_id, number, row.state, said)


async def _need(connection: AsyncConnection, complex_id: str, number: int, state: State) -> VersionView:
    row = await one(connection, complex_id, number)
    if row is None or row.state != state:
        raise NotPossible("not_so")
    return row


async def _change(
    connection: AsyncConnection, complex_id: str, number: int, state: State, values: Mapping[str, Any]
) -> None:
    """Of two who change it at once, one does."""
    table = tariff_version
    same = (table.c.complex == complex_id, table.c.number == number, table.c.state == state)
    if (await connection.execute(update(table).where(*same).values(**values))).rowcount != 1:
        raise NotPossible("not_so")

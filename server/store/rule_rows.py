"""Versions of a complex's alert rules: published one behind the other, each in force from after all that was judged."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from eventlog.shards import shard_of
from server.store import desired_rows
from server.store.bulk import look_up
from server.store.engine import stamp, unstamp
from server.store.rule_tables import rule_version
from server.store.schema import alert, batch

KIND = "alert_rules"  # the document by which gateways know what presses
MOST_SHOWN = 50
_NEWEST_BATCHES = 2_000
_TICK = timedelta(milliseconds=1)  # the steps of a stamp
_OF_COMPLEXES = """SELECT rule_version.complex, rule_version.version, rule_version.since
FROM wanted CROSS JOIN rule_version WHERE rule_version.complex = wanted.complex"""
_NEWEST = """SELECT rule_version.complex, rule_version.version, rule_version.body
FROM wanted CROSS JOIN rule_version WHERE rule_version.complex = wanted.complex
AND NOT EXISTS (SELECT 1 FROM rule_version AS later
    WHERE later.complex = rule_version.complex AND later.version > rule_version.version)"""


class Overtaken(Exception):
    """Somebody else published meanwhile: load the page again and look what it says now."""


class TooEarly(Exception):
    """A version that would begin where facts have been judged already. ``earliest``: from when it may."""

    def __init__(self, earliest: datetime) -> None:
        super().__init__(f"since: facts received before {earliest.isoformat()} have been judged; begin then or later")
        self.earliest = earliest


class Published(msgspec.Struct, frozen=True):
    """A version as the history shows it."""

    version: int
    since: datetime
    reason: str
    made_at: datetime
    made_by: str
    body: bytes


class Key(msgspec.Struct, frozen=True):
    """By what a version is known: it never changes."""

    complex: str
    version: int
    since: datetime


async def keys(connection: AsyncConnection, complexes: Collection[str]) -> list[Key]:
    """Every version of these complexes."""
    rows = await look_up(connection, {"complex": "varchar"}, [(one,) for one in sorted(complexes)], _OF_COMPLEXES)
    return [Key(complex_id, version, unstamp(since)) for complex_id, version, since in rows]


async def history(connection: AsyncConnection, complex_id: str, limit: int = MOST_SHOWN) -> Sequence[Published]:
    """The newest first."""
    table = rule_version
    query = select(*(table.c[name] for name in Published.__struct_fields__)).where(table.c.complex == complex_id)
    rows = await connection.execute(query.order_by(table.c.version.desc()).limit(limit))
    return [msgspec.convert(row, Published) for row in rows.mappings()]


async def newest(connection: AsyncConnection, complex_id: str) -> Published | None:
    found = await history(connection, complex_id, 1)
    return found[0] if found else None


async def newest_of(connection: AsyncConnection, complexes: Collection[str]) -> dict[str, tuple[int, bytes]]:
    """Complex -> the number and the body of its newest version; what has none is not there."""
    rows = await look_up(connection, {"complex": "varchar"}, [(one,) for one in sorted(complexes)], _NEWEST)
    return {complex_id: (version, body) for complex_id, version, body in rows}


async def one(connection: AsyncConnection, complex_id: str, version: int) -> Published | None:
    table = rule_version
    query = select(*(table.c[name] for name in Published.__struct_fields__))
    query = query.where(table.c.complex == complex_id, table.c.version == version)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else msgspec.convert(row, Published)


async def body(connection: AsyncConnection, complex_id: str, version: int) -> bytes:
    table = rule_version
    query = select(table.c.body).where(table.c.complex == complex_id, table.c.version == version)
    return (await connection.execute(query)).scalar_one()


class Draft(msgspec.Struct, frozen=True):
    """What is to be published. ``after``: the version that its editor saw; ``since`` None: from now on."""

    after: int
    body: bytes
    reason: str
    since: datetime | None = None


async def publish(connection: AsyncConnection, complex_id: str, draft: Draft, by: str, now: datetime) -> Published:
    """A version behind the newest, in the complex's turn, with ``now`` taken in it. Raises Overtaken, TooEarly."""
    before = await newest(connection, complex_id)
    if (before.version if before else 0) != draft.after:
        raise Overtaken(f"the rules of {complex_id} were changed after version {draft.after}; load the page again")
    earliest = await _after_all(connection, complex_id, now)
    if draft.since is not None and draft.since < earliest:
        raise TooEarly(earliest)
    since = unstamp(stamp(draft.since)) if draft.since else earliest
    made = Published(draft.after + 1, since, draft.reason, now, by, draft.body)
    values = {"complex": complex_id, "version": made.version, "body": made.body, "reason": made.reason}
    times = {"since": stamp(made.since), "made_at": stamp(now)}
    await connection.execute(rule_version.insert().values(**values, **times, made_by=by))
    await desired_rows.put(connection, complex_id, KIND, msgspec.json.decode(made.body), by, now)
    return made


async def _after_all(connection: AsyncConnection, complex_id: str, now: datetime) -> datetime:
    """The first moment after all that readers may have judged: a server's clock may have been ahead of this one's.

    Readers judge in the same turn, so that what is not in the log yet is judged with this version known.
    """
    here = (batch.c.shard == int(shard_of(complex_id)), batch.c.complex == complex_id)
    few = select(batch.c.received_at).where(*here).order_by(batch.c.position.desc()).limit(_NEWEST_BATCHES).subquery()
    told = select(func.max(alert.c.received_at)).where(alert.c.complex == complex_id)
    newest = [(await connection.execute(query)).scalar() for query in (select(func.max(few.c.received_at)), told)]
    return max([unstamp(stamp(now)), *(unstamp(at) + _TICK for at in newest if at)])

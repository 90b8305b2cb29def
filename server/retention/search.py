"""Where a plate, a card or a person stands: in every batch, and in every row of every table."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterator
from typing import Any

import msgspec
from sqlalchemy import RowMapping, Table, select

from domain.events import is_confidential
from domain.ids import Origin
from domain.subjects import Subject, forms_in, forms_in_encoded
from domain.tombstones import TOMBSTONE
from domain.wire import BadBatch, split_events, unpack
from eventlog.log import Record
from server.batches import Batch
from server.facts import Fact
from server.store import watch_tables
from server.store.engine import Database
from server.store.schema import batch, gateway, metadata

_BATCHES, _ROWS = 50, 2_000
# The log is read batch by batch; an account is its holder's own; digests and counts name nobody; of watch lists nobody
# hears who asks for a person's data, and they end by themselves.
_OURS = {"account", "login", "erasure", "erasure_salt", "erased_picture", "alembic_version"}
_APART = frozenset({"batch"} | _OURS | watch_tables.TABLES)


class Seen(msgspec.Struct, frozen=True):
    """An event in which the subject stands."""

    fact: Fact
    position: int
    body: bytes

    @property
    def origin(self) -> Origin:
        return self.fact.origin


class Hit(msgspec.Struct, frozen=True):
    """A row in which the subject stands."""

    table: Table
    row: RowMapping

    @property
    def key(self) -> dict[str, Any]:
        return {column.name: self.row[column.name] for column in self.table.primary_key}


async def records(db: Database, complexes: Collection[str]) -> AsyncIterator[Record]:
    """The whole log, or that of some complexes, in order of position."""
    columns = (batch.c.position, batch.c.body, batch.c.complex, batch.c.received_at)
    query, after = select(*columns).order_by(batch.c.position).limit(_BATCHES), 0
    if complexes:
        query = query.where(batch.c.complex.in_(sorted(complexes)))
    while True:
        async with db.read() as connection:
            rows = (await connection.execute(query.where(batch.c.position > after))).all()
        for row in rows:
            yield Record(row[0], row[1], row[2], row[3])
        if not rows:
            return
        after = rows[-1].position


def indexes_of(bodies: Collection[bytes], form: str) -> list[int]:
    """Which of a batch's events name a subject."""
    return [index for index, body in enumerate(bodies) if form in forms_in_encoded(body)]


async def events(
    db: Database, subject: Subject, complexes: Collection[str], progress: Callable[[], None] = lambda: None
) -> AsyncIterator[Seen]:
    """Every event that names the subject. A damaged batch names nobody."""
    async for record in records(db, complexes):
        progress()
        try:
            whole = Batch(record)
        except BadBatch:
            continue
        for index in indexes_of(whole.bodies, subject.form):
            fact = whole.facts()[index]
            if fact.event.kind != TOMBSTONE and not is_confidential(fact.event):
                yield Seen(fact, record.position, whole.bodies[index])


async def all_rows(db: Database, complexes: Collection[str]) -> AsyncIterator[Hit]:
    """Every row of every table but the log's."""
    gateways = await _gateways(db, complexes)
    for table in metadata.sorted_tables:
        if table.name in _APART:
            continue
        async for row in _all(db, table):
            if _is_of(table, row, complexes, gateways):
                yield Hit(table, row)


async def rows(db: Database, subject: Subject, complexes: Collection[str]) -> AsyncIterator[Hit]:
    """Every row of every other table that names the subject."""
    async for hit in all_rows(db, complexes):
        if subject.form in forms_in_row(hit.table, hit.row):
            yield hit


async def _gateways(db: Database, complexes: Collection[str]) -> set[str]:
    async with db.read() as connection:
        query = select(gateway.c.id).where(gateway.c.complex.in_(sorted(complexes)))
        return set((await connection.execute(query)).scalars())


def _is_of(table: Table, row: RowMapping, complexes: Collection[str], gateways: Collection[str]) -> bool:
    if not complexes:
        return True
    if "complex" in table.c:
        return row["complex"] in (*complexes, "")
    return row["gateway"] in gateways if "gateway" in table.c else True


async def _all(db: Database, table: Table) -> AsyncIterator[RowMapping]:
    """Every row, in one snapshot, some at a time."""
    async with db.read() as connection:
        found = await connection.stream(select(table).execution_options(yield_per=_ROWS))
        async for row in found.mappings():
            yield row


def forms_in_row(table: Table, row: RowMapping) -> set[str]:
    """Every form that stands in a row, whatever its columns hold."""
    found: set[str] = set()
    for column in table.columns:
        for content in _contents(row[column.name]):
            found |= forms_in(content)
    return found


def _contents(value: Any) -> Iterator[object]:
    """A column's value as what can be looked through; bytes as JSON, as a batch, and as text."""
    if not isinstance(value, bytes):
        if isinstance(value, str | list | dict):
            yield value
        return
    try:
        yield msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        yield from _of_bytes(value)


def _of_bytes(value: bytes) -> Iterator[object]:
    yield value.decode("utf-8", "replace")
    try:
        for body in split_events(unpack(value)[1]):
            yield msgspec.json.decode(body)
    except (BadBatch, msgspec.DecodeError, RecursionError):
        return

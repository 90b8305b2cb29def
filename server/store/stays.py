"""Passages kept and folded into sessions by plate; the projection and the book each keep their own."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec
from sqlalchemy import Table, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import parking
from domain.parking import Session
from domain.passages import FoldKey, Passage, passage_of, preferred
from server.facts import Fact
from server.store.engine import stamp, unstamp

_LOOKUP_CHUNK = 500
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Passage).decode


class Tables(msgspec.Struct, frozen=True):
    """Whose passages and sessions."""

    passages: Table
    sessions: Table


class Refolded(msgspec.Struct, frozen=True):
    """What new passages changed for one plate: ids of the sessions that were there, and those that are there now."""

    complex: str
    plate: str
    before: list[str]
    now: list[Session]


async def take(connection: AsyncConnection, tables: Tables, facts: list[Fact]) -> list[Refolded]:
    """Keep the passages among the facts and fold the plates they touch; one Refolded a plate that changed."""
    arrived: defaultdict[str, list[Passage]] = defaultdict(list)
    for fact in facts:
        passage = passage_of(fact.event, fact.id)
        if passage is not None:
            arrived[fact.complex].append(passage)
    changed: list[Refolded] = []
    for complex_id, passages in arrived.items():
        changed += await _take(connection, tables, complex_id, passages)
    return changed


async def _take(
    connection: AsyncConnection, tables: Tables, complex_id: str, passages: list[Passage]
) -> list[Refolded]:
    touched = await _keep(connection, tables.passages, complex_id, passages)
    by_plate: defaultdict[str, list[Passage]] = defaultdict(list)
    for passage in touched:
        by_plate[passage.plate].append(passage)
    by_plate.pop("", None)  # not read: kept, and shown as an exception, but in no session
    return [await _refold(connection, tables, complex_id, plate, found) for plate, found in by_plate.items()]


async def _keep(connection: AsyncConnection, table: Table, complex_id: str, passages: list[Passage]) -> list[Passage]:
    """Insert or prefer; the passages that are new or replace a copy of themselves, and the copies replaced."""
    known = await _known(connection, table, complex_id, [passage.id for passage in passages])
    new: dict[bytes, Passage] = {}
    replaced: list[Passage] = []
    for passage in passages:
        copy = known.get(passage.id)
        if copy is None or preferred(copy, passage) != copy:
            new[passage.id] = known[passage.id] = passage
            replaced += [copy] if copy else []
    if new:
        statement = insert(table)
        changed = {name: statement.excluded[name] for name in ("plate", "occurred_at", "passage")}
        upsert = statement.on_conflict_do_update(index_elements=["complex", "id"], set_=changed)
        await connection.execute(upsert, [_passage_row(complex_id, passage) for passage in new.values()])
    return [*new.values(), *replaced]


async def _known(connection: AsyncConnection, table: Table, complex_id: str, ids: list[bytes]) -> dict[bytes, Passage]:
    known: dict[bytes, Passage] = {}
    for start in range(0, len(ids), _LOOKUP_CHUNK):
        chunk = table.c.id.in_(ids[start : start + _LOOKUP_CHUNK])
        rows = await connection.execute(select(table.c.passage).where(table.c.complex == complex_id, chunk))
        known.update((passage.id, passage) for passage in map(_decode, rows.scalars()))
    return known


async def _refold(
    connection: AsyncConnection, tables: Tables, complex_id: str, plate: str, new: list[Passage]
) -> Refolded:
    """Fold a plate again from the session that the earliest new passage may touch."""
    start = await _start(connection, tables.sessions, complex_id, plate, new)
    old = await _keys_from(connection, tables.sessions, complex_id, plate, start)
    passages = await _passages_from(connection, tables.passages, complex_id, plate, start)
    sessions = parking.fold(passages)
    ids = [identity for identity, _ in old]
    table = tables.sessions
    await connection.execute(table.delete().where(table.c.complex == complex_id, table.c.id.in_(ids)))
    pictures = {passage.id: passage.picture for passage in passages}
    rows = [_session_row(complex_id, session, pictures) for session in sessions]
    if rows:
        await connection.execute(table.insert(), rows)
    return Refolded(complex_id, plate, ids, sessions)


async def _start(
    connection: AsyncConnection, table: Table, complex_id: str, plate: str, new: list[Passage]
) -> FoldKey | None:
    """The key to fold from, as domain.parking.fold_start has it, from the few sessions that can matter."""
    earliest = min(passage.key for passage in new)
    query = select(table.c.begun_at, table.c.begun_by).where(
        table.c.complex == complex_id, table.c.plate == plate, table.c.begun_at <= stamp(earliest[0])
    )
    rows = (await connection.execute(query.order_by(table.c.begun_at.desc()).limit(8))).all()
    keys = [(unstamp(row.begun_at), row.begun_by) for row in rows]
    return max((key for key in keys if key < earliest), default=None)


async def _keys_from(
    connection: AsyncConnection, table: Table, complex_id: str, plate: str, start: FoldKey | None
) -> list[tuple[str, FoldKey]]:
    query = select(table.c.id, table.c.begun_at, table.c.begun_by).where(
        table.c.complex == complex_id, table.c.plate == plate
    )
    if start is not None:
        query = query.where(table.c.begun_at >= stamp(start[0]))
    rows = (await connection.execute(query)).all()
    found = [(row.id, (unstamp(row.begun_at), row.begun_by)) for row in rows]
    return [(identity, key) for identity, key in found if start is None or key >= start]


async def _passages_from(
    connection: AsyncConnection, table: Table, complex_id: str, plate: str, start: FoldKey | None
) -> list[Passage]:
    query = select(table.c.passage).where(table.c.complex == complex_id, table.c.plate == plate)
    if start is not None:
        query = query.where(table.c.occurred_at >= stamp(start[0]))
    passages = [_decode(body) for body in (await connection.execute(query)).scalars()]
    return [passage for passage in passages if start is None or passage.key >= start]


def _passage_row(complex_id: str, passage: Passage) -> dict[str, Any]:
    return {
        "complex": complex_id,
        "id": passage.id,
        "plate": passage.plate,
        "occurred_at": stamp(passage.occurred_at),
        "passage": _encode(passage),
    }


def _session_row(complex_id: str, session: Session, pictures: dict[bytes, str | None]) -> dict[str, Any]:
    begun_at, begun_by = session.key
    return {
        "complex": complex_id,
        "id": session.id.hex(),
        "plate": session.plate,
        "plate_color": session.color,
        "state": session.state,
        "entered_at": session.entered_at and stamp(session.entered_at),
        "exited_at": session.exited_at and stamp(session.exited_at),
        "entry_lane": session.entry_lane,
        "exit_lane": session.exit_lane,
        "entry_picture": pictures.get(session.entry_id) if session.entry_id else None,
        "exit_picture": pictures.get(session.exit_id) if session.exit_id else None,
        "anomalies": [{"kind": found.kind, "passage": found.passage.hex()} for found in session.anomalies],
        "begun_at": stamp(begun_at),
        "begun_by": begun_by,
    }

"""Passages kept and folded into sessions by plate; the projection and the book each keep their own.

Everything is done for all plates of a chunk at once, of whichever complexes: a statement each (bulk.py), because a
statement a plate made the fold the slowest part of the centre.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import parking
from domain.parking import Session
from domain.passages import Passage, passage_of, preferred
from server.batches import Batch, facts_of
from server.store.bulk import delete, look_up, upsert
from server.store.engine import stamp, unstamp

_KINDS = frozenset({"plate"})
_PASSAGE = ("complex", "id", "plate", "occurred_at", "passage")
_ID, _CAR_AT = {"complex": "varchar", "id": "bytea"}, {"complex": "varchar", "plate": "varchar", "at": "varchar"}
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Passage).decode
Car = tuple[str, str]  # a complex, and a plate in it
Found = tuple[str, Passage]  # in which complex
Row = dict[str, Any]


class Tables(msgspec.Struct, frozen=True):
    """Whose passages and sessions."""

    passages: Table
    sessions: Table


class Refolded(msgspec.Struct, frozen=True, gc=False):
    """What new passages changed for one plate: ids of the sessions that were there, and those that are there now."""

    complex: str
    plate: str
    before: list[str]
    now: list[Session]


async def take(connection: AsyncConnection, tables: Tables, batches: Sequence[Batch]) -> list[Refolded]:
    """Keep the passages in the batches and fold the plates they touch; one Refolded a plate that changed."""
    arrived: list[Found] = []
    for fact in facts_of(batches, _KINDS):
        passage = passage_of(fact.event, fact.id)
        if passage is not None:
            arrived.append((fact.complex, passage))
    return await _Chunk(connection, tables).take(arrived) if arrived else []


async def forget(connection: AsyncConnection, tables: Tables, gone: Sequence[Found]) -> list[Refolded]:
    """Let go of passages, and fold the plates concerned from those that are left."""
    return await _Chunk(connection, tables).forget(gone)


class _Chunk:
    """A chunk of passages."""

    def __init__(self, connection: AsyncConnection, tables: Tables) -> None:
        self._connection = connection
        self._passages, self._sessions = tables.passages, tables.sessions

    async def take(self, arrived: list[Found]) -> list[Refolded]:
        touched: defaultdict[Car, list[Passage]] = defaultdict(list)
        for complex_id, passage in await self._keep(arrived):
            if passage.plate:  # not read: kept, and shown as an exception, but in no session
                touched[complex_id, passage.plate].append(passage)
        return await self._refold(touched) if touched else []

    async def forget(self, gone: Sequence[Found]) -> list[Refolded]:
        await delete(
            self._connection, self._passages, sorted({(complex_id, passage.id) for complex_id, passage in gone})
        )
        touched: defaultdict[Car, list[Passage]] = defaultdict(list)
        for complex_id, passage in gone:
            if passage.plate:
                touched[complex_id, passage.plate].append(passage)
        return await self._refold(touched) if touched else []

    async def _keep(self, arrived: list[Found]) -> list[Found]:
        """Insert or prefer; the passages that are new or replace a copy of themselves, and the copies replaced."""
        known = await self._known(arrived)
        new: dict[tuple[str, bytes], Found] = {}
        replaced: list[Found] = []
        for complex_id, passage in arrived:
            key = (complex_id, passage.id)
            copy = known.get(key)
            kept = passage if copy is None else preferred(copy, passage)
            if kept != copy:
                new[key], known[key] = (complex_id, kept), kept
                replaced += [(complex_id, copy)] if copy else []
        await upsert(self._connection, self._passages, _PASSAGE, [_passage_row(*found) for found in new.values()])
        return [*new.values(), *replaced]

    async def _known(self, arrived: list[Found]) -> dict[tuple[str, bytes], Passage]:
        sql = f"""SELECT kept.complex, kept.passage FROM wanted CROSS JOIN {self._passages.name} AS kept
            WHERE kept.complex = wanted.complex AND kept.id = wanted.id"""  # noqa: S608 - names of ours
        keys = [(complex_id, passage.id) for complex_id, passage in arrived]
        known = [(row[0], _decode(row[1])) for row in await look_up(self._connection, _ID, keys, sql)]
        return {(complex_id, passage.id): passage for complex_id, passage in known}

    async def _refold(self, touched: dict[Car, list[Passage]]) -> list[Refolded]:
        """Fold each plate again from the session that its earliest touched passage may change."""
        starts = await self._starts(touched)
        before = await self._sessions_from(starts)
        passages = await self._passages_from(starts)
        changed = [Refolded(*car, before[car], parking.fold(passages[car]) if passages[car] else []) for car in touched]
        await self._replace(changed, passages)
        return changed

    async def _starts(self, touched: dict[Car, list[Passage]]) -> dict[Car, str]:
        """Per plate, the beginning of the last session begun before the earliest touched passage; "" for none.

        domain.parking.fold_start says why that is enough. Compared by the millisecond the tables keep: a session
        begun in the same one is folded again too.
        """
        earliest = {car: stamp(min(passage.occurred_at for passage in found)) for car, found in touched.items()}
        sql = f"""SELECT wanted.complex, wanted.plate, max(session.begun_at)
            FROM wanted CROSS JOIN {self._sessions.name} AS session
            WHERE session.complex = wanted.complex AND session.plate = wanted.plate AND session.begun_at < wanted.at
            GROUP BY wanted.complex, wanted.plate"""  # noqa: S608 - names of ours
        rows = await self._of_cars(earliest, sql)
        return dict.fromkeys(earliest, "") | {(row[0], row[1]): row[2] for row in rows}

    async def _sessions_from(self, starts: dict[Car, str]) -> defaultdict[Car, list[str]]:
        sql = f"""SELECT session.complex, session.plate, session.id
            FROM wanted CROSS JOIN {self._sessions.name} AS session
            WHERE session.complex = wanted.complex AND session.plate = wanted.plate
            AND session.begun_at >= wanted.at"""  # noqa: S608 - names of ours
        found: defaultdict[Car, list[str]] = defaultdict(list)
        for complex_id, plate, identity in await self._of_cars(starts, sql):
            found[complex_id, plate].append(identity)
        return found

    async def _passages_from(self, starts: dict[Car, str]) -> defaultdict[Car, list[Passage]]:
        """The passages from each start on; of its own millisecond only those that its session began with or after."""
        sql = f"""SELECT kept.complex, kept.plate, kept.passage, first.begun_at, first.begun_by
            FROM wanted CROSS JOIN {self._passages.name} AS kept
            LEFT JOIN {self._sessions.name} AS first ON first.complex = wanted.complex AND first.plate = wanted.plate
            AND first.begun_at = wanted.at
            WHERE kept.complex = wanted.complex AND kept.plate = wanted.plate
            AND kept.occurred_at >= wanted.at"""  # noqa: S608 - names of ours
        found: defaultdict[Car, dict[bytes, Passage]] = defaultdict(dict)
        for complex_id, plate, body, begun_at, begun_by in await self._of_cars(starts, sql):
            passage = _decode(body)
            if begun_at is None or passage.key >= (unstamp(begun_at), begun_by):
                found[complex_id, plate][passage.id] = passage
        return defaultdict(list, {car: list(passages.values()) for car, passages in found.items()})

    async def _replace(self, changed: list[Refolded], passages: dict[Car, list[Passage]]) -> None:
        rows = [row for one in changed for row in _session_rows(one, passages[one.complex, one.plate])]
        now = {(row["complex"], row["id"]) for row in rows}
        before = [(one.complex, identity) for one in changed for identity in one.before]
        await delete(self._connection, self._sessions, [key for key in before if key not in now])
        columns = tuple(self._sessions.columns.keys())
        await upsert(self._connection, self._sessions, columns, [tuple(row[name] for name in columns) for row in rows])

    async def _of_cars(self, times: dict[Car, str], sql: str) -> list[tuple[Any, ...]]:
        return await look_up(self._connection, _CAR_AT, [(*car, at) for car, at in times.items()], sql)


def _passage_row(complex_id: str, passage: Passage) -> tuple[object, ...]:
    return complex_id, passage.id, passage.plate, stamp(passage.occurred_at), _encode(passage)


def _session_rows(refolded: Refolded, passages: Iterable[Passage]) -> list[Row]:
    pictures = {passage.id: passage.picture for passage in passages}
    return [_session_row(refolded.complex, session, pictures) for session in refolded.now]


def _session_row(complex_id: str, session: Session, pictures: dict[bytes, str | None]) -> Row:
    begun_at, begun_by = session.key
    anomalies = [{"kind": found.kind, "passage": found.passage.hex()} for found in session.anomalies]
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
        "anomalies": _encode(anomalies).decode(),
        "begun_at": stamp(begun_at),
        "begun_by": begun_by,
    }

"""Passages kept and folded into sessions by plate; the projection and the book each keep their own.

Everything is done for all plates of a chunk at once, of whichever complexes: a statement each (bulk.py), because a
statement a plate made the fold the slowest part of the centre. What people said of passages (corrections.py) is read
with them: a passage is kept as it was read, and folded as amended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import parking
from domain.corrections import Amendment, amended
from domain.parking import Said, Session
from domain.passages import Passage, passage_of, preferred
from server.batches import Batch, facts_of
from server.store import corrections
from server.store.bulk import delete, look_up, upsert
from server.store.corrections import Key
from server.store.engine import stamp

_KINDS = frozenset({"plate", "alarm"})
_PASSAGE = ("complex", "id", "plate", "occurred_at", "passage", "amended")
_ID, _CAR_AT = {"complex": "varchar", "id": "bytea"}, {"complex": "varchar", "plate": "varchar", "at": "varchar"}
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Passage).decode
_decode_amendment = msgspec.json.Decoder(Amendment).decode
_TICK = timedelta(milliseconds=1)  # of the tables' times
Car = tuple[str, str]  # a complex, and a plate in it
Found = tuple[str, Passage]  # in which complex
Row = dict[str, Any]


class Tables(msgspec.Struct, frozen=True):
    """Whose passages and sessions."""

    passages: Table
    sessions: Table


class Kept(NamedTuple):
    """A passage as it was read, and what people said of it."""

    complex: str
    raw: Passage
    said: Amendment | None

    @property
    def key(self) -> Key:
        return (self.complex, self.raw.id)

    @property
    def passage(self) -> Passage:
        """As it is folded."""
        return amended(self.raw, self.said)


class Refolded(msgspec.Struct, frozen=True, gc=False):
    """What passages changed for one plate: ids of the sessions that were there, and those that are there now.

    ``passages`` are those that were folded, as amended, by what was ``said`` of them. Passages that were not read come
    under the plate "", in no session.
    """

    complex: str
    plate: str
    before: list[str]
    now: list[Session]
    passages: list[Passage]
    said: Said


async def take(connection: AsyncConnection, tables: Tables, batches: Sequence[Batch]) -> list[Refolded]:
    """Keep the passages in the batches and fold the plates they touch; one Refolded a plate that changed."""
    arrived: list[Found] = []
    for fact in facts_of(batches, _KINDS):
        passage = passage_of(fact.event, fact.id)
        if passage is not None:
            arrived.append((fact.complex, passage))
    return await _Chunk(connection, tables).take(arrived) if arrived else []


async def recorrect(connection: AsyncConnection, tables: Tables, keys: Sequence[Key]) -> list[Refolded]:
    """Fold again the plates of passages of which something else is said now: what they were, and what they are.

    In a transaction of their complex, as the reader's own: what the reader has not taken yet it will take as corrected.
    """
    return await _Chunk(connection, tables).recorrect(keys)


async def forget(connection: AsyncConnection, tables: Tables, gone: Sequence[Found]) -> list[Refolded]:
    """Let go of passages, and fold the plates concerned from those that are left."""
    return await _Chunk(connection, tables).forget(gone)


class _Chunk:
    """A chunk of passages."""

    def __init__(self, connection: AsyncConnection, tables: Tables) -> None:
        self._connection = connection
        self._passages, self._sessions = tables.passages, tables.sessions

    async def take(self, arrived: list[Found]) -> list[Refolded]:
        return await self._refold(*await self._keep(arrived))

    async def recorrect(self, keys: Sequence[Key]) -> list[Refolded]:
        known, said = await self._known(keys), await corrections.amendments(self._connection, keys)
        now = {key: copy._replace(said=said.get(key)) for key, copy in known.items()}
        changed = [key for key, kept in now.items() if kept != known[key]]
        await self._write([now[key] for key in changed])
        return await self._refold([now[key] for key in changed], [known[key] for key in changed])

    async def forget(self, gone: Sequence[Found]) -> list[Refolded]:
        keys = sorted({(complex_id, passage.id) for complex_id, passage in gone})
        known = await self._known(keys)
        await delete(self._connection, self._passages, keys)
        given = [Kept(complex_id, passage, None) for complex_id, passage in gone]
        return await self._refold([], [known.get(kept.key, kept) for kept in given])

    async def _keep(self, arrived: list[Found]) -> tuple[list[Kept], list[Kept]]:
        """Insert or prefer; the passages that are new or replace a copy of themselves, and the copies replaced."""
        keys = [(complex_id, passage.id) for complex_id, passage in arrived]
        known, said = await self._known(keys), await corrections.amendments(self._connection, keys)
        new: dict[Key, Kept] = {}
        replaced: list[Kept] = []
        for key, (complex_id, passage) in zip(keys, arrived, strict=True):
            copy = known.get(key)
            kept = Kept(complex_id, passage if copy is None else preferred(copy.raw, passage), said.get(key))
            if kept != copy:
                new[key] = known[key] = kept
                replaced += [copy] if copy else []
        await self._write(new.values())
        return [*new.values()], replaced

    async def _write(self, kept: Iterable[Kept]) -> None:
        await upsert(self._connection, self._passages, _PASSAGE, [_passage_row(one) for one in kept])

    async def _known(self, keys: Sequence[Key]) -> dict[Key, Kept]:
        sql = f"""SELECT kept.complex, kept.passage, kept.amended FROM wanted CROSS JOIN {self._passages.name} AS kept
            WHERE kept.complex = wanted.complex AND kept.id = wanted.id"""  # noqa: S608 - names of ours
        known = [_kept(*row) for row in await look_up(self._connection, _ID, list(keys), sql)]
        return {kept.key: kept for kept in known}

    async def _refold(self, now: list[Kept], before: list[Kept]) -> list[Refolded]:
        """Fold each plate again from the session that its earliest touched passage may change."""
        touched: defaultdict[Car, list[Passage]] = defaultdict(list)
        for kept in (*now, *before):
            if kept.passage.plate:
                touched[kept.complex, kept.passage.plate].append(kept.passage)
        # Not read: kept, and shown as an exception, but in no session.
        unread = _by_complex(kept for kept in now if not kept.passage.plate)
        return [*(await self._folded(touched) if touched else []), *unread]

    async def _folded(self, touched: dict[Car, list[Passage]]) -> list[Refolded]:
        starts = await self._starts(touched)
        before = await self._sessions_from(starts)
        kept = await self._passages_from(starts)
        changed = [_refolded(car, before[car], kept[car]) for car in touched]
        await self._replace(changed)
        return changed

    async def _starts(self, touched: dict[Car, list[Passage]]) -> dict[Car, str]:
        """Per plate, the beginning of the last session begun before the earliest touched passage.

        domain.parking.fold_start says why that is enough. Compared by the millisecond the tables keep: a session
        begun in the same one is folded again too. Where there is none, it is the millisecond before that passage:
        what stands before it is in no session, and stays so. Else a car that is only seen where no lane has a
        direction would be folded from its first day at each sight of it.
        """
        first = {car: min(passage.occurred_at for passage in found) for car, found in touched.items()}
        earliest = {car: stamp(at) for car, at in first.items()}
        sql = f"""SELECT wanted.complex, wanted.plate, max(session.begun_at)
            FROM wanted CROSS JOIN {self._sessions.name} AS session
            WHERE session.complex = wanted.complex AND session.plate = wanted.plate AND session.begun_at < wanted.at
            AND session.state NOT IN ('voided', 'merged')
            GROUP BY wanted.complex, wanted.plate"""  # noqa: S608 - names of ours
        rows = await self._of_cars(earliest, sql)
        return {car: stamp(at - _TICK) for car, at in first.items()} | {(row[0], row[1]): row[2] for row in rows}

    async def _sessions_from(self, starts: dict[Car, str]) -> defaultdict[Car, list[str]]:
        sql = f"""SELECT session.complex, session.plate, session.id
            FROM wanted CROSS JOIN {self._sessions.name} AS session
            WHERE session.complex = wanted.complex AND session.plate = wanted.plate
            AND session.begun_at >= wanted.at"""  # noqa: S608 - names of ours
        found: defaultdict[Car, list[str]] = defaultdict(list)
        for complex_id, plate, identity in await self._of_cars(starts, sql):
            found[complex_id, plate].append(identity)
        return found

    async def _passages_from(self, starts: dict[Car, str]) -> defaultdict[Car, list[Kept]]:
        """The passages from each start on; of its own millisecond only those that its session began with or after."""
        sql = f"""SELECT kept.complex, kept.plate, kept.passage, kept.amended, first.begun_by
            FROM wanted CROSS JOIN {self._passages.name} AS kept
            LEFT JOIN {self._sessions.name} AS first ON first.complex = wanted.complex AND first.plate = wanted.plate
            AND first.begun_at = wanted.at AND first.state NOT IN ('voided', 'merged')
            WHERE kept.complex = wanted.complex AND kept.plate = wanted.plate
            AND kept.occurred_at >= wanted.at"""  # noqa: S608 - names of ours
        found: defaultdict[Car, dict[bytes, Kept]] = defaultdict(dict)
        begun: defaultdict[Car, set[bytes]] = defaultdict(set)
        for complex_id, plate, body, said, begun_by in await self._of_cars(starts, sql):
            kept = _kept(complex_id, body, said)
            found[complex_id, plate][kept.raw.id] = kept
            begun[complex_id, plate].add(begun_by)
        return defaultdict(list, {car: _from_first(passages, begun[car]) for car, passages in found.items()})

    async def _replace(self, changed: list[Refolded]) -> None:
        rows = [row for one in changed for row in _session_rows(one)]
        now = {(row["complex"], row["id"]) for row in rows}
        before = [(one.complex, identity) for one in changed for identity in one.before]
        await delete(self._connection, self._sessions, [key for key in before if key not in now])
        columns = tuple(self._sessions.columns.keys())
        await upsert(self._connection, self._sessions, columns, [tuple(row[name] for name in columns) for row in rows])

    async def _of_cars(self, times: dict[Car, str], sql: str) -> list[tuple[Any, ...]]:
        return await look_up(self._connection, _CAR_AT, [(*car, at) for car, at in times.items()], sql)


def _kept(complex_id: str, body: bytes, said: bytes | None) -> Kept:
    return Kept(complex_id, _decode(body), _decode_amendment(said) if said else None)


def _from_first(passages: Mapping[bytes, Kept], begun: set[bytes]) -> list[Kept]:
    """Those not before the first that began a session, by their own times: the tables keep only milliseconds."""
    first = min((kept.passage.key for kept in passages.values() if kept.raw.id in begun), default=None)
    return [kept for kept in passages.values() if first is None or kept.passage.key >= first]


def _passage_row(kept: Kept) -> tuple[object, ...]:
    passage, said = kept.passage, _encode(kept.said) if kept.said else None
    return kept.complex, passage.id, passage.plate, stamp(passage.occurred_at), _encode(kept.raw), said


def _refolded(car: Car, before: list[str], kept: list[Kept]) -> Refolded:
    passages, said = [one.passage for one in kept], _said(kept)
    return Refolded(*car, before, parking.fold(passages, said) if passages else [], passages, said)


def _by_complex(unread: Iterable[Kept]) -> list[Refolded]:
    found: defaultdict[str, list[Kept]] = defaultdict(list)
    for kept in unread:
        found[kept.complex].append(kept)
    return [Refolded(of, "", [], [], [one.passage for one in kept], _said(kept)) for of, kept in found.items()]


def _said(kept: Iterable[Kept]) -> Mapping[bytes, Amendment]:
    return {one.raw.id: one.said for one in kept if one.said is not None}


def _session_rows(refolded: Refolded) -> list[Row]:
    pictures = {passage.id: passage.picture for passage in refolded.passages}
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
        "merged_into": session.into and session.into.hex(),
    }

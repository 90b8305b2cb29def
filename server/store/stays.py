"""Passages kept and folded into sessions by plate; the projection and the book each keep their own.

Everything is done for all plates of a chunk at once: a statement each, with the plates as a JSON parameter
(json_rows.py), because a statement a plate made the fold the slowest part of the centre.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec
from sqlalchemy import Table, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import parking
from domain.parking import Session
from domain.passages import FoldKey, Passage, passage_of, preferred
from server.facts import Fact
from server.store import json_rows
from server.store.engine import stamp, unstamp
from server.store.upsert import insert

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
        changed += await _Chunk(connection, tables, complex_id).take(passages)
    return changed


class _Chunk:
    """One complex's share of a chunk of facts."""

    def __init__(self, connection: AsyncConnection, tables: Tables, complex_id: str) -> None:
        self._connection, self._complex = connection, complex_id
        self._passages, self._sessions = tables.passages, tables.sessions
        self._json = json_rows.source(connection)

    async def take(self, passages: list[Passage]) -> list[Refolded]:
        touched: defaultdict[str, list[Passage]] = defaultdict(list)
        for passage in await self._keep(passages):
            touched[passage.plate].append(passage)
        touched.pop("", None)  # not read: kept, and shown as an exception, but in no session
        return await self._refold(touched) if touched else []

    async def _keep(self, passages: list[Passage]) -> list[Passage]:
        """Insert or prefer; the passages that are new or replace a copy of themselves, and the copies replaced."""
        known = await self._known(passages)
        new: dict[bytes, Passage] = {}
        replaced: list[Passage] = []
        for passage in passages:
            copy = known.get(passage.id)
            if copy is None or preferred(copy, passage) != copy:
                new[passage.id] = known[passage.id] = passage
                replaced += [copy] if copy else []
        if new:
            statement = insert(self._passages)
            changed = {name: statement.excluded[name] for name in ("plate", "occurred_at", "passage")}
            upsert = statement.on_conflict_do_update(index_elements=["complex", "id"], set_=changed)
            await self._connection.execute(upsert, [self._passage_row(passage) for passage in new.values()])
        return [*new.values(), *replaced]

    async def _known(self, passages: list[Passage]) -> dict[bytes, Passage]:
        ids = [passage.id for passage in passages]
        known: dict[bytes, Passage] = {}
        for start in range(0, len(ids), _LOOKUP_CHUNK):
            chunk = self._passages.c.id.in_(ids[start : start + _LOOKUP_CHUNK])
            query = select(self._passages.c.passage).where(self._passages.c.complex == self._complex, chunk)
            found = map(_decode, (await self._connection.execute(query)).scalars())
            known.update((passage.id, passage) for passage in found)
        return known

    async def _refold(self, touched: dict[str, list[Passage]]) -> list[Refolded]:
        """Fold each plate again from the session that its earliest touched passage may change."""
        earliest = {plate: min(passage.key for passage in found) for plate, found in touched.items()}
        starts = await self._starts(earliest)
        before = await self._sessions_from(starts)
        passages = await self._passages_from(starts)
        changed = [
            Refolded(self._complex, plate, before[plate], parking.fold(passages[plate]) if passages[plate] else [])
            for plate in touched
        ]
        await self._replace(changed, passages)
        return changed

    async def _starts(self, earliest: dict[str, FoldKey]) -> dict[str, str]:
        """Per plate, the beginning of the last session begun before the earliest touched passage; "" for none.

        domain.parking.fold_start says why that is enough. Compared by the millisecond the tables keep: a session
        begun in the same one is folded again too.
        """
        sql = f"""SELECT wanted.key, max(session.begun_at) FROM {self._json.pairs}
            {self._sessions.name} AS session ON session.complex = :complex AND session.plate = wanted.key
            AND session.begun_at < wanted.value GROUP BY wanted.key"""  # noqa: S608 - names of ours
        rows = await self._rows(sql, {plate: stamp(key[0]) for plate, key in earliest.items()})
        return dict.fromkeys(earliest, "") | {row[0]: row[1] for row in rows}

    async def _sessions_from(self, starts: dict[str, str]) -> defaultdict[str, list[str]]:
        sql = f"""SELECT wanted.key, session.id FROM {self._json.pairs}
            {self._sessions.name} AS session ON session.complex = :complex AND session.plate = wanted.key
            AND session.begun_at >= wanted.value"""  # noqa: S608 - names of ours
        found: defaultdict[str, list[str]] = defaultdict(list)
        for plate, identity in await self._rows(sql, starts):
            found[plate].append(identity)
        return found

    async def _passages_from(self, starts: dict[str, str]) -> defaultdict[str, list[Passage]]:
        """The passages from each start on; of its own millisecond only those that its session began with or after."""
        sql = f"""SELECT kept.plate, kept.passage, first.begun_at, first.begun_by FROM {self._json.pairs}
            {self._passages.name} AS kept ON kept.complex = :complex AND kept.plate = wanted.key
            AND kept.occurred_at >= wanted.value
            LEFT JOIN {self._sessions.name} AS first ON first.complex = :complex AND first.plate = wanted.key
            AND first.begun_at = wanted.value"""  # noqa: S608 - names of ours
        found: defaultdict[str, dict[bytes, Passage]] = defaultdict(dict)
        for plate, body, begun_at, begun_by in await self._rows(sql, starts):
            passage = _decode(body)
            if begun_at is None or passage.key >= (unstamp(begun_at), begun_by):
                found[plate][passage.id] = passage
        return defaultdict(list, {plate: list(passages.values()) for plate, passages in found.items()})

    async def _replace(self, changed: list[Refolded], passages: dict[str, list[Passage]]) -> None:
        gone = [identity for refolded in changed for identity in refolded.before]
        sql = f"""DELETE FROM {self._sessions.name}
            WHERE complex = :complex AND id IN ({self._json.values})"""  # noqa: S608 - names of ours
        await self._connection.execute(text(sql), {"complex": self._complex, "ids": _json(gone)})
        rows = [row for refolded in changed for row in self._session_rows(refolded, passages[refolded.plate])]
        if rows:
            await self._connection.execute(self._sessions.insert(), rows)

    async def _rows(self, sql: str, pairs: dict[str, str]) -> list[Any]:
        told = {"complex": self._complex, "pairs": _json(pairs)}
        return list((await self._connection.execute(text(sql), told)).all())

    def _passage_row(self, passage: Passage) -> dict[str, Any]:
        return {
            "complex": self._complex,
            "id": passage.id,
            "plate": passage.plate,
            "occurred_at": stamp(passage.occurred_at),
            "passage": _encode(passage),
        }

    def _session_rows(self, refolded: Refolded, passages: list[Passage]) -> list[dict[str, Any]]:
        pictures = {passage.id: passage.picture for passage in passages}
        return [_session_row(self._complex, session, pictures) for session in refolded.now]


def _json(value: Any) -> str:
    return _encode(value).decode()


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

"""The cars that left on a day, and how each was let through: passages beside what lanes say of their openings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.passages import Passage as Seen
from domain.reconciliation.books import Passage
from server.store.engine import stamp, unstamp
from server.store.schema import lane_decision, parking_passage, session

_decode = msgspec.json.Decoder(Seen).decode
_BY_LIST = frozenset({"pass", "white_list", "temporary_list"})
_HAND_AFTER = timedelta(minutes=15)  # so long a car may wait between its reading and the person who lets it through
_BESIDE = ("voided", "merged")  # stays that a person said are none
Named = Mapping[bytes, Row[Any]]


async def exits(
    connection: AsyncConnection, complex_id: str, first: datetime, after: datetime, zone: ZoneInfo
) -> tuple[list[Passage], set[str]]:
    """Every exit once, and the sessions they ended. A second reading of one exit is none; an opening by hand without
    a reading is one, and so is a car that slipped through behind another."""
    span = stamp(first), stamp(after)
    sessions = await _sessions(connection, complex_id, span)
    decisions = await _decisions(connection, complex_id, (stamp(first - _HAND_AFTER), stamp(after + _HAND_AFTER)))
    hands = _Hands(decisions.values())
    found: list[Passage] = []
    for plate, at, seen in await _seen(connection, complex_id, span):
        of = sessions.get((plate, at))
        if seen.direction == "out" and (of is not None or not seen.plate):
            hands.tell(seen.id)
            found.append(_exit(seen, of, decisions.get(seen.id), hands, zone))
    out_lanes = {one.lane for one in found}
    found += [_alone(row, zone) for row in hands.left(span, out_lanes)]
    return sorted(found, key=lambda one: (one.at, one.passage_id)), {one.session_id for one in found if one.session_id}


async def _sessions(connection: AsyncConnection, complex_id: str, span: tuple[str, str]) -> dict[tuple[str, str], str]:
    table = session
    query = select(table.c.id, table.c.plate, table.c.exited_at).where(
        table.c.complex == complex_id, table.c.exited_at >= span[0], table.c.exited_at < span[1]
    )
    rows = await connection.execute(query.where(table.c.state.not_in(_BESIDE)))
    return {(row.plate, row.exited_at): row.id for row in rows}


async def _decisions(connection: AsyncConnection, complex_id: str, span: tuple[str, str]) -> dict[bytes, Row[Any]]:
    table = lane_decision
    where = (table.c.complex == complex_id, table.c.occurred_at >= span[0], table.c.occurred_at < span[1])
    rows = await connection.execute(select(table).where(*where).order_by(table.c.occurred_at, table.c.id))
    return {bytes(row.id): row for row in rows}


async def _seen(connection: AsyncConnection, complex_id: str, span: tuple[str, str]) -> list[tuple[str, str, Seen]]:
    table = parking_passage
    where = (table.c.complex == complex_id, table.c.occurred_at >= span[0], table.c.occurred_at < span[1])
    query = select(table.c.plate, table.c.occurred_at, table.c.passage).where(*where)
    rows = await connection.execute(query.order_by(table.c.occurred_at, table.c.id))
    return [(row.plate, row.occurred_at, _decode(row.passage)) for row in rows]


class _Hands:
    """Openings by hand and cars behind another, each told once."""

    def __init__(self, rows: Iterable[Row[Any]]) -> None:
        self._rows = [row for row in rows if row.kind != "plate"]
        self._used: set[bytes] = set()

    def beside(self, seen: Seen, lane: str, by: str) -> Row[Any] | None:
        """The opening that let a car through: the first in its lane after it was read."""
        latest = stamp(seen.occurred_at + _HAND_AFTER)
        for row in self._rows:
            fits = row.kind == "by_hand" and row.lane == lane and (not by or row.by == by) and row.id not in self._used
            if fits and stamp(seen.occurred_at) <= row.occurred_at <= latest:
                self._used.add(row.id)
                return row
        return None

    def tell(self, identity: bytes) -> None:
        """One that is among the passages."""
        self._used.add(identity)

    def left(self, span: tuple[str, str], out_lanes: set[str]) -> list[Row[Any]]:
        """Those that no reading goes with, at exits."""
        return [
            row
            for row in self._rows
            if row.id not in self._used
            and span[0] <= row.occurred_at < span[1]
            and (row.direction == "out" or (row.direction == "unknown" and row.lane in out_lanes))
        ]


def _exit(seen: Seen, of: str | None, decided: Row[Any] | None, hands: _Hands, zone: ZoneInfo) -> Passage:
    opened_by, reason = "auto", None
    if seen.plate_status == "tailgate":
        opened_by = "none"
    elif decided is not None and decided.reason == "person":
        hand = hands.beside(seen, decided.lane, decided.by)
        opened_by, reason = "manual", hand.reason if hand is not None else ""
    elif decided is not None and decided.reason in _BY_LIST:
        opened_by, reason = "pass", decided.reason
    at = seen.occurred_at.astimezone(zone)
    return Passage(seen.id.hex(), seen.plate, at, opened_by, seen.lane, reason, of)


def _alone(row: Row[Any], zone: ZoneInfo) -> Passage:
    """Nobody read a plate: let through by hand, or none let it through."""
    opened_by = "none" if row.kind == "tailgate" else "manual"
    reason = row.reason if row.kind == "by_hand" else ""
    return Passage(row.id.hex(), "", unstamp(row.occurred_at).astimezone(zone), opened_by, row.lane, reason)

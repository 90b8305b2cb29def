"""What guards did at the gate, once each, and the numbers of the receipts that they gave."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from string import ascii_uppercase, digits
from typing import Literal

import msgspec

from domain.tariff import Line
from eventlog.sqlite import SqliteEventLog
from eventlog.sqlite_rows import Statement

What = Literal["cash", "debt", "hand"]
# No plate stands here whole: what is erased elsewhere needs no erasing in it.
SCHEMA = """
CREATE TABLE IF NOT EXISTS gate_act(
    number INTEGER PRIMARY KEY AUTOINCREMENT, request TEXT NOT NULL UNIQUE, at TEXT NOT NULL, serial INTEGER,
    receipt TEXT UNIQUE, said BLOB NOT NULL);
"""
_PUT = "INSERT OR IGNORE INTO gate_act(request, at, serial, receipt, said) VALUES(?, ?, ?, ?, ?)"
_KEPT_FOR = timedelta(days=400)
_SIGNS = sorted({*digits, *ascii_uppercase} - {*"ILOU"})  # read aloud and typed again
_MARK = 6
_MOST = 500


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One tap of a guard, as the receipt has it; ``plate`` is masked."""

    request: str
    what: What
    lane: str
    by: str
    at: datetime
    reason: str = ""
    plate: str = ""
    fen: int = 0  # that were taken; of a debt: that are owed
    receipt: str = ""
    entered_at: datetime | None = None
    until: datetime | None = None  # the fee was reckoned up to then
    fee_fen: int = 0
    lines: tuple[Line, ...] = ()


class Till:
    """The acts in the log's file. Receipts are numbered without a gap behind a mark that this store alone has, so that
    neither another gateway nor the desk at the centre ever gives the same number."""

    def __init__(self, store: SqliteEventLog) -> None:
        self._store = store

    async def known(self, request: str) -> Act | None:
        return await self._one("request", request)

    async def by_receipt(self, number: str) -> Act | None:
        return await self._one("receipt", number)

    async def since(self, at: datetime) -> list[Act]:
        """The newest first."""
        sql = "SELECT said FROM gate_act WHERE at >= ? ORDER BY number DESC LIMIT ?"
        return [_decode(row[0]) for row in await self._store.query(sql, (at.isoformat(), _MOST))]

    async def numbered(self, act: Act) -> tuple[Act, list[Statement]]:
        """The act with its receipt's number, where it needs one, and what makes it last. One may ask at a time."""
        serial = await self._next() if act.what == "cash" else None
        if serial is not None:
            act = msgspec.structs.replace(act, receipt=f"{await self._mark()}-{serial}")
        row = (act.request, act.at.isoformat(), serial, act.receipt or None, msgspec.json.encode(act))
        return act, [(_PUT, [row])]

    async def forget_old(self, now: datetime) -> None:
        """Let go of what was long ago; the last number given stays."""
        last = "SELECT coalesce(max(serial), 1) FROM gate_act"
        sql = f"DELETE FROM gate_act WHERE at < ? AND coalesce(serial, 0) < ({last})"  # noqa: S608 - our own words
        await self._store.write([(sql, [((now - _KEPT_FOR).isoformat(),)])])

    async def _one(self, column: Literal["request", "receipt"], value: str) -> Act | None:
        rows = await self._store.query(f"SELECT said FROM gate_act WHERE {column} = ?", (value,))  # noqa: S608
        return _decode(rows[0][0]) if rows else None

    async def _next(self) -> int:
        return (await self._store.query("SELECT coalesce(max(serial), 0) + 1 FROM gate_act"))[0][0]

    async def _mark(self) -> str:
        """Of this store alone: an epoch's name is partly drawn by lot, and a new store has another."""
        digest = hashlib.sha256((await self._store.epoch("money")).encode()).digest()
        return "".join(_SIGNS[byte % len(_SIGNS)] for byte in digest[:_MARK])


_decode = msgspec.json.Decoder(Act).decode

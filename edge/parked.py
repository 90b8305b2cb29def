"""Messages that became no event: their bytes are kept where a person can look."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from edge.devices.driver import Message
from eventlog.sqlite import SqliteEventLog, Statement

SCHEMA = """
CREATE TABLE IF NOT EXISTS parked(
    number INTEGER PRIMARY KEY AUTOINCREMENT, received_at TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
    family TEXT NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL);
"""
_INSERT = "INSERT INTO parked(received_at, reason, detail, family, topic, payload) VALUES(?, ?, ?, ?, ?, ?)"
_COLUMNS = "number, received_at, reason, detail, family, topic, payload"


class Parked(msgspec.Struct, frozen=True):
    """One message: when it came, why it became no event (a stable word and a sentence), and its bytes."""

    received_at: datetime
    reason: str
    detail: str
    family: str
    topic: str
    payload: bytes
    number: int = 0

    @property
    def statement(self) -> Statement:
        """The insert that keeps it, for the transaction that precedes the acknowledgement."""
        when = self.received_at.isoformat(timespec="milliseconds")
        return _INSERT, [(when, self.reason, self.detail, self.family, self.topic, self.payload)]

    def as_message(self) -> Message:
        """The message as it came, to be decoded again."""
        return Message(self.family, self.payload, self.topic, received_at=self.received_at)


async def listed(store: SqliteEventLog, limit: int) -> list[Parked]:
    """The newest parked messages first."""
    rows = await store.query(f"SELECT {_COLUMNS} FROM parked ORDER BY number DESC LIMIT ?", (limit,))  # noqa: S608
    return [_parked(row) for row in rows]


def _parked(row: Any) -> Parked:
    number, received_at, reason, detail, family, topic, payload = row
    return Parked(datetime.fromisoformat(received_at), reason, detail, family, topic, payload, number)


async def forget(store: SqliteEventLog, numbers: list[int]) -> None:
    """Remove messages that have become events since."""
    await store.write([("DELETE FROM parked WHERE number = ?", [(number,) for number in numbers])])


async def keep_newest(store: SqliteEventLog, limit: int) -> None:
    """Forget the oldest above ``limit``, so that a device gone mad does not fill the disk."""
    sql = "DELETE FROM parked WHERE number <= (SELECT max(number) FROM parked) - ?"
    await store.write([(sql, [(limit,)])])

"""Messages that became no event: their bytes are kept where a person can look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog

from edge.devices.driver import GatewayClock, Message
from eventlog.log import LogBroken
from eventlog.sqlite import SqliteEventLog
from eventlog.sqlite_rows import Statement
from eventlog.sqlite_schema import Column

SCHEMA = """
CREATE TABLE IF NOT EXISTS parked(
    number INTEGER PRIMARY KEY AUTOINCREMENT, received_at TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
    family TEXT NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL,
    retained INTEGER NOT NULL, queued_since TEXT, headers TEXT NOT NULL,
    gateway_clock TEXT NOT NULL DEFAULT 'confirmed', sender TEXT NOT NULL DEFAULT '');
"""
COLUMNS: tuple[Column, ...] = (
    ("parked", "gateway_clock", "TEXT NOT NULL DEFAULT 'confirmed'"),
    ("parked", "sender", "TEXT NOT NULL DEFAULT ''"),
)
_COLUMNS = "received_at, reason, detail, family, topic, payload, retained, queued_since, headers, gateway_clock, sender"
_INSERT = f"INSERT INTO parked({_COLUMNS}) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SELECT = f"SELECT number, {_COLUMNS} FROM parked"  # noqa: S608
_TRIM = """DELETE FROM parked WHERE number <= (
    SELECT max(number) FROM (
        SELECT number, row_number() OVER newest AS place, sum(length(payload)) OVER newest AS bytes
        FROM parked WINDOW newest AS (ORDER BY number DESC))
    WHERE place > ? OR bytes > ?)"""

LIMIT_BYTES = 256 * 1024 * 1024
UNDECODABLE, UNKNOWN_DEVICE, DRIVER_FAILED = "undecodable", "unknown_device", "driver_failed"
TOO_LARGE, FLOOD = "too_large", "flood"
REASONS = frozenset({UNDECODABLE, UNKNOWN_DEVICE, DRIVER_FAILED, TOO_LARGE})
PARTIAL = frozenset({TOO_LARGE, FLOOD})  # of a message of which only the beginning is kept
_DETAIL_KEPT, _DETAIL_SAID = 1_000, 300  # characters

log = structlog.get_logger()


class Parked(msgspec.Struct, frozen=True):
    """One message: when it came, why it became no event (a stable word and a sentence), and its bytes."""

    received_at: datetime
    reason: str
    detail: str
    family: str
    topic: str
    payload: bytes
    number: int = 0
    retained: bool = False
    queued_since: datetime | None = None
    headers: dict[str, str] = {}
    gateway_clock: GatewayClock = "confirmed"
    sender: str = ""

    @classmethod
    def of(cls, message: Message, reason: str, detail: str) -> Parked:
        """A message with all that its driver would be shown of it: a retained one must not come back as a live one.

        It has a time of receipt.
        """
        if message.received_at is None:
            raise ValueError("a message is parked with the time it came")
        return cls(
            message.received_at,
            reason,
            _writable(detail[:_DETAIL_KEPT]),
            message.family,
            _writable(message.topic),
            message.payload,
            retained=message.retained,
            queued_since=message.queued_since,
            headers={_writable(key): _writable(value) for key, value in message.headers.items()},
            gateway_clock=message.gateway_clock,
            sender=_writable(message.sender),
        )

    @property
    def statement(self) -> Statement:
        """The insert that keeps it, for the transaction that precedes the acknowledgement."""
        when = self.received_at.isoformat(timespec="milliseconds")
        since = self.queued_since.isoformat() if self.queued_since else None
        headers = msgspec.json.encode(self.headers).decode()
        what = (self.reason, self.detail, self.family, self.topic, self.payload)
        return _INSERT, [(when, *what, self.retained, since, headers, self.gateway_clock, self.sender)]

    @property
    def removal(self) -> Statement:
        """The delete, for the transaction that holds the events it became."""
        return "DELETE FROM parked WHERE number = ?", [(self.number,)]

    def as_message(self) -> Message:
        """The message as it came, to be decoded again."""
        return Message(
            self.family,
            self.payload,
            self.topic,
            self.retained,
            self.headers,
            received_at=self.received_at,
            queued_since=self.queued_since,
            gateway_clock=self.gateway_clock,
            sender=self.sender,
        )


def _writable(text: str) -> str:
    """Text that can be stored: half a surrogate pair, which no encoding has, becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


async def listed(store: SqliteEventLog, limit: int) -> list[Parked]:
    """The newest parked messages first."""
    return [_parked(row) for row in await store.query(f"{_SELECT} ORDER BY number DESC LIMIT ?", (limit,))]


async def page(store: SqliteEventLog, after: int, through: int, limit: int) -> list[Parked]:
    """The oldest parked messages with numbers in (after, through], the oldest first."""
    sql = f"{_SELECT} WHERE number > ? AND number <= ? ORDER BY number LIMIT ?"
    return [_parked(row) for row in await store.query(sql, (after, through, limit))]


async def newest_number(store: SqliteEventLog) -> int:
    """The number of the message parked last; 0 for none."""
    return (await store.query("SELECT coalesce(max(number), 0) FROM parked"))[0][0]


def _parked(row: Sequence[Any]) -> Parked:
    number, received_at, reason, detail, family, topic, payload, retained, since, headers, gateway_clock, sender = row
    return Parked(
        datetime.fromisoformat(received_at),
        reason,
        detail,
        family,
        topic,
        payload,
        number,
        bool(retained),
        datetime.fromisoformat(since) if since else None,
        msgspec.json.decode(headers, type=dict[str, str]),
        msgspec.convert(gateway_clock, GatewayClock),
        sender,
    )


async def forget_old(store: SqliteEventLog, before: datetime) -> None:
    """Forget what was parked before a time that somebody vouches for: nobody came to look at it."""
    await store.write([("DELETE FROM parked WHERE received_at < ?", [(before.isoformat(timespec="milliseconds"),)])])


async def keep_newest(store: SqliteEventLog, limit: int, limit_bytes: int = LIMIT_BYTES) -> None:
    """Forget the oldest above ``limit`` messages or ``limit_bytes`` of payload: a device gone mad fills no disk."""
    await store.write([(_TRIM, [(limit, limit_bytes)])])


async def tell_parked(store: SqliteEventLog, fresh: Sequence[Parked]) -> None:
    """A line for each message that the newest transaction parked, with the number a person finds it by."""
    first = await _first_of_the_last(store, len(fresh)) if fresh else None
    for index, message in enumerate(fresh):
        say = log.error if message.reason == DRIVER_FAILED else log.warning
        say(
            "parked",
            number=None if first is None else first + index,
            reason=message.reason,
            family=message.family,
            topic=message.topic,
            detail=message.detail[:_DETAIL_SAID],
        )


async def _first_of_the_last(store: SqliteEventLog, count: int) -> int | None:
    """The numbers of one transaction follow each other; None where the file cannot be asked just now."""
    try:
        rows = await store.query("SELECT seq FROM sqlite_sequence WHERE name = 'parked'")
    except LogBroken:
        return None
    return rows[0][0] - count + 1 if rows else None

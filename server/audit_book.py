"""The audit as a whole: walk the chain, tell its head, take old contents out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audit import BLANKED, KEEP_YEARS, Chain, years_before
from server.audit import Actor, record
from server.store import audit_rows
from server.store.audit_rows import Head
from server.store.engine import Database, stamp


class BadHeads(Exception):
    """A file that holds no heads; the message says where."""


class Verified(msgspec.Struct, frozen=True):
    """How the walk ended. ``fault``: what is wrong with the first row that does not fit."""

    rows: int
    head: Head
    fault: str | None = None


async def verify(db: Database, heads: Mapping[int, str], progress: Callable[[int, int], None]) -> Verified:
    """Walk the chain up to its first fault; ``progress`` hears how many rows of how many."""
    async with db.read() as connection:
        total, chain = await audit_rows.count(connection), Chain(heads, await audit_rows.blankings(connection))
    fault: str | None = None
    while fault is None:
        async with db.read() as connection:  # a snapshot a bite: rows that come meanwhile are walked too
            rows = await audit_rows.after(connection, chain.last)
        if not rows:
            fault = chain.end()
            break
        fault = next((found for row in rows if (found := chain.take(row)) is not None), None)
        progress(chain.last, max(total, chain.last))
    return Verified(chain.last, Head(chain.last, chain.hash), fault)


def read_heads(path: Path) -> dict[int, str]:
    """Heads that were written down, one a line, as ``gatehouse-server audit head --json`` prints them."""
    found: dict[int, str] = {}
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise BadHeads(f"{path}: {error.strerror or error}") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            head = _head(line, f"{path}: line {number}")
            if found.setdefault(head.number, head.hash) != head.hash:
                raise BadHeads(f"{path}: line {number}: row {head.number} has another hash further up")
    if not found:
        raise BadHeads(f"{path} holds no head")
    found.pop(0, None)  # of a chain that was empty
    return found


def _head(line: bytes, where: str) -> Head:
    try:
        return msgspec.json.decode(line, type=Head)
    except msgspec.MsgspecError as error:
        raise BadHeads(f"{where} is no head as `audit head --json` prints it: {error}") from error


def blank_before(now: datetime) -> str:
    """Contents from before this moment may go: the midnight, UTC, that lies between three years and a day before."""
    day = f"{stamp(now)[:10]}T00:00:00.000Z"
    return years_before(day, KEEP_YEARS)


async def blank(connection: AsyncConnection, by: Actor, now: datetime) -> int:
    """Take out the contents of all rows that are old enough, and say so in a row; how many there were."""
    before = blank_before(now)
    number, through = await audit_rows.old(connection, before)
    if number:
        await audit_rows.blank(connection, before, through, stamp(now))
        record(connection, by, BLANKED, now, details={"through": through, "before": before, "rows": number})
    return number

"""The chain: each journal's hash covers the one before, so that nothing is changed, left out or put between unseen."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime

import msgspec

from domain.ledger.journal import Journal

START = "0" * 64  # what the first journal of a complex follows


def hash_of(prev_hash: str, number: int, journal: Journal, booked_at: datetime, meant_day: date | None) -> str:
    """SHA-256, 64 hex digits, over one canonical JSON of all that a journal says, after the hash before it."""
    said = [
        prev_hash,
        number,
        *journal.key,
        _stamp(journal.occurred_at),
        _stamp(booked_at),
        journal.business_day.isoformat(),
        meant_day and meant_day.isoformat(),
        journal.memo,
        journal.corrects,
        [[line.account, line.fen] for line in journal.lines],
    ]
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds")

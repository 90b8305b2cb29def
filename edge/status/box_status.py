"""How the box is, as a person beside it can know: what the running agent last said, and what its file holds."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from edge.status import beside, status
from edge.status.figures import recorded_at
from edge.store import disk

_SAID_BY_A_RUNNING_AGENT = ("uplink", "broker")
_OF_A_RUNNING_AGENT_ALONE = ("pid", "rates", "devices", "vision")


def described(folder: Path) -> dict[str, Any]:
    """All that is known, also without a running agent. Raises NoLog, sqlite3.Error."""
    left = status.read_file(folder)
    running = alive(left)
    kept = {key: value for key, value in left.items() if running or key not in _OF_A_RUNNING_AGENT_ALONE}
    with beside.opened(folder) as db:
        streams = _streams(db, left if running else {})
        oldest = {name: at for name, row in streams.items() if (at := _oldest_unsent(db, name, row))}
        parked = beside.parked_by_reason(db)
    said = {key: left.get(key, "unknown") if running else "agent not running" for key in _SAID_BY_A_RUNNING_AGENT}
    return {
        "counts": {},
        **kept,
        "running": running,
        "streams": streams,
        "oldest_unsent_at": oldest,
        "parked": sum(parked.values()),
        "parked_by_reason": parked,
        "disk": msgspec.to_builtins(disk.look(folder)),
        **said,
    }


def watermarks(folder: Path) -> dict[str, int]:
    """Up to where the centre has each stream, as it is known here. Raises NoLog, sqlite3.Error."""
    left = status.read_file(folder)
    with beside.opened(folder) as db:
        found = _streams(db, left if alive(left) else {})
    return {name: row["acknowledged"] for name, row in found.items()}


def _streams(db: sqlite3.Connection, told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The file's heads are the newest; a running agent's word on the watermark is newer than what it remembered."""
    said: dict[str, Any] = told.get("streams", {})
    return {name: _fresher(entry.plain(), said.get(name, {})) for name, entry in beside.streams(db).items()}


def _fresher(stored: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    same = said.get("epoch") == stored["epoch"]
    acknowledged = max(stored["acknowledged"], said.get("acknowledged", 0) if same else 0)
    return {**stored, "acknowledged": acknowledged, "backlog": max(0, stored["head"] - acknowledged)}


def _oldest_unsent(db: sqlite3.Connection, stream: str, row: dict[str, Any]) -> str | None:
    records = beside.read(db, stream, row["acknowledged"], 1) if row["backlog"] else []
    at = recorded_at(records[0].body) if records else None
    return at.isoformat() if at else None


def alive(left: dict[str, Any]) -> bool:
    """Whether the agent that left this status still runs."""
    try:
        os.kill(int(left["pid"]), 0)
    except (KeyError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True

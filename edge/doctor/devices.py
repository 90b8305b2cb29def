"""The devices: who was never heard, who fell silent, and who speaks without being listed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from domain.findings import Finding, Reporter
from edge.commands.ages import span
from edge.intake.device_list import unlisted_in
from edge.intake.parked import UNKNOWN_DEVICE
from edge.status import beside

_HEARD = Reporter("connections", "devices")
_UNKNOWN = Reporter("connections", "devices that are not listed")
_SILENT = timedelta(hours=24)
_SHOWN = 10
_ADD = (
    "add them to edge.toml (gatehouse-edge discover --toml), start the agent again, then: gatehouse-edge parked --retry"
)


def check(listed: list[str], seen: Mapping[str, Mapping[str, Any]], now: datetime) -> Iterator[Finding]:
    """``seen`` is the agent's own: device -> {at, state}; ``listed`` are the ids of the settings."""
    said = [finding for device in listed for finding in _one(device, seen.get(device, {}), now)]
    yield from said
    well = len(listed) - len(said)
    if well:
        yield _HEARD.ok(f"{well} of {len(listed)} heard within {span(_SILENT)}")


def _one(device: str, entry: Mapping[str, Any], now: datetime) -> Iterator[Finding]:
    at = datetime.fromisoformat(entry["at"]) if entry.get("at") else None
    look = "look at its power, its network, and the broker's address in it"
    if entry.get("state") == "offline":
        yield _HEARD.warn(f"{device} is offline{_since(at, now)}", look)
    elif at is None:
        yield _HEARD.warn(f"{device} is listed and was never heard", f"{look}; compare its id with its own page")
    elif now - at > _SILENT:
        yield _HEARD.warn(f"{device} was last heard {span(now - at)} ago", look)


def _since(at: datetime | None, now: datetime) -> str:
    return f", last heard {span(now - at)} ago" if at else ", never heard"


def unlisted(folder: Path) -> list[str]:
    """Devices whose messages are parked because they are not in the list. Raises NoLog, sqlite3.Error."""
    with beside.opened(folder) as db:
        rows = db.execute("SELECT DISTINCT detail FROM parked WHERE reason = ?", (UNKNOWN_DEVICE,)).fetchall()
    return sorted({unlisted_in(row[0]) for row in rows} - {""})


def waiting(folder: Path, listed: list[str]) -> Iterator[Finding]:
    """Whose messages wait to be let in."""
    try:
        unknown = unlisted(folder)
    except (beside.NoLog, sqlite3.Error):
        return  # said by the check of the log
    names = ", ".join(unknown[:_SHOWN]) + (f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else "")
    if unknown and set(unknown) <= set(listed):
        yield _UNKNOWN.warn(f"messages of {names} are still parked", "gatehouse-edge parked --retry")
    elif unknown:
        yield _UNKNOWN.warn(f"messages of {names} are parked", _ADD)
    else:
        yield _UNKNOWN.ok("none")

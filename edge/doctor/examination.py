"""Every check, in the order in which a person would mend things."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from domain.findings import Finding
from edge.commands.redact import secrets
from edge.config import Config
from edge.doctor import agent, backlog, broker, centre, clock, configuration, devices, folder, software, storage
from edge.kernel_clock import kernel_vouches
from edge.status import beside, status
from edge.status.box_status import described
from edge.status.figures import recorded_at
from edge.store import disk
from edge.sync.moved import server_of

_MOUNTS = Path("/proc/self/mountinfo")

GROUPS = ("configuration", "box", "connections", "data")  # in this order


def examine(settings: Path, now: datetime) -> list[Finding]:
    """All findings, by group. Takes some seconds: it asks the broker and the centre, and waits for each a bounded
    time."""
    config, found = configuration.check(settings)
    if config is not None:
        found += _examined(config, now)
    return [_clean(finding) for finding in sorted(found, key=lambda finding: GROUPS.index(finding.group))]


def _clean(finding: Finding) -> Finding:
    """An error's words may quote an address with a password in it."""
    return msgspec.structs.replace(finding, cause=secrets(finding.cause))


def _examined(config: Config, now: datetime) -> Iterator[Finding]:
    left = status.read_file(config.folder)
    me, known = agent.known(config.folder)
    yield known
    yield agent.runs(left, now)
    yield from agent.unit()
    yield from _of_the_disk(config, left)
    asked = centre.check(server_of(me, config.server) if me else config.server, me, now)
    yield from clock.check(
        now,
        synced=kernel_vouches(),
        offset=asked.offset if asked.offset is not None else _told_offset(left),
        newest_record=_newest_record(config.folder),
    )
    found, version = broker.check(config.broker, now)
    yield from software.check(software.installed(), version)
    yield from found
    yield from asked.findings
    yield from _of_the_log(config, left, now)


def _of_the_disk(config: Config, left: dict[str, Any]) -> Iterator[Finding]:
    if config.folder.is_dir():
        yield from storage.room(disk.look(config.folder), config.capacity)
        yield from storage.store(left.get("store", {}), config.folder)
    yield from storage.life()


def _of_the_log(config: Config, left: dict[str, Any], now: datetime) -> Iterator[Finding]:
    listed = [device.id for device in config.devices]
    yield from devices.check(listed, left.get("seen", {}), now)
    yield from devices.waiting(config.folder, listed)
    mounts = _MOUNTS.read_text(encoding="utf-8") if _MOUNTS.is_file() else ""
    yield from folder.check(config.folder, mounts, folder.owner(config.folder))
    try:
        yield from backlog.check(described(config.folder), now)
    except (beside.NoLog, sqlite3.Error):
        return  # said by the check of the log


def _told_offset(left: dict[str, Any]) -> timedelta | None:
    offset_s = left.get("clock_offset_s")
    return None if offset_s is None else timedelta(seconds=offset_s)


def _newest_record(path: Path) -> datetime | None:
    """The latest time of recording among the newest of each stream."""
    try:
        with beside.opened(path) as db:
            heads = beside.streams(db)
            newest = [beside.read(db, name, max(0, entry.head - 1), 1) for name, entry in heads.items()]
    except (beside.NoLog, sqlite3.Error):
        return None
    return max((at for records in newest for record in records if (at := recorded_at(record.body))), default=None)

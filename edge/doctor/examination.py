"""Every check, in the order in which a person would mend things."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from domain.findings import Finding
from edge.commands.redact import secrets
from edge.config import Config
from edge.devices.driver import discover
from edge.doctor import agent, backlog, broker, centre, configuration, devices, folder, retained, software, storage
from edge.doctor import clock as clocks
from edge.doctor.box import Box, in_force
from edge.kernel_clock import kernel_vouches
from edge.status import beside, status
from edge.status.box_status import described
from edge.status.figures import recorded_at
from edge.store import disk
from edge.sync.moved import server_of

_MOUNTS = Path("/proc/self/mountinfo")

GROUPS = ("configuration", "box", "connections", "devices", "data")  # in this order
Now = Callable[[], datetime]


def examine(settings: Path, clock: Now, device: str = "") -> list[Finding]:
    """All findings, by group, or those of one device. Takes some seconds: the broker, the centre, the devices and the
    log are asked at one time, and each is waited for a bounded time."""
    config, found = configuration.check(settings)
    if config is not None and device:
        found = devices.check(_box(config, clock, status.read_file(config.folder)), device)
    elif config is not None:
        found += _examined(config, clock)
    return [_clean(finding) for finding in sorted(found, key=lambda finding: GROUPS.index(finding.group))]


def _clean(finding: Finding) -> Finding:
    """An error's words may quote an address with a password in it."""
    return msgspec.structs.replace(finding, cause=secrets(finding.cause))


def _box(config: Config, clock: Now, left: dict[str, Any]) -> Box:
    """The device list in force is the centre's, or that of the settings where it has sent none."""
    wished = in_force(config.folder)
    listed = config.devices if wished.devices is None else wished.devices
    return Box(config, discover(), listed, wished.cards, left, clock, retained.ask)


def _examined(config: Config, clock: Now) -> Iterator[Finding]:
    """What waits for others is begun at once."""
    left, now = status.read_file(config.folder), clock()
    me, known = agent.known(config.folder)
    box = _box(config, clock, left)
    with ThreadPoolExecutor(4) as side:
        asked = side.submit(centre.check, server_of(me, config.server) if me else config.server, me, now)
        broker_said = side.submit(broker.check, config.broker, now)
        tested = side.submit(devices.check, box)
        looked = side.submit(lambda: list(_of_the_log(config, box, now)))
        yield known
        yield from _of_the_box(config, left, now, asked)
        found, version = broker_said.result()
        yield from software.check(software.installed(), version)
        yield from [*found, *asked.result().findings, *tested.result(), *looked.result()]


def _of_the_box(config: Config, left: dict[str, Any], now: datetime, asked: Future[centre.Asked]) -> Iterator[Finding]:
    yield agent.runs(left, now)
    yield from agent.unit()
    yield from _of_the_disk(config, left)
    offset = asked.result().offset
    yield from clocks.check(
        now,
        synced=kernel_vouches(),
        offset=offset if offset is not None else _told_offset(left),
        newest_record=_newest_record(config.folder),
    )


def _of_the_disk(config: Config, left: dict[str, Any]) -> Iterator[Finding]:
    if config.folder.is_dir():
        yield from storage.room(disk.look(config.folder), config.capacity)
        yield from storage.store(left.get("store", {}), config.folder)
    yield from storage.life()


def _of_the_log(config: Config, box: Box, now: datetime) -> Iterator[Finding]:
    yield from devices.waiting(config.folder, [device.id for device in box.devices])
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

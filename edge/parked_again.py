"""Parked messages decoded again, after a device was listed or a driver mended."""

from __future__ import annotations

from edge.agent import utc_now
from edge.config import Config
from edge.device_list import DeviceList
from edge.devices.driver import discover
from edge.intake import Intake
from edge.media import MediaStore
from edge.parked import Parked, forget, listed
from edge.store import open_store
from eventlog.group_commit import Bounds
from eventlog.sqlite import SqliteEventLog


async def retry(config: Config) -> tuple[int, int]:
    """(became events, stay parked). Works beside a running agent: the file takes turns."""
    store = await open_store(config.folder, utc_now)
    try:
        rows = await listed(store, config.limits.parked_messages)
        intake = _intake(config, store)
        done = [row for row in reversed(rows) if await _again(intake, row)]
        await forget(store, [row.number for row in done])
        return len(done), len(rows) - len(done)
    finally:
        await store.close()


def _intake(config: Config, store: SqliteEventLog) -> Intake:
    devices = DeviceList(config.devices, accept_unknown=config.unknown_devices == "accept")
    media = MediaStore(config.folder / "media", store)
    return Intake(store, media, discover(), devices, config.site, utc_now, Bounds())


async def _again(intake: Intake, row: Parked) -> bool:
    return await intake.admit(row.as_message())

"""Parked messages decoded again, after a device was listed or a driver mended."""

from __future__ import annotations

from edge.agent import utc_now
from edge.clock import Clock
from edge.config import Config
from edge.control.desired import devices_in_force
from edge.devices.driver import discover
from edge.intake.device_list import DeviceList
from edge.intake.intake import Intake
from edge.intake.parked import PARTIAL, Parked, newest_number, page
from edge.store.file import open_store
from edge.store.media import MediaStore
from eventlog.group_commit import Bounds
from eventlog.sqlite import SqliteEventLog

_PAGE = 200


async def retry(config: Config) -> tuple[int, int]:
    """(became events, stay parked), the oldest first. Works beside a running agent: the file takes turns."""
    store = await open_store(config.folder, utc_now)
    try:
        return await _retry_all(store, await _intake(config, store))
    finally:
        await store.close()


async def _retry_all(store: SqliteEventLog, intake: Intake) -> tuple[int, int]:
    done = left = after = 0
    through = await newest_number(store)  # what a running agent parks meanwhile is for the next time
    while rows := await page(store, after, through, _PAGE):
        became = [await _again(intake, row) for row in rows]
        done, left, after = done + became.count(True), left + became.count(False), rows[-1].number
    return done, left


async def _intake(config: Config, store: SqliteEventLog) -> Intake:
    in_force = await devices_in_force(store, config.devices)
    devices = DeviceList(in_force, accept_unknown=config.unknown_devices == "accept")
    media = MediaStore(config.folder / "media", store)
    return Intake(store, media, discover(), devices, config.site, Clock(), Bounds())


async def _again(intake: Intake, row: Parked) -> bool:
    """Whether it became events. A message kept by its beginning only is not what the device said: it stays."""
    return row.reason not in PARTIAL and await intake.admit(row.as_message(), [row.removal])

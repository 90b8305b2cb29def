"""Changes of the list of devices: in one transaction the next version of the document, and the audit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.desired import BadDesired
from domain.desired_bodies import Device
from server.audit import Actor, Subject, record
from server.house import House
from server.store import desired_rows, device_lists
from server.store.device_lists import KIND, DeviceList
from server.store.resident_rows import NotPossible

_SETTINGS = "gateway settings"  # who made the first version, where gateways had a list of their own before
Work = Callable[[AsyncConnection, DeviceList], Awaitable[Sequence[Device]]]


async def change(
    house: House,
    actor: Actor,
    complex_id: str,
    action: str,
    work: Work,
    *,
    on: Subject | None = None,
    details: Mapping[str, Any] | None = None,
) -> int | None:
    """Let ``work`` make another list of the newest one, whoever wrote that; afterwards the gateways are told.

    The version that holds it; None where it says the same. Raises NotPossible, and what ``work`` raises: then nothing
    is changed.
    """
    now, subject = house.now(), on or Subject("complex", complex_id)
    async with house.db.write() as connection:
        before = await device_lists.current(connection, complex_id)
        wanted = await work(connection, before)
        if tuple(wanted) == before.devices:
            return None
        earlier = await _adopted(connection, complex_id, before, now)
        version = await _put(connection, complex_id, wanted, actor.who, now)
        told = {**(details or {}), "devices_version": version, "before": earlier}
        record(connection, actor, action, now, on=subject, complex_id=complex_id, details=told)
    house.desired.ring({complex_id})
    return version


async def _adopted(connection: AsyncConnection, complex_id: str, before: DeviceList, now: datetime) -> int:
    """The version before a change. Where there is none, what gateways have in their settings becomes the first one:
    nobody falls silent by the first change, and it can be taken back."""
    if before.version is not None:
        return before.version
    return await _put(connection, complex_id, before.devices, _SETTINGS, now)


async def _put(connection: AsyncConnection, complex_id: str, devices: Sequence[Device], by: str, now: datetime) -> int:
    try:
        body = device_lists.body_of(devices)
        version, _ = await desired_rows.put(connection, complex_id, KIND, body, by, now)
    except BadDesired as error:
        raise NotPossible("too_many_devices") from error  # each entry was looked at: it is their number
    return version


async def undo(house: House, actor: Actor, complex_id: str, version: int) -> int | None:
    """Put back what stood before a version, while nobody wrote another. Raises NotPossible."""

    async def work(connection: AsyncConnection, before: DeviceList) -> Sequence[Device]:
        earlier = await device_lists.at_most(connection, complex_id, version - 1)
        if before.version != version or earlier is None:
            raise NotPossible("devices_changed")
        return earlier.devices

    return await change(house, actor, complex_id, "devices.undone", work, details={"undone": version})

"""What pages show of a complex's devices: how each is by its gateways' word, and how far its entry has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.desired_bodies import Device
from server.store import device_lists, device_rows
from server.store.device_lists import KIND, DeviceList
from server.store.device_rows import Kept
from server.store.schema import device_heard, gateway, gateway_applied

STATES = ("offline", "never", "away", "silent", "online")  # what wants looking at first
GATEWAY_SILENT_AFTER = timedelta(seconds=60)
_LIVELY = timedelta(minutes=10)  # who was heard since is online, whether or not its family says so


class DeviceView(msgspec.Struct, frozen=True):
    """A device of the list. ``has`` of ``of`` gateways go by its entry as the list has it now."""

    device: Device
    state: str
    heard_at: datetime | None
    since: datetime | None
    fault: str | None
    has: int
    of: int
    page: str = ""  # of docs/devices: what an installer sets; "" where no gateway has said

    @property
    def kind(self) -> str:
        return self.device.id.partition(":")[0]

    @property
    def words(self) -> str:
        """What a search looks through."""
        of = self.device
        return " ".join((of.id, of.name, of.place, of.lane, of.address)).casefold()


class Gateway(msgspec.Struct, frozen=True):
    """A gateway of the complex: what it says of devices, and the list that it goes by."""

    id: str
    is_silent: bool
    heard: Mapping[str, Kept]
    in_force: Mapping[str, Device]


async def devices(connection: AsyncConnection, complex_id: str, now: datetime) -> tuple[DeviceList, list[DeviceView]]:
    """The list, and each of its devices."""
    listed = await device_lists.current(connection, complex_id)
    gateways = await _gateways(connection, complex_id, listed, now)
    pages = await kinds(connection, complex_id)
    return listed, [view(device, gateways, pages, now) for device in listed.devices]


def view(device: Device, gateways: Sequence[Gateway], pages: Mapping[str, str], now: datetime) -> DeviceView:
    known = [(one, one.heard[device.id]) for one in gateways if device.id in one.heard]
    newest = max(known, key=lambda pair: pair[1].at.timestamp() if pair[1].at else 0, default=None)
    has = sum(one.in_force.get(device.id) == device for one in gateways)
    page = pages.get(device.id.partition(":")[0], "")
    if newest is None:
        return DeviceView(device, "never", None, None, None, has, len(gateways), page)
    teller, kept = newest
    state = "away" if teller.is_silent else _state(kept, now)
    return DeviceView(device, state, kept.at, kept.since, kept.fault, has, len(gateways), page)


def _state(kept: Kept, now: datetime) -> str:
    if kept.state == "offline":
        return "offline"
    if kept.state == "online" or (kept.at is not None and now - kept.at < _LIVELY):
        return "online"
    return "never" if kept.at is None else "silent"


async def kinds(connection: AsyncConnection, complex_id: str) -> dict[str, str]:
    """Kind of device -> page, of what the complex's gateways can speak to; of a complex without one, of any gateway's
    newest word; empty where no gateway ever said."""
    query = select(device_heard.c.kinds).join(gateway, gateway.c.id == device_heard.c.gateway)
    of_here = query.where(gateway.c.complex == complex_id, gateway.c.replaced_at.is_(None))
    found = (await connection.execute(of_here)).scalars().all()
    if not found:
        found = (await connection.execute(query.order_by(device_heard.c.at.desc()).limit(1))).scalars().all()
    return {kind: page for told in found for kind, page in sorted(told.items())}


async def _gateways(connection: AsyncConnection, complex_id: str, newest: DeviceList, now: datetime) -> list[Gateway]:
    same = (gateway_applied.c.gateway == gateway.c.id) & (gateway_applied.c.kind == KIND)
    columns = (gateway.c.id, gateway.c.last_seen_at, gateway.c.status, gateway_applied.c.version)
    query = select(*columns).outerjoin(gateway_applied, same).order_by(gateway.c.id)
    alive = (gateway.c.complex == complex_id, gateway.c.replaced_at.is_(None))
    rows = (await connection.execute(query.where(*alive))).mappings().all()
    heard = await device_rows.heard_of(connection, [row["id"] for row in rows])
    lists = {newest.version: _by_id(newest.devices)}
    for version in {row["version"] for row in rows if row["version"]} - set(lists):
        found = await device_lists.at_most(connection, complex_id, version)
        lists[version] = _by_id(found.devices) if found is not None and found.version == version else {}
    return [_gateway(row, heard.get(row["id"], {}), lists, now) for row in rows]


def _gateway(
    row: Mapping[Any, Any], heard: Mapping[str, Kept], lists: Mapping[Any, Mapping[str, Device]], now: datetime
) -> Gateway:
    seen, version = row["last_seen_at"], row["version"]
    is_silent = seen is None or now - datetime.fromisoformat(seen) > GATEWAY_SILENT_AFTER
    in_force = lists[version] if version else _by_id(device_lists.in_settings(row["status"]))
    return Gateway(row["id"], is_silent, heard, in_force)


def _by_id(devices: Sequence[Device]) -> dict[str, Device]:
    return {device.id: device for device in devices}

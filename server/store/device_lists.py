"""The list of devices of a complex: the newest document, or what its gateways have in their settings while there is
none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.desired_bodies import Device, Devices
from server.store.schema import desired_state, gateway

KIND = "devices"


class DeviceList(msgspec.Struct, frozen=True):
    """``version`` None: nobody has written a list here, and each gateway goes by its own settings."""

    devices: tuple[Device, ...]
    version: int | None
    made_by: str = ""
    made_at: str = ""

    def of(self, identity: str) -> Device | None:
        return next((device for device in self.devices if device.id == identity), None)


class _Settings(msgspec.Struct):
    devices: tuple[Device, ...] = ()


async def current(connection: AsyncConnection, complex_id: str) -> DeviceList:
    found = await at_most(connection, complex_id, None)
    return found or DeviceList(await _of_settings(connection, complex_id), None)


async def at_most(connection: AsyncConnection, complex_id: str, version: int | None) -> DeviceList | None:
    """The newest version of the document, up to ``version`` where that is said."""
    query = select(desired_state).where(desired_state.c.complex == complex_id, desired_state.c.kind == KIND)
    if version is not None:
        query = query.where(desired_state.c.version <= version)
    row = (await connection.execute(query.order_by(desired_state.c.version.desc()).limit(1))).mappings().first()
    if row is None:
        return None
    devices = msgspec.json.decode(row["body"], type=Devices).devices
    return DeviceList(devices, row["version"], row["made_by"], row["made_at"])


async def _of_settings(connection: AsyncConnection, complex_id: str) -> tuple[Device, ...]:
    """What the gateways in use say that they list; of two entries of one device the first counts."""
    query = select(gateway.c.status).where(gateway.c.complex == complex_id, gateway.c.replaced_at.is_(None))
    found: dict[str, Device] = {}
    for status in (await connection.execute(query.order_by(gateway.c.id))).scalars():
        for device in in_settings(status):
            found.setdefault(device.id, device)
    return tuple(found.values())


def in_settings(status: Any) -> tuple[Device, ...]:
    """Empty for a gateway that says its list in other words than ours."""
    try:
        return msgspec.convert(status or {}, _Settings).devices
    except msgspec.ValidationError:
        return ()


def body_of(devices: Sequence[Device]) -> dict[str, Any]:
    """The document; what says nothing is left out."""
    return {"devices": [entry_of(device) for device in devices]}


def entry_of(device: Device) -> dict[str, Any]:
    said = {name: getattr(device, name) for name in Device.__struct_fields__[1:] if name != "doors"}
    usual = Device(device.id)
    entry: dict[str, Any] = {"id": device.id}
    entry |= {name: value for name, value in said.items() if value != getattr(usual, name)}
    doors = [
        {name: value for name, value in msgspec.to_builtins(door).items() if _says(name, value)}
        for door in device.doors
    ]
    return entry | ({"doors": doors} if doors else {})


def _says(name: str, value: object) -> bool:
    return bool(value) and (name, value) != ("decides", "device")

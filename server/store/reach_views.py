"""How far a change has come: the gateways of a complex that say they have it, and the doors behind them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.desired_bodies import Device, Devices
from server.store.schema import desired_state, door, gateway, gateway_applied

DoorName = tuple[str, str]  # device, point


class _Listed(msgspec.Struct):
    id: str


class _Status(msgspec.Struct):
    """What a hello says of the gateway's devices."""

    devices: list[_Listed] = []


class Said(msgspec.Struct, frozen=True):
    """What a gateway says of a kind of document, and which doors are behind it."""

    gateway: str
    applied: int
    applied_at: datetime | None
    refused_version: int | None
    refused_reason: str | None
    doors: int


class Stand(msgspec.Struct, frozen=True):
    """Of one version: ``at`` is when the last of those that have it said so."""

    gateways: int
    of_gateways: int
    doors: int
    of_doors: int
    at: datetime | None
    refused: str | None

    @property
    def is_everywhere(self) -> bool:
        return self.of_gateways > 0 and self.gateways == self.of_gateways


class Reach(msgspec.Struct, frozen=True):
    """All gateways of a complex, of one kind of document."""

    said: list[Said]
    doors: int  # of the complex, also those that no gateway lists

    def behind(self, version: int | None) -> list[str]:
        """The gateways that have an older one; of what is in no document yet, all."""
        return [one.gateway for one in self.said if version is None or one.applied < version]

    def of(self, version: int | None) -> Stand:
        """Who has a version, or a newer one."""
        have = [one for one in self.said if version is not None and one.applied >= version]
        times = [one.applied_at for one in have if one.applied_at is not None]
        no = [one for one in self.said if version is not None and one.refused_version == version and one not in have]
        refused = [one.refused_reason or "—" for one in no]
        reached, most = sum(one.doors for one in have), self.doors
        return Stand(
            len(have), len(self.said), min(reached, most), most, max(times, default=None), next(iter(refused), None)
        )


async def reach(connection: AsyncConnection, complex_id: str, kind: str) -> Reach:
    alive = (gateway.c.complex == complex_id, gateway.c.replaced_at.is_(None))
    same = (gateway_applied.c.gateway == gateway.c.id) & (gateway_applied.c.kind == kind)
    said = [gateway_applied.c[name] for name in ("version", "applied_at", "refused_version", "refused_reason")]
    query = select(gateway.c.id, gateway.c.status, *said).outerjoin(gateway_applied, same).where(*alive)
    rows = (await connection.execute(query.order_by(gateway.c.id))).mappings().all()
    doors = await doors_of(connection, complex_id)
    behind = _behind({row["id"]: row["status"] for row in rows}, doors)
    found = [_said(row, behind[row["id"]]) for row in rows]
    return Reach(found, len(doors))


def _said(row: Mapping[Any, Any], doors: int) -> Said:
    at = row["applied_at"]
    return Said(
        row["id"],
        row["version"] or 0,
        datetime.fromisoformat(at) if at else None,
        row["refused_version"],
        row["refused_reason"],
        doors,
    )


def _behind(statuses: Mapping[str, Any], doors: list[DoorName]) -> dict[str, int]:
    """How many doors each gateway has: all of them where it is the only one, else those of the devices it lists."""
    if len(statuses) == 1:
        return dict.fromkeys(statuses, len(doors))
    lists = {id_: {one.id for one in msgspec.convert(said or {}, _Status).devices} for id_, said in statuses.items()}
    return {id_: sum(device in listed for device, _ in doors) for id_, listed in lists.items()}


async def devices_of(connection: AsyncConnection, complex_id: str) -> tuple[Device, ...]:
    """The newest list of devices."""
    same = (desired_state.c.complex == complex_id, desired_state.c.kind == "devices")
    query = select(desired_state.c.body).where(*same).order_by(desired_state.c.version.desc()).limit(1)
    body = (await connection.execute(query)).scalar()
    return msgspec.json.decode(body, type=Devices).devices if body else ()


async def doors_of(connection: AsyncConnection, complex_id: str) -> list[DoorName]:
    """The doors that the list of devices names; where it names none, those that have been heard of."""
    devices = await devices_of(connection, complex_id)
    listed = [(device.id, one.point) for device in devices for one in device.doors]
    if listed:
        return listed
    heard = (
        select(door.c.device, door.c.point).where(door.c.complex == complex_id).order_by(door.c.device, door.c.point)
    )
    return [(row.device, row.point) for row in await connection.execute(heard)]


async def newest(connection: AsyncConnection, complex_id: str, kind: str) -> int | None:
    """The newest version of a document; None where there is none."""
    same = (desired_state.c.complex == complex_id, desired_state.c.kind == kind)
    return (await connection.execute(select(func.max(desired_state.c.version)).where(*same))).scalar()

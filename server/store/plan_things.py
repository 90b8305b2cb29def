"""What can be pinned on a complex's plan: doors and lanes of its documents, what was heard of, and other devices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal, TypeVar

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.desired_bodies import Device, Devices
from domain.doors.rules import Door, Doors
from domain.lanes.settings import Barrier, Lane, Lanes
from server.store.plan_tables import device_state
from server.store.schema import desired_state, door

LANE = "lane:"  # before a lane's id, as orders name it
Kind = Literal["door", "lane", "device", "gone"]
Spot = tuple[str, str]  # device, point; "" for the whole device
Body = TypeVar("Body")
_MOST = 5_000


class Thing(msgspec.Struct, frozen=True):
    """One door, lane or device. ``spots``: the devices and points by which its events and alerts are known."""

    kind: Kind
    device: str
    point: str
    name: str
    place: str = ""
    spots: tuple[Spot, ...] = ()
    barrier: Barrier | None = None  # of a lane

    @property
    def key(self) -> Spot:
        return self.device, self.point

    @property
    def page(self) -> Spot | None:
        """By which its own page is asked for: a door's, or that of a lane's barrier."""
        if self.barrier is not None:
            return self.barrier.device, self.barrier.point
        return self.spots[0] if self.kind == "door" else None

    def is_meant(self, device: str, point: str) -> bool:
        """Whether what is said of a point, or of a whole device, is said of this."""
        return any(device == one and (not point or not at or point == at) for one, at in self.spots)


async def things_of(connection: AsyncConnection, complex_id: str) -> list[Thing]:
    """Doors first, then lanes, then what else there is."""
    devices = await _body(connection, complex_id, "devices", Devices)
    rules = await _body(connection, complex_id, "doors", Doors)
    lanes = await _body(connection, complex_id, "lanes", Lanes)
    listed = devices.devices if devices else ()
    heard = await _heard_doors(connection, complex_id)
    doors = _doors(listed, rules.doors if rules else (), heard)
    crossed = [_lane(one) for one in (lanes.lanes if lanes else ())]
    with_doors = {device for one in doors for device, _ in one.spots}
    others = [_device(one) for one in listed if one.id not in with_doors]
    known = with_doors | {one.id for one in listed}
    others += [Thing("device", id_, "", id_, "", ((id_, ""),)) for id_ in await _heard(connection, complex_id, known)]
    return [*doors, *crossed, *others][:_MOST]


async def barriers_of(connection: AsyncConnection, complex_id: str) -> dict[Spot, Lane]:
    """The lanes by their barriers."""
    lanes = await _body(connection, complex_id, "lanes", Lanes)
    return {(one.barrier.device, one.barrier.point): one for one in (lanes.lanes if lanes else ())}


async def named(connection: AsyncConnection, complex_id: str, device: str, point: str) -> Thing | None:
    """What has a page under this device and point."""
    things = await things_of(connection, complex_id)
    return next((one for one in things if one.page == (device, point)), None)


async def _body(connection: AsyncConnection, complex_id: str, kind: str, type_: type[Body]) -> Body | None:
    """The newest document of a kind; None where there is none, or where an older program wrote another form of it."""
    same = (desired_state.c.complex == complex_id, desired_state.c.kind == kind)
    query = select(desired_state.c.body).where(*same).order_by(desired_state.c.version.desc()).limit(1)
    body: bytes | None = (await connection.execute(query)).scalar()
    try:
        return msgspec.json.decode(body, type=type_) if body else None
    except msgspec.ValidationError:
        return None


async def _heard_doors(connection: AsyncConnection, complex_id: str) -> list[tuple[str, str, str]]:
    query = select(door.c.device, door.c.point, door.c.place).where(door.c.complex == complex_id)
    rows = await connection.execute(query.order_by(door.c.device, door.c.point).limit(_MOST))
    return [(row.device, row.point, row.place or "") for row in rows]


async def _heard(connection: AsyncConnection, complex_id: str, known: Iterable[str]) -> list[str]:
    """Devices that no list names, and that said of themselves that they are there, or gone."""
    same = (device_state.c.complex == complex_id, device_state.c.kind == "availability", device_state.c.point == "")
    found = (await connection.execute(select(device_state.c.device).where(*same))).scalars()
    return sorted(set(found).difference(known))


def _doors(listed: Iterable[Device], ruled: Iterable[Door], heard: Iterable[tuple[str, str, str]]) -> list[Thing]:
    """A door of the document ``doors`` is one, however many readers it has; each is here once."""
    found = [thing for one in ruled if (thing := _ruled(one)) is not None]
    taken = {spot for one in found for spot in one.spots}
    named = [(device.id, one.point, device.place or device.name) for device in listed for one in device.doors]
    for device, point, place in (*named, *heard):
        if (device, point) not in taken:
            taken.add((device, point))
            found.append(Thing("door", device, point, place or f"{device} {point}", place, ((device, point),)))
    return _told_apart(found)


def _ruled(one: Door) -> Thing | None:
    spots = [(reader.device, reader.point) for reader in one.readers]
    if one.contact is not None:
        spots += [(one.contact.device, f"door/{one.id}"), (one.contact.device, one.contact.point)]
    spots = [spot for spot in dict.fromkeys(spots) if spot[1] or len(spots) == 1]
    if not spots:
        return None
    return Thing("door", *spots[0], one.name or one.place or one.id, one.place, tuple(spots))


def _told_apart(found: list[Thing]) -> list[Thing]:
    """Doors of one name get their point behind it."""
    counts = Counter(one.name for one in found)
    return [
        msgspec.structs.replace(one, name=f"{one.name} {one.point}".strip()) if counts[one.name] > 1 else one
        for one in found
    ]


def _lane(one: Lane) -> Thing:
    spots = [(one.barrier.device, one.barrier.point)]
    spots += [(reader.device, "") for reader in one.readers]
    spots += [(part.device, part.point) for part in (one.loop, one.button) if part is not None]
    name = one.name or one.id
    return Thing("lane", f"{LANE}{one.id}", "", name, "", tuple(dict.fromkeys(spots)), one.barrier)


def _device(one: Device) -> Thing:
    return Thing("device", one.id, "", one.name or one.place or one.id, one.place, ((one.id, ""),))

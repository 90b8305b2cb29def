"""Changes of what is drawn on a camera's picture: in one transaction the next document, who and why, and the audit."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import content_name
from domain.orders import TAKE_PICTURE, Order
from server.audit import Actor, Subject, record
from server.house import House
from server.store import camera_rows, order_rows
from server.store.camera_rows import Change, Entry
from server.store.resident_rows import NotPossible

_GOOD_FOR = timedelta(seconds=20)  # of a picture that is asked for


async def save(
    house: House, actor: Actor, complex_id: str, device: str, entry: Entry | None, reason: str, was: str
) -> int:
    """Another entry, of which gateways hear at once; the document's version. None: by the settings of its box again.

    Raises NotPossible where somebody else changed this camera's meanwhile, BadDesired for what is wrong in the entry.
    """
    async with house.db.write() as connection:
        before = await camera_rows.current(connection, complex_id)
        if digest(before.cameras.get(device)) != was:
            raise NotPossible("camera_changed")
        version = await _write(connection, house, actor, complex_id, device, before.cameras, entry, reason)
        told = {"scenes_version": version, **_counted(entry)}
        on, now = Subject("device", device), house.now()
        record(connection, actor, "camera.changed", now, on=on, complex_id=complex_id, reason=reason, details=told)
    house.desired.ring({complex_id})
    return version


async def undo(house: House, actor: Actor, complex_id: str, device: str, to: int, reason: str) -> int:
    """The entry as an earlier version had it, as a new version. Raises NotPossible, BadDesired."""
    async with house.db.write() as connection:
        before = await camera_rows.current(connection, complex_id)
        earlier = await camera_rows.changes(connection, complex_id, device)
        found = next((one for one in earlier if one.version == to), None)
        if found is None:
            raise NotPossible("no_version")
        version = await _write(
            connection, house, actor, complex_id, device, before.cameras, found.entry, reason, undid=to
        )
        told = {"scenes_version": version, "undone": to}
        on, now = Subject("device", device), house.now()
        record(connection, actor, "camera.undone", now, on=on, complex_id=complex_id, reason=reason, details=told)
    house.desired.ring({complex_id})
    return version


def digest(entry: Entry | None) -> str:
    """What a form was made of: an entry that somebody else changed meanwhile is not overwritten."""
    return "" if entry is None else content_name(msgspec.json.encode(entry, order="deterministic"))[:16]


async def _write(
    connection: AsyncConnection,
    house: House,
    actor: Actor,
    complex_id: str,
    device: str,
    before: Any,
    entry: Entry | None,
    reason: str,
    *,
    undid: int | None = None,
) -> int:
    """Raises NotPossible where nothing would be another."""
    if before.get(device) == entry:
        raise NotPossible("nothing_changed")
    others = {name: said for name, said in before.items() if name != device}
    now = house.now()
    wanted = others if entry is None else {**others, device: entry}
    version = await camera_rows.put(connection, complex_id, wanted, actor.who, now)
    body = None if entry is None else msgspec.json.encode(entry)
    await camera_rows.note(connection, complex_id, device, Change(version, body, now, actor.who, reason, undid))
    return version


def _counted(entry: Entry | None) -> dict[str, int]:
    """What the audit says of it: how much of what."""
    return {name: len((entry or {}).get(name, ())) for name in ("masks", "zones", "lines", "rules")}


async def look(house: House, actor: Actor, complex_id: str, device: str) -> str:
    """Ask the gateway for a picture; the order's id. Raises NoGateway."""
    now = house.now()
    order = Order(secrets.token_hex(16), device, TAKE_PICTURE, now, now + _GOOD_FOR, actor.who)
    async with house.db.write() as connection:
        gateway = await order_rows.place(connection, complex_id, order)
        details, on = {"order": order.id, "gateway": gateway}, Subject("device", device)
        record(connection, actor, "camera.looked", now, on=on, complex_id=complex_id, details=details)
    house.desired.ring({complex_id})
    return order.id

"""What gateways say of their devices, a row a gateway: the later hearing of a device counts, and none is forgotten."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.desired_words import Identity
from server.store.device_tables import device_heard
from server.store.engine import stamp
from server.store.health_rows import Hello
from server.store.upsert import insert

NAME = "heard"  # in a hello
_MOST, _MOST_KINDS = 6_000, 200
_OLDEST = timedelta(days=3_650)
_Time = Annotated[datetime, Meta(tz=True)]
_Word = Annotated[str, Meta(max_length=40, pattern=r"^[^\0]*$")]
_Id = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\0]*$")]


class _Said(msgspec.Struct):
    at: _Time | None = None
    state: _Word | None = None
    fault: _Word | None = None


class _Heard(msgspec.Struct):
    """What a hello says of the devices that it lists and has heard, and of the kinds that it can speak to."""

    devices: Annotated[dict[_Id, _Said], Meta(max_length=_MOST)]
    kinds: Annotated[dict[_Word, _Word], Meta(max_length=_MOST_KINDS)] = {}


class _Told(msgspec.Struct):
    heard: _Heard | None = None
    time: _Time | None = None


class _Listed(msgspec.Struct):
    id: Identity


class _List(msgspec.Struct):
    devices: list[_Listed] = []


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of one device by the centre's clock: when it was last heard, its state and since when, what is wrong with it."""

    at: datetime | None = None
    state: str | None = None
    since: datetime | None = None
    fault: str | None = None


Devices = dict[str, Kept]


async def keep(connection: AsyncConnection, hellos: Sequence[Hello]) -> None:
    """What these hellos say of devices; what cannot be understood of it is not taken."""
    said = {hello.gateway: (hello, told) for hello in hellos if (told := understood(hello.status)).heard is not None}
    if not said:
        return
    before = await heard_of(connection, list(said))
    rows = [_row(*one, before.get(id_, {})) for id_, one in said.items()]
    into = insert(device_heard)
    changed = {name: into.excluded[name] for name in ("at", "devices", "kinds")}
    await connection.execute(into.on_conflict_do_update(index_elements=["gateway"], set_=changed), rows)


def understood(status: Mapping[str, Any]) -> _Told:
    try:
        return msgspec.convert(status, _Told)
    except msgspec.ValidationError:
        return _Told()


async def heard_of(connection: AsyncConnection, gateways: Collection[str]) -> dict[str, Devices]:
    """gateway -> what is known of its devices."""
    query = select(device_heard.c.gateway, device_heard.c.devices).where(device_heard.c.gateway.in_(gateways))
    return {row.gateway: msgspec.convert(row.devices, Devices) for row in await connection.execute(query)}


def _row(hello: Hello, told: _Told, before: Devices) -> dict[str, Any]:
    assert told.heard is not None
    devices = merged(before, told.heard.devices, _listed(hello.status), told.time, hello.at)
    kept = {device: msgspec.to_builtins(one) for device, one in devices.items()}
    return {"gateway": hello.gateway, "at": stamp(hello.at), "devices": kept, "kinds": told.heard.kinds}


def _listed(status: Mapping[str, Any]) -> set[str]:
    try:
        return {one.id for one in msgspec.convert(status, _List).devices}
    except msgspec.ValidationError:
        return set()


def merged(
    before: Devices, said: Mapping[str, _Said], listed: Collection[str], told_at: datetime | None, now: datetime
) -> Devices:
    """What is known now. Of a device that is listed and that its gateway forgot, what was known before."""
    kept = {device: one for device, one in before.items() if device in listed}
    return kept | {device: _merge(before.get(device, Kept()), one, told_at, now) for device, one in said.items()}


def _merge(before: Kept, said: _Said, told_at: datetime | None, now: datetime) -> Kept:
    times = [at for at in (before.at, _by_our_clock(said.at, told_at, now)) if at is not None]
    since = before.since if before.state == said.state and before.since else now
    return Kept(max(times, default=None), said.state, since if said.state else None, said.fault)


def _by_our_clock(at: datetime | None, told_at: datetime | None, now: datetime) -> datetime | None:
    """How long ago it was by the gateway's clock, which may be wrong, is how long ago it was."""
    if at is None:
        return None
    return now - min(max((told_at or now) - at, timedelta()), _OLDEST)

"""Devices that gateways found and nobody listed: what each told last is kept whole in place of what it told before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders import Time
from server.store.engine import stamp
from server.store.gateway_views import GatewayView
from server.store.schema import desired_state, gateway_found

FOUND = "found"  # in a hello
_MOST = 200
_Word = Annotated[str, Meta(max_length=200, pattern=r"^[^\0]*$")]  # PostgreSQL keeps no NUL sign
_Id = Annotated[str, Meta(min_length=3, max_length=200, pattern=r"^[^\0:]+:[^\0]+$")]


class Told(msgspec.Struct, frozen=True):
    """One device as a gateway tells it; a later version may say more of it."""

    id: _Id
    seen_at: Time
    by: Annotated[list[_Word], Meta(max_length=20)] = []
    address: _Word = ""
    host: _Word = ""
    name: _Word = ""
    model: _Word = ""
    page: _Word = ""
    exact: bool = True


class _Listed(msgspec.Struct):
    id: str


class _List(msgspec.Struct):
    """A list of devices, as it is wished or as a hello says it."""

    devices: list[_Listed] = []


class FoundView(msgspec.Struct, frozen=True):
    """One device that was found, for a page."""

    device: str
    address: str
    host: str
    name: str
    model: str
    by: str
    exact: bool
    page: str
    seen_at: datetime


def told_in(status: Mapping[str, Any]) -> list[Told] | None:
    """What a hello says was found, without what cannot be understood; None where it says nothing of that."""
    try:
        said = msgspec.convert(status.get(FOUND), list[Any] | None)
    except msgspec.ValidationError:
        return None
    return None if said is None else list({one.id: one for one in _read(said[:_MOST])}.values())


def _read(said: Sequence[Any]) -> Iterator[Told]:
    for entry in said:
        try:
            yield msgspec.convert(entry, Told)
        except msgspec.ValidationError:
            continue


async def keep(connection: AsyncConnection, gateway_id: str, told: Collection[Told]) -> None:
    """In place of all that the gateway told before."""
    await connection.execute(delete(gateway_found).where(gateway_found.c.gateway == gateway_id))
    if told:
        await connection.execute(insert(gateway_found), [_row(gateway_id, one) for one in told])


def _row(gateway_id: str, one: Told) -> dict[str, Any]:
    words = {name: getattr(one, name) for name in ("address", "host", "name", "model", "page")}
    by, exact, seen_at = ", ".join(one.by), int(one.exact), stamp(one.seen_at)
    return {"gateway": gateway_id, "device": one.id, "by": by, "exact": exact, "seen_at": seen_at, **words}


async def _wished(connection: AsyncConnection, complex_id: str) -> set[str]:
    """The devices of the newest list: one that was just added is no longer offered, before its gateway heard of it."""
    its = (desired_state.c.complex == complex_id, desired_state.c.kind == "devices")
    query = select(desired_state.c.body).where(*its).order_by(desired_state.c.version.desc()).limit(1)
    body = (await connection.execute(query)).scalar_one_or_none()
    return set() if body is None else {one.id for one in msgspec.json.decode(body, type=_List).devices}


def _gone_by(view: GatewayView) -> set[str]:
    try:
        return {one.id for one in msgspec.convert(view.status or {}, _List).devices}
    except msgspec.ValidationError:  # nobody's page breaks by what a gateway says of itself
        return set()


async def unlisted(connection: AsyncConnection, view: GatewayView) -> list[FoundView]:
    """Those that are listed neither by what the gateway goes by, as its hello says, nor by what is wished."""
    known = _gone_by(view) | await _wished(connection, view.complex)
    columns = [column for column in gateway_found.c if column.name != "gateway"]
    query = select(*columns).where(gateway_found.c.gateway == view.id).order_by(gateway_found.c.device)
    rows = [{str(name): value for name, value in row.items()} for row in (await connection.execute(query)).mappings()]
    found = (msgspec.convert(row | {"exact": bool(row["exact"])}, FoundView) for row in rows)
    return [one for one in found if one.device not in known]

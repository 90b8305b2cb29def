"""What pages show of gateways and of what they sent that was refused, within the asking person's scope."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.events import STREAMS
from domain.orders import Time
from server.store.schema import complex_, gateway, mark, refusal
from server.store.scope import Scope, within

CLOCK_GOOD_WITHIN = timedelta(seconds=2)
_FAR_MS = 1e14  # three thousand years: what is more is no clock


class StreamView(msgspec.Struct, frozen=True):
    """A stream of a gateway: how far the gateway is, how far the centre; None where the gateway has not said."""

    name: str
    head: int | None
    mark: int

    @property
    def backlog(self) -> int | None:
        return None if self.head is None else max(0, self.head - self.mark)


class ClockView(msgspec.Struct, frozen=True):
    """A gateway's clock as its hello says it: the centre's time less its own, and whether anybody vouches for it."""

    offset_ms: Annotated[float, msgspec.Meta(ge=-_FAR_MS, le=_FAR_MS)] | None = None
    confirmed: bool = False

    @property
    def off(self) -> timedelta:
        """How far it is off, either way."""
        return timedelta(milliseconds=abs(self.offset_ms or 0))

    @property
    def is_bad(self) -> bool:
        return self.off > CLOCK_GOOD_WITHIN or not self.confirmed


class GatewayView(msgspec.Struct, frozen=True):
    """A gateway as it last described itself; ``status`` is what its hello said."""

    id: str
    complex: str
    complex_name: str | None
    timezone: str | None
    enrolled_at: datetime
    replaced_at: datetime | None
    last_seen_at: datetime | None
    status: dict[str, Any] | None
    replaces: str | None = None
    streams: tuple[StreamView, ...] = ()

    @property
    def unsent(self) -> int:
        """Events and pictures that it had, by its last word, and that are not here."""
        pictures = self.said("media_unsent")
        return sum(stream.backlog or 0 for stream in self.streams) + (pictures if isinstance(pictures, int) else 0)

    def said(self, key: str) -> Any:
        """What its last hello said of something, None where it said nothing."""
        return (self.status or {}).get(key)

    @property
    def searched_at(self) -> datetime | None:
        """When it last looked for devices that nobody listed; None where it said nothing that can be understood."""
        try:
            return msgspec.convert(self.said("searched_at"), Time | None)
        except msgspec.ValidationError:
            return None

    @property
    def clock(self) -> ClockView | None:
        """None where its hello said nothing of it that can be understood."""
        try:
            return msgspec.convert(self.said("clock"), ClockView | None)
        except msgspec.ValidationError:
            return None


class _Head(msgspec.Struct, frozen=True):
    """A stream as a hello says it."""

    epoch: str
    head: int


class RefusalView(msgspec.Struct, frozen=True):
    """Something a gateway sent that the centre did not take; ``size_bytes`` of the bytes that are kept."""

    number: int
    gateway: str
    complex: str | None
    complex_name: str | None
    timezone: str | None
    received_at: datetime
    reason: str
    detail: str
    size_bytes: int


def _gateways(scope: Scope) -> Any:
    shown = (gateway.c.id, gateway.c.complex, gateway.c.enrolled_at, gateway.c.replaced_at, gateway.c.last_seen_at)
    columns = (*shown, gateway.c.replaces, gateway.c.status, complex_.c.name.label("complex_name"), complex_.c.timezone)
    query = select(*columns).outerjoin(complex_, complex_.c.id == gateway.c.complex)
    return query.where(within(gateway.c.complex, scope))


async def gateway_of(connection: AsyncConnection, scope: Scope, identity: str) -> GatewayView | None:
    """One gateway, without its streams; one that was replaced too."""
    row = (await connection.execute(_gateways(scope).where(gateway.c.id == identity))).mappings().first()
    return None if row is None else msgspec.convert(row, GatewayView)


async def whole(connection: AsyncConnection, scope: Scope, identity: str) -> GatewayView | None:
    """One gateway with its streams."""
    view = await gateway_of(connection, scope, identity)
    if view is None:
        return None
    marks = await _marks(connection, [view.id])
    return msgspec.structs.replace(view, streams=_streams(view, marks.get(view.id, {})))


async def gateways(connection: AsyncConnection, scope: Scope, limit: int) -> list[GatewayView]:
    """Gateways that are in use, those not heard for longest first: they want looking at."""
    query = _gateways(scope).where(gateway.c.replaced_at.is_(None))
    order = (gateway.c.last_seen_at.asc().nulls_first(), gateway.c.id)
    rows = await connection.execute(query.order_by(*order).limit(limit))
    found = [msgspec.convert(row, GatewayView) for row in rows.mappings()]
    marks = await _marks(connection, [view.id for view in found])
    return [msgspec.structs.replace(view, streams=_streams(view, marks.get(view.id, {}))) for view in found]


async def _marks(connection: AsyncConnection, ids: list[str]) -> dict[str, dict[tuple[str, str], int]]:
    """gateway -> (stream, epoch) -> up to where the centre has it."""
    query = select(mark.c.gateway, mark.c.stream, mark.c.epoch, mark.c.last).where(mark.c.gateway.in_(ids))
    found: dict[str, dict[tuple[str, str], int]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.gateway, {})[row.stream, row.epoch] = row.last
    return found


def _streams(view: GatewayView, marks: Mapping[tuple[str, str], int]) -> tuple[StreamView, ...]:
    """The present epoch of each stream, as the gateway names it; of one it does not name, what the centre has."""
    heads = msgspec.convert(view.said("streams") or {}, dict[str, _Head])
    return tuple(_stream(name, heads.get(name), marks) for name in STREAMS)


def _stream(name: str, said: _Head | None, marks: Mapping[tuple[str, str], int]) -> StreamView:
    if said is not None:
        mark = marks.get((name, said.epoch), 0)
        # What has come since the last hello was there at the gateway, whatever that hello said.
        return StreamView(name, max(said.head, mark), mark)
    return StreamView(name, None, max((last for (stream, _), last in marks.items() if stream == name), default=0))


async def refusals(connection: AsyncConnection, scope: Scope, before: int | None, limit: int) -> list[RefusalView]:
    """What was refused, the newest first."""
    query = _refusals(scope)
    if before is not None:
        query = query.where(refusal.c.number < before)
    rows = await connection.execute(query.order_by(refusal.c.number.desc()).limit(limit))
    return [msgspec.convert(row, RefusalView) for row in rows.mappings()]


async def refusals_of(connection: AsyncConnection, scope: Scope, identity: str, limit: int) -> list[RefusalView]:
    """What was refused of one gateway, the newest first."""
    query = _refusals(scope).where(refusal.c.gateway == identity).order_by(refusal.c.number.desc())
    return [msgspec.convert(row, RefusalView) for row in (await connection.execute(query.limit(limit))).mappings()]


async def refused(connection: AsyncConnection, scope: Scope, number: int) -> tuple[RefusalView, bytes] | None:
    """One refusal with its bytes."""
    query = _refusals(scope).where(refusal.c.number == number).add_columns(refusal.c.body)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else (msgspec.convert(row, RefusalView), bytes(row["body"]))


def _refusals(scope: Scope) -> Any:
    columns = (refusal.c.number, refusal.c.gateway, refusal.c.received_at, refusal.c.reason, refusal.c.detail)
    size = func.length(refusal.c.body).label("size_bytes")
    query = select(*columns, size, gateway.c.complex, complex_.c.name.label("complex_name"), complex_.c.timezone)
    query = query.outerjoin(gateway, gateway.c.id == refusal.c.gateway)
    query = query.outerjoin(complex_, complex_.c.id == gateway.c.complex)
    return query.where(within(gateway.c.complex, scope))

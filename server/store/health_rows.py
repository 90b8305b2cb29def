"""How gateways are, a narrow row each, made of their hellos; and a week of how they were, a row each half hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import BindParameter, Table, bindparam, case, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.coming_back import GAP
from server.store import online_rows
from server.store.device_tables import device_heard
from server.store.engine import stamp, unstamp
from server.store.gateway_views import CLOCK_GOOD_WITHIN, ClockView
from server.store.online_rows import Span, span
from server.store.schema import gateway, gateway_health, gateway_online, gateway_past
from server.store.upsert import insert

FINE, LOOK, BAD = 0, 1, 2
PAST_EVERY_S, PAST_PLACES = 1_800, 336  # a week
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_CLOCK_BAD = timedelta(minutes=1)
_LAG_LOOK, _LAG_BAD = 1_000, 10_000
_DISK_LOOK, _DISK_BAD = 0.15, 0.05
_NOISY = 3  # times its own mean
_MANY = 2**62
_MOST_DEVICES = 6_000
_TEXT_SIGNS = 200
_KNOWN = select(gateway_health).where(gateway_health.c.gateway.in_(bindparam("ids", expanding=True)))

Count = Annotated[int, Meta(ge=0, le=_MANY)]
Few = Annotated[int, Meta(ge=0, le=2**31 - 1)]  # its column is a small one
Row = dict[str, Any]


class _Stream(msgspec.Struct):
    epoch: str
    head: Count


class _Disk(msgspec.Struct):
    free_bytes: Count
    size_bytes: Annotated[int, Meta(ge=1, le=_MANY)]


class _Store(msgspec.Struct):
    state: str = "ok"


class Said(msgspec.Struct):
    """What of a hello is looked at here; an earlier version says less, and none of it must be there."""

    streams: dict[str, _Stream] = {}
    version: str = ""
    clock: ClockView | None = None
    disk: _Disk | None = None
    store: _Store | None = None
    devices: Annotated[list[Any], Meta(max_length=_MOST_DEVICES)] = []  # counted, and read elsewhere
    devices_down: Few | None = None
    dropped: Count | None = None
    returned: str | None = None

    @property
    def head(self) -> int:
        return sum(stream.head for stream in self.streams.values())

    @property
    def disk_free(self) -> float | None:
        return None if self.disk is None else min(1.0, self.disk.free_bytes / self.disk.size_bytes)


class Hello(msgspec.Struct, frozen=True):
    """A hello with up to where the centre had its streams."""

    gateway: str
    at: datetime
    status: dict[str, Any]
    marks: Mapping[tuple[str, str], int]


def understood(status: dict[str, Any]) -> Said:
    """A hello's fields, without those that cannot be understood: nobody is refused for what they say of themselves."""
    try:
        return msgspec.convert(status, Said)
    except msgspec.ValidationError:
        parts = {name: status[name] for name in Said.__struct_fields__ if name in status}
        return msgspec.convert({name: part for name, part in parts.items() if _fits(name, part)}, Said)


def _fits(name: str, part: object) -> bool:
    try:
        msgspec.convert({name: part}, Said)
    except msgspec.ValidationError:
        return False
    return True


async def keep(connection: AsyncConnection, hellos: Sequence[Hello]) -> None:
    """What gateways said, and what it comes to. Of one gateway's two the later counts."""
    await _seen(connection, hellos)
    latest = {hello.gateway: (hello, understood(hello.status)) for hello in hellos}
    before = await _before(connection, list(latest))
    fresh = {id_: _row(*said, before.get(id_)) for id_, said in latest.items()}
    due = [id_ for id_ in latest if _is_due(latest[id_][0].at, before.get(id_))]
    if due:
        await _remember(connection, [_past_row(*latest[id_], fresh[id_]) for id_ in due])
        for id_, means in (await _means(connection, {id_: latest[id_] for id_ in due})).items():
            fresh[id_] |= means
    counted = [(*latest[id_], row) for id_, row in before.items() if row["counted_since"]]
    await online_rows.keep(connection, [_span(*one) for one in counted])
    rows = [row | {"trouble": trouble(row)} for row in fresh.values()]
    await _put(connection, gateway_health, ["gateway"], rows)


async def _seen(connection: AsyncConnection, hellos: Sequence[Hello]) -> None:
    statement = update(gateway).where(gateway.c.id == bindparam("which"))
    is_unbroken = gateway.c.last_seen_at >= bindparam("no_gap_since")
    at: BindParameter[str] = bindparam("at")
    heard_since = case((is_unbroken, func.coalesce(gateway.c.heard_since, at)), else_=at)
    statement = statement.values(last_seen_at=at, status=bindparam("said"), heard_since=heard_since)
    rows = [
        {"which": one.gateway, "at": stamp(one.at), "no_gap_since": stamp(one.at - GAP), "said": _of_itself(one.status)}
        for one in hellos
    ]
    await connection.execute(statement, sorted(rows, key=lambda row: (row["which"], row["at"])))


def _of_itself(status: dict[str, Any]) -> dict[str, Any]:
    """Without what it says of its devices now and then: that has a row of its own."""
    return {name: value for name, value in status.items() if name != "heard"}


async def _before(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Row]:
    rows = await connection.execute(_KNOWN, {"ids": list(ids)})
    return {row["gateway"]: dict(row) for row in rows.mappings()}


def _row(hello: Hello, said: Said, before: Row | None) -> Row:
    clock, known = said.clock, before or {}
    off_ms = None if clock is None else clock.offset_ms
    lag = sum(max(0, one.head - hello.marks.get((name, one.epoch), 0)) for name, one in said.streams.items())
    unfit = said.store is not None and said.store.state != "ok"
    returned = said.returned or (f"store: {said.store.state}" if unfit and said.store else None)
    return {
        "gateway": hello.gateway,
        "at": stamp(hello.at),
        "version": said.version[:_TEXT_SIGNS],
        "lag": lag,
        "disk_free": said.disk_free,
        "clock_ms": off_ms,
        "clock_ok": None if clock is None else int(not clock.is_bad),
        "devices_down": said.devices_down,
        "dropped": said.dropped,
        "dropped_day": known.get("dropped_day"),
        "events_day": known.get("events_day"),
        "events_mean": known.get("events_mean"),
        "returned": returned[:_TEXT_SIGNS] if returned else None,
        "counted_since": known.get("counted_since") or stamp(hello.at),
        "devices": len(said.devices),
    }


def _span(hello: Hello, said: Said, before: Row) -> Span:
    """The time since its hello before, as far as that is counted."""
    return span(hello.gateway, unstamp(before["at"]), hello.at, len(said.devices), said.devices_down or 0)


def trouble(row: Row) -> int:
    """How much a gateway wants looking at, by its last hello."""
    off = timedelta(milliseconds=abs(row["clock_ms"] or 0))
    free = 1.0 if row["disk_free"] is None else row["disk_free"]
    if row["returned"] or off > _CLOCK_BAD or free < _DISK_BAD or row["lag"] > _LAG_BAD:
        return BAD
    noisy = row["events_mean"] and row["events_day"] and row["events_day"] > _NOISY * row["events_mean"]
    worth = (row["devices_down"], row["dropped_day"], noisy, off > CLOCK_GOOD_WITHIN, row["clock_ok"] == 0)
    return LOOK if any(worth) or free < _DISK_LOOK or row["lag"] > _LAG_LOOK else FINE


def _slot(at: datetime) -> int:
    return int(at.timestamp()) // PAST_EVERY_S


def _is_due(at: datetime, before: Row | None) -> bool:
    return before is None or _slot(unstamp(before["at"])) != _slot(at)


def _past_row(hello: Hello, said: Said, row: Row) -> Row:
    same = ("gateway", "at", "version", "lag", "disk_free", "clock_ms", "devices_down", "dropped")
    return {name: row[name] for name in same} | {"place": _slot(hello.at) % PAST_PLACES, "head": said.head}


async def _remember(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    await _put(connection, gateway_past, ["gateway", "place"], rows)


async def _means(connection: AsyncConnection, latest: Mapping[str, tuple[Hello, Said]]) -> dict[str, Row]:
    """Events of a day and a day's mean, as the numbers of a week show them."""
    columns = (gateway_past.c.gateway, gateway_past.c.at, gateway_past.c.head, gateway_past.c.dropped)
    query = select(*columns).where(gateway_past.c.gateway.in_(latest)).order_by(gateway_past.c.at)
    by_gateway: defaultdict[str, list[Any]] = defaultdict(list)
    for row in await connection.execute(query):
        by_gateway[row.gateway].append(row)
    return {id_: _mean(hello.at, said, by_gateway[id_]) for id_, (hello, said) in latest.items()}


def _mean(at: datetime, said: Said, past: Sequence[Any]) -> Row:
    known = [row for row in past if unstamp(row.at) >= at - _WEEK and row.head <= said.head]
    day_ago = [row for row in known if unstamp(row.at) >= at - _DAY]
    if not known or not day_ago:
        return {}
    span = (at - unstamp(known[0].at)) / _DAY
    mean = round((said.head - known[0].head) / span) if span >= 1 else None
    dropped = max(0, (said.dropped or 0) - (day_ago[0].dropped or 0))
    return {"events_day": said.head - day_ago[0].head, "events_mean": mean, "dropped_day": dropped}


async def _put(connection: AsyncConnection, table: Table, keys: Sequence[str], rows: Sequence[Row]) -> None:
    into = insert(table)
    changed = {name: into.excluded[name] for name in rows[0] if name not in keys}
    await connection.execute(into.on_conflict_do_update(index_elements=list(keys), set_=changed), list(rows))


async def forget(connection: AsyncConnection, gateway_id: str) -> None:
    """A gateway that is no more: how it was is of no use."""
    for table in (gateway_health, gateway_past, gateway_online, device_heard):
        await connection.execute(delete(table).where(table.c.gateway == gateway_id))

"""Placing and withdrawing: each step with its audit row, and in one transaction with the list that gateways get."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import derive
from domain.watch.entries import Entry, check
from domain.watch.listed import Watched, WatchLists, key_for
from server.audit import Actor, Subject, record
from server.store import desired_rows, watch_rows
from server.store.engine import stamp
from server.store.watch_rows import KIND, Kept, Sender
from server.watch.sealing import Seal

ITSELF = Actor("gatehouse", "centre")
_SALT_BYTES = 32


class Order(msgspec.Struct, frozen=True):
    """What is asked for: an entry in some complexes, by somebody's order. The same order twice is one."""

    entry: Entry
    complexes: Collection[str]
    sender: Sender
    disposition: str


async def place(connection: AsyncConnection, seal: Seal, order: Order, by: Actor, now: datetime) -> list[str]:
    """The complexes in which it is new. Raises BadEntry."""
    entry, fresh = check(order.entry, now), list[str]()
    for complex_id in sorted(order.complexes):
        row = _row(seal, entry, order, complex_id, by, now)
        if await watch_rows.add(connection, row):
            fresh.append(complex_id)
            details = {"begins": stamp(entry.begins), "ends": stamp(entry.ends), "disposition": order.disposition}
            on = Subject("watch", row["id"])
            record(connection, by, "watch.placed", now, on=on, complex_id=complex_id, details=details)
    for complex_id in fresh:
        await publish(connection, seal, complex_id, now)
    return fresh


def _row(seal: Seal, entry: Entry, order: Order, complex_id: str, by: Actor, now: datetime) -> dict[str, Any]:
    sender = order.sender
    identity = derive("watch", complex_id, sender.kind, sender.name, order.disposition, entry.plate).hex()
    who = {"sender_kind": sender.kind, "sender": sender.name, "made_by": by.who}
    times = {"begins_at": stamp(entry.begins), "ends_at": stamp(entry.ends), "made_at": stamp(now)}
    of = {"complex": complex_id, "id": identity, "disposition": order.disposition}
    return {**of, **who, **times, "sealed": seal.sealed(entry)}


async def withdraw(
    connection: AsyncConnection, seal: Seal, kept: Sequence[Kept], by: Actor, reason: str, now: datetime
) -> int:
    """Its words go at once, and gateways are given a list without it; how many still stood."""
    gone = [one for one in kept if await watch_rows.withdraw(connection, one, by.who, now)]
    for one in gone:
        on = Subject("watch", one.id)
        record(connection, by, "watch.withdrawn", now, on=on, complex_id=one.complex, reason=reason)
    for complex_id in sorted({one.complex for one in gone}):
        await publish(connection, seal, complex_id, now)
    return len(gone)


async def expire(connection: AsyncConnection, seal: Seal, kept: Sequence[Kept], now: datetime) -> int:
    """The same for those whose end has gone by."""
    gone = [one for one in kept if await watch_rows.close(connection, one, now)]
    for one in gone:
        record(connection, ITSELF, "watch.expired", now, on=Subject("watch", one.id), complex_id=one.complex)
    for complex_id in sorted({one.complex for one in gone}):
        await publish(connection, seal, complex_id, now)
    return len(gone)


async def publish(connection: AsyncConnection, seal: Seal, complex_id: str, now: datetime) -> bool:
    """Give gateways the list as it should be, where what they have is another; whether it was."""
    wanted = [one for one in await watch_rows.open_ones(connection, complex_id) if one.sealed and one.ends_at > now]
    have = await watch_rows.newest_list(connection, complex_id)
    if _says(have) == {(one.id, one.begins_at, one.ends_at) for one in wanted}:
        return False
    body = msgspec.to_builtins(_list(seal, wanted))
    version, _ = await desired_rows.put(connection, complex_id, KIND, body, ITSELF.who, now)
    await watch_rows.forget_older(connection, complex_id, version)
    details = {"entries": len(wanted), "version": version}
    record(connection, ITSELF, "watch.listed", now, complex_id=complex_id, details=details)
    return True


def _list(seal: Seal, wanted: Sequence[Kept]) -> WatchLists:
    """By a salt of its own: from one list to the next nobody sees which digest is whose."""
    salt = secrets.token_bytes(_SALT_BYTES)
    entries = [
        Watched(
            one.id, key_for(salt, seal.opened(one.sealed, one.begins_at, one.ends_at).plate), one.begins_at, one.ends_at
        )
        for one in wanted
        if one.sealed is not None
    ]
    return WatchLists(salt.hex(), tuple(entries))


def _says(body: bytes | None) -> set[tuple[str, datetime, datetime]] | None:
    """None where it cannot be read: then it is replaced, whatever it says."""
    if body is None:
        return set()
    try:
        said = msgspec.json.decode(body, type=WatchLists)
    except msgspec.ValidationError:
        return None
    return {(one.id, one.from_, one.until) for one in said.entries}

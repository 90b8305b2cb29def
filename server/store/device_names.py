"""What people call devices: the names that the lists of their complexes give them, two statements a page."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Select, String, and_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.device_lists import KIND, in_settings
from server.store.schema import desired_state, gateway

Key = tuple[str, str]  # complex, device
Names = Mapping[Key, str]
_AT_ONCE = 500


class Named(msgspec.Struct):
    """A device, what it is called, and where it hangs."""

    id: str
    name: str = ""
    place: str = ""


class _Body(msgspec.Struct):
    devices: tuple[Named, ...] = ()


_decode = msgspec.json.Decoder(_Body).decode
_COMPLEXES = bindparam("complexes", type_=String(), expanding=True)


def _newest_lists() -> Select[Any, Any]:
    of = desired_state.c
    newest = select(of.complex, func.max(of.version).label("version")).where(
        of.kind == KIND, of.complex.in_(_COMPLEXES)
    )
    last = newest.group_by(of.complex).subquery()
    same = and_(of.complex == last.c.complex, of.version == last.c.version, of.kind == KIND)
    return select(of.complex, of.body).join(last, same)


# Made once: every card that a screen shows asks for them.
_LISTED = _newest_lists()
_SET = (
    select(gateway.c.complex, gateway.c.status)
    .where(gateway.c.complex.in_(_COMPLEXES), gateway.c.replaced_at.is_(None))
    .order_by(gateway.c.id.desc())
)


async def names_of(connection: AsyncConnection, keys: Iterable[Key]) -> dict[Key, str]:
    """Of those that have one: the name in the list, else where the list says that it hangs."""
    wanted = frozenset(keys)
    complexes = sorted({complex_id for complex_id, _ in wanted})
    found: dict[Key, str] = {}
    for start in range(0, len(complexes), _AT_ONCE):
        found |= await _names_in(connection, complexes[start : start + _AT_ONCE], wanted)
    return found


async def named_in(connection: AsyncConnection, complex_id: str) -> tuple[Named, ...]:
    """A complex's devices, as its list has them."""
    lists = await _listed(connection, [complex_id]) or await _set(connection, [complex_id])
    return lists.get(complex_id, ())


async def _names_in(connection: AsyncConnection, complexes: Collection[str], wanted: Collection[Key]) -> dict[Key, str]:
    lists = await _listed(connection, complexes)
    unlisted = [one for one in complexes if one not in lists]
    if unlisted:
        lists |= await _set(connection, unlisted)
    named = (((where, one.id), one.name or one.place) for where, devices in lists.items() for one in devices)
    return {key: name for key, name in named if name and key in wanted}


async def _listed(connection: AsyncConnection, complexes: Collection[str]) -> dict[str, tuple[Named, ...]]:
    """By complex, what the newest document says; one that an older program wrote in another form names nothing."""
    rows = await connection.execute(_LISTED, {"complexes": list(complexes)})
    return {row.complex: _read(row.body) for row in rows}


def _read(body: bytes) -> tuple[Named, ...]:
    try:
        return _decode(body).devices
    except msgspec.ValidationError:
        return ()


async def _set(connection: AsyncConnection, complexes: Collection[str]) -> dict[str, tuple[Named, ...]]:
    """Of complexes without a document, what their gateways have in their settings."""
    found: dict[str, dict[str, Named]] = {}
    for row in await connection.execute(_SET, {"complexes": list(complexes)}):
        its = {one.id: Named(one.id, one.name, one.place) for one in in_settings(row.status)}
        found.setdefault(row.complex, {}).update(its)  # of two entries of one device that of the first gateway counts
    return {complex_id: tuple(its.values()) for complex_id, its in found.items()}

"""Desired state and orders for screens: what is wanted, what each gateway goes by, what became of its last orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.desired import CONFIDENTIAL, KINDS, OPTIONAL
from server.store.schema import desired_state, gateway, gateway_applied, gateway_order, order_result

_ORDERS_SHOWN = 5


class KindView(msgspec.Struct, frozen=True):
    """One kind at one gateway; ``wanted`` 0 where nothing was wished, ``applied`` 0 where nothing is in force."""

    kind: str
    wanted: int
    applied: int
    applied_at: datetime | None = None
    refused_version: int | None = None
    refused_reason: str | None = None

    @property
    def refused(self) -> bool:
        return self.refused_version is not None

    @property
    def differs(self) -> bool:
        """Behind; or ahead, after an older copy of the centre's database was put back."""
        return self.applied != self.wanted


class OrderView(msgspec.Struct, frozen=True):
    """An order and what became of it; ``state`` None while its gateway has said nothing."""

    id: str
    gateway: str
    device: str
    name: str
    issued_at: datetime
    issued_by: str
    expires_at: datetime
    handed_at: datetime | None
    state: str | None
    at: datetime | None
    text: str | None

    def stands(self, now: datetime) -> str:
        """The word for where it is: a state, or waiting, handed, unheard (expired and nothing came back)."""
        if self.state is not None:
            return self.state
        if now > self.expires_at:
            return "unheard"
        return "handed" if self.handed_at else "waiting"


async def kinds(connection: AsyncConnection, gateways: Collection[str]) -> dict[str, list[KindView]]:
    """gateway -> every kind that is wished or in force there."""
    rows = await connection.execute(
        select(gateway.c.id, gateway.c.complex).where(gateway.c.id.in_(gateways)).order_by(gateway.c.id)
    )
    homes = {row.id: row.complex for row in rows}
    wanted = await _wanted(connection, set(homes.values()))
    said = await _said(connection, gateways)
    return {id_: _kinds(wanted.get(home, {}), said.get(id_, {})) for id_, home in homes.items()}


def _kinds(wanted: dict[str, int], said: dict[str, dict[str, Any]]) -> list[KindView]:
    shown = said.keys() | (wanted.keys() - OPTIONAL)  # of the optional, what the gateway says it knows
    named = [kind for kind in (*KINDS, *sorted(shown - {*KINDS})) if kind in shown]
    return [_kind(name, wanted.get(name, 0), said.get(name, {})) for name in named]


def _kind(name: str, wanted: int, said: dict[str, Any]) -> KindView:
    row = {"applied": said.get("version", 0), **said, "kind": name, "wanted": wanted}
    return msgspec.convert(row, KindView)


async def _wanted(connection: AsyncConnection, complexes: Collection[str]) -> dict[str, dict[str, int]]:
    columns = (desired_state.c.complex, desired_state.c.kind, func.max(desired_state.c.version).label("version"))
    query = select(*columns).where(
        desired_state.c.complex.in_(complexes), desired_state.c.kind.not_in(sorted(CONFIDENTIAL))
    )
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in await connection.execute(query.group_by(desired_state.c.complex, desired_state.c.kind)):
        found[row.complex][row.kind] = row.version
    return found


async def _said(connection: AsyncConnection, gateways: Collection[str]) -> dict[str, dict[str, dict[str, Any]]]:
    found: defaultdict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    told = gateway_applied.c.kind.not_in(sorted(CONFIDENTIAL))
    query = select(gateway_applied).where(gateway_applied.c.gateway.in_(gateways), told)
    for row in (await connection.execute(query)).mappings():
        found[row["gateway"]][row["kind"]] = {str(name): value for name, value in row.items()}
    return found


async def last_orders(connection: AsyncConnection, gateways: Collection[str]) -> dict[str, list[OrderView]]:
    """gateway -> its last orders, the newest first."""
    place = func.row_number().over(partition_by=gateway_order.c.gateway, order_by=gateway_order.c.number.desc())
    numbered = select(gateway_order.c.number, place.label("place")).where(gateway_order.c.gateway.in_(gateways))
    newest = numbered.subquery()
    result = (order_result.c.state, order_result.c.at, order_result.c.text)
    same = (order_result.c.gateway == gateway_order.c.gateway) & (order_result.c.id == gateway_order.c.id)
    query = select(gateway_order, *result).join(newest, newest.c.number == gateway_order.c.number)
    query = query.outerjoin(order_result, same).where(newest.c.place <= _ORDERS_SHOWN)
    found: defaultdict[str, list[OrderView]] = defaultdict(list)
    for row in (await connection.execute(query.order_by(gateway_order.c.number.desc()))).mappings():
        found[row["gateway"]].append(msgspec.convert(row, OrderView))
    return found


async def overview(connection: AsyncConnection, complex_id: str) -> list[dict[str, Any]]:
    """For the command line: each kind's newest version, once for each gateway of the complex."""
    newest = (await _wanted(connection, [complex_id])).get(complex_id, {})
    alive = (gateway.c.complex == complex_id, gateway.c.replaced_at.is_(None))
    ids = list((await connection.execute(select(gateway.c.id).where(*alive).order_by(gateway.c.id))).scalars())
    said = await _said(connection, ids)
    rows: list[dict[str, Any]] = []
    for kind, version in sorted(newest.items()):
        made = await _made(connection, complex_id, kind, version)
        for id_ in ids or [None]:
            here = said.get(id_ or "", {}).get(kind, {})
            rows.append(
                made | {"gateway": id_, "applied": here.get("version", 0), "refused": here.get("refused_reason")}
            )
    return rows


async def _made(connection: AsyncConnection, complex_id: str, kind: str, version: int) -> dict[str, Any]:
    one = (desired_state.c.complex == complex_id, desired_state.c.kind == kind, desired_state.c.version == version)
    row = (await connection.execute(select(desired_state.c.made_at, desired_state.c.made_by).where(*one))).one()
    return {"kind": kind, "wanted": version, "made_at": row.made_at, "made_by": row.made_by}

"""Statements as gateways sent them: the latest row of each day, and the head of the latest statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.conservation import is_news
from domain.statements import Present, Row, Statement, Untaken
from server.store.engine import stamp
from server.store.schema import STATED, carried, statement, statement_head, untaken
from server.store.upsert import insert


class Head(msgspec.Struct, frozen=True):
    """A gateway's latest statement: the zone of its days, each stream's present epoch, when it was made and came."""

    zone: str | None = None
    streams: dict[str, Present] | None = None
    made_at: str | None = None
    received_at: str | None = None
    wanted_at: str | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether a person waits for a newer one, or none ever came."""
        return self.received_at is None or (self.wanted_at or "") > self.received_at

    @property
    def came_at(self) -> datetime | None:
        return None if self.received_at is None else datetime.fromisoformat(self.received_at)


async def head(connection: AsyncConnection, gateway: str) -> Head:
    query = select(statement_head).where(statement_head.c.gateway == gateway)
    row = (await connection.execute(query)).mappings().first()
    return Head() if row is None else msgspec.convert({str(name): value for name, value in row.items()}, Head)


async def wanted(connection: AsyncConnection, gateways: Sequence[str]) -> set[str]:
    """Of which a statement is wanted: a person waits for it, or none ever came."""
    columns = (statement_head.c.gateway, statement_head.c.received_at, statement_head.c.wanted_at)
    rows = await connection.execute(select(*columns).where(statement_head.c.gateway.in_(gateways)))
    heads = {row.gateway: Head(received_at=row.received_at, wanted_at=row.wanted_at) for row in rows}
    return {id_ for id_ in gateways if heads.get(id_, Head()).is_wanted}


async def keep(connection: AsyncConnection, gateway: str, said: Statement, received_at: datetime) -> bool:
    """Keep a statement; whether it was news. One that comes late or twice changes nothing."""
    known, made_at, at = await head(connection, gateway), stamp(said.made_at), stamp(received_at)
    if known.made_at and not is_news(made_at, said.streams, known.made_at, known.streams or {}):  # type: ignore[arg-type]
        return False
    streams = {name: msgspec.to_builtins(present) for name, present in said.streams.items()}
    values = {"gateway": gateway, "zone": said.zone, "streams": streams, "made_at": made_at, "received_at": at}
    await _put(connection, statement_head, [values])
    await _put(connection, statement, [_row(gateway, row, made_at, at) for row in said.rows])
    await _put(connection, untaken, [{"gateway": gateway, **msgspec.structs.asdict(one)} for one in said.untaken])
    await _put(connection, carried, [{"gateway": gateway, **msgspec.structs.asdict(one)} for one in said.carried])
    return True


def _row(gateway: str, row: Row, made_at: str, received_at: str) -> dict[str, Any]:
    return {"gateway": gateway, **msgspec.structs.asdict(row), "made_at": made_at, "received_at": received_at}


async def _put(connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, or change those that are there."""
    if rows:
        into = insert(table)
        keys = [column.name for column in table.primary_key]
        changed = {name: into.excluded[name] for name in rows[0] if name not in keys}
        await connection.execute(into.on_conflict_do_update(index_elements=keys, set_=changed), rows)


async def ask(connection: AsyncConnection, gateway: str, at: datetime) -> None:
    """Want a statement at the gateway's next hello."""
    await _put(connection, statement_head, [{"gateway": gateway, "wanted_at": stamp(at)}])


async def rows(connection: AsyncConnection, gateway: str, since: int) -> list[Row]:
    """What the gateway stated of each day from ``since`` on."""
    columns = (statement.c.stream, statement.c.epoch, statement.c.day, *(statement.c[name] for name in STATED))
    query = select(*columns).where(statement.c.gateway == gateway, statement.c.day >= since)
    return [Row(*row) for row in await connection.execute(query)]


async def turned_away(connection: AsyncConnection, gateway: str, since: int) -> list[Untaken]:
    """Messages that became no record, the newest days first."""
    columns = (untaken.c.day, untaken.c.reason, untaken.c.count)
    query = select(*columns).where(untaken.c.gateway == gateway, untaken.c.day >= since)
    ordered = query.order_by(untaken.c.day.desc(), untaken.c.reason)
    return [Untaken(*row) for row in await connection.execute(ordered)]

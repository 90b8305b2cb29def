"""What comes down to gateways: a long poll for each, woken when a wish or an order of its complex is new."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Annotated

import msgspec
import structlog
from msgspec import Meta
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.desired import Document, Refusal, as_read_by, unread
from domain.orders import Order
from eventlog.follow import rung_or_after
from eventlog.together import Together, patience_s
from server.gateway_auth import Gateway
from server.store import desired_rows, order_rows
from server.store.engine import Database
from server.store.failures import DatabaseBusy
from server.store.schema import desired_state, gateway_order

log = structlog.get_logger()

MAX_WAIT_S = 25.0
_LOOK_EVERY_S = 1.0  # another process may have written: the command line
_MAX_KINDS, _MAX_IDS = 64, 1_000

Versions = Annotated[dict[str, Annotated[int, Meta(ge=0, lt=2**31)]], Meta(max_length=_MAX_KINDS)]


class Asked(msgspec.Struct):
    """A gateway's report and request. ``known``: what it need not be sent again; ``applied``: what is in force;
    ``forms``: which form of a kind it reads, where that is not the first."""

    known: Versions = {}
    applied: Versions = {}
    refused: Annotated[list[Refusal], Meta(max_length=_MAX_KINDS)] = []
    orders_done: Annotated[list[str], Meta(max_length=_MAX_IDS)] = []
    forms: Versions = {}
    wait_s: Annotated[float, Meta(ge=0)] = MAX_WAIT_S


class Wishes(msgspec.Struct):
    """An answer: documents to apply together, orders to carry out once each."""

    documents: list[Document] = []
    orders: list[Order] = []

    @property
    def are_none(self) -> bool:
        return not self.documents and not self.orders


_Asking = tuple[Gateway, Versions]
_First = tuple[dict[str, desired_rows.Row], Wishes]  # what the gateway reported before, by kind, and what is new for it


class _Waiter(msgspec.Struct):
    """A poll that waits; ``over`` once the same gateway has come again, so that each holds one at most."""

    complex: str
    bell: asyncio.Event
    over: bool = False


class Desired:
    """The centre's side of the long poll. Waiting costs no look at the database: one task looks for all."""

    def __init__(self, db: Database, now: Callable[[], datetime]) -> None:
        self._db, self._now = db, now
        self._waiting: dict[str, _Waiter] = {}
        self._closed = False
        self._looks: Together[_Asking, Wishes] = Together(self._look)
        self._first_looks: Together[_Asking, _First] = Together(
            self._first_look, patience_s=lambda: patience_s(len(self._waiting))
        )

    @property
    def waiting(self) -> int:
        """Gateways that would hear of an order at once."""
        return len(self._waiting)

    async def run(self) -> None:
        """Ring for what is new, until cancelled."""
        seen: tuple[int, int] | None = None
        while True:
            try:
                seen = await self._rung(seen)
            except DatabaseBusy as error:  # the next look sees the same
                log.warning("desired_look_failed", error=str(error))
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _rung(self, seen: tuple[int, int] | None) -> tuple[int, int]:
        """Ring for what is newer than what was seen; what is seen now. The first time for everybody."""
        newest = await self._newest()
        if seen is None:
            self.ring({waiter.complex for waiter in self._waiting.values()})
        elif newest != seen:
            self.ring(await self._complexes_behind(seen))
        return newest

    def ring(self, complexes: Collection[str]) -> None:
        """Wake the gateways of these complexes that wait."""
        for waiter in self._waiting.values():
            if waiter.complex in complexes:
                waiter.bell.set()

    def close(self) -> None:
        """Answer everybody now: the server stops."""
        self._closed = True
        for waiter in self._waiting.values():
            waiter.bell.set()

    async def poll(self, gateway: Gateway, asked: Asked) -> Wishes:
        """What is new for the gateway, waiting for it at most as long as it asked, and ``MAX_WAIT_S``."""
        waiter = self._wait_instead(gateway)  # before the look: what comes between look and wait rings
        try:
            asking = gateway, {**asked.known, **unread(asked.forms)}
            before, wishes = await self._first_looks.ask(asking)
            if await self._note(gateway, asked, before):
                wishes = await self._looks.ask(asking)
            wishes = await self._wait(asking, asked.wait_s, waiter, wishes)
        finally:
            if self._waiting.get(gateway.id) is waiter:
                del self._waiting[gateway.id]
        if wishes.orders:
            async with self._db.write() as connection:
                await order_rows.note_handed(connection, [order.id for order in wishes.orders], self._now())
        return Wishes([as_read_by(one, asked.forms) for one in wishes.documents], wishes.orders)

    def _wait_instead(self, gateway: Gateway) -> _Waiter:
        """Wait in place of an older poll of the same gateway, whose line is dead."""
        older = self._waiting.get(gateway.id)
        if older is not None:
            older.over = True
            older.bell.set()
        waiter = self._waiting[gateway.id] = _Waiter(gateway.complex, asyncio.Event())
        return waiter

    async def _wait(self, asking: _Asking, wait_s: float, waiter: _Waiter, wishes: Wishes) -> Wishes:
        """``wishes`` are the first look's. Who was not rung need not look again."""
        loop = asyncio.get_running_loop()
        ends_at_s = loop.time() + min(wait_s, MAX_WAIT_S)
        while wishes.are_none and not waiter.over and not self._closed:
            await rung_or_after(waiter.bell, ends_at_s - loop.time())
            if not waiter.bell.is_set() or waiter.over:
                break
            waiter.bell.clear()  # before the look: what comes between look and wait rings again
            wishes = await self._looks.ask(asking)
        return Wishes() if waiter.over else wishes

    async def _look(self, asking: Sequence[_Asking]) -> list[Wishes]:
        """What is new for each of them: one look for all that ask at once."""
        async with self._db.read(at_once=True) as connection:
            return await self._wishes(connection, asking)

    async def _first_look(self, asking: Sequence[_Asking]) -> list[_First]:
        """The same, and what each had reported before."""
        async with self._db.read(at_once=True) as connection:
            reported = await desired_rows.reported(connection, [gateway.id for gateway, _ in asking])
            wishes = await self._wishes(connection, asking)
        return [(reported.get(gateway.id, {}), of) for (gateway, _), of in zip(asking, wishes, strict=True)]

    async def _wishes(self, connection: AsyncConnection, asking: Sequence[_Asking]) -> list[Wishes]:
        complexes, ids = {gateway.complex for gateway, _ in asking}, {gateway.id for gateway, _ in asking}
        newest = await desired_rows.newest_of(connection, complexes)
        orders = await order_rows.open_orders(connection, ids, self._now())
        behind = [desired_rows.above(newest.get(gateway.complex, {}), known) for gateway, known in asking]
        wanted = {(gateway.complex, *one) for (gateway, _), of in zip(asking, behind, strict=True) for one in of}
        documents = {one: await desired_rows.document(connection, *one) for one in sorted(wanted)}
        return [
            Wishes([documents[gateway.complex, *one] for one in of], orders.get(gateway.id, []))
            for (gateway, _), of in zip(asking, behind, strict=True)
        ]

    async def _note(self, gateway: Gateway, asked: Asked, before: dict[str, desired_rows.Row]) -> bool:
        """Keep what the report changes; whether it changed anything. The usual one takes no turn at writing."""
        now = self._now()
        changed = desired_rows.changes(gateway.id, before, asked.applied, asked.refused, now)
        if not changed and not asked.orders_done:
            return False
        async with self._db.write() as connection:
            if changed:
                await desired_rows.save(connection, changed)
            await order_rows.note_received(connection, gateway.id, asked.orders_done, now)
        return True

    async def _newest(self) -> tuple[int, int]:
        newest = [select(func.coalesce(func.max(table.c.number), 0)) for table in (desired_state, gateway_order)]
        async with self._db.read() as connection:
            wish, order = [(await connection.execute(query)).scalar_one() for query in newest]
        return wish, order

    async def _complexes_behind(self, seen: tuple[int, int]) -> set[str]:
        found: set[str] = set()
        async with self._db.read() as connection:
            for table, number in zip((desired_state, gateway_order), seen, strict=True):
                found.update(
                    (await connection.execute(select(table.c.complex).where(table.c.number > number))).scalars()
                )
        return found

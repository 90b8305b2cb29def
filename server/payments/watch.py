"""Looks after what providers and gateways did not tell: lost notices, orders that ran out, refunds, cars that wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from server.payments import telling
from server.payments.desk import Desk
from server.payments.provider import BadNotice, ProviderAway, ProviderRefused
from server.payments.refunds import Refunds
from server.rounds import look_every
from server.store import payment_rows
from server.store.engine import Database, stamp, unstamp
from server.store.lane_settings import USUAL_S

log = structlog.get_logger()

_LOOK_EVERY_S = 2.0
_AT_ONCE = 20
_REFUNDS_EVERY = timedelta(seconds=60)
_PAUSES_S: tuple[int, ...] = (5, 10, 15, 30, 60)
_GIVEN_UP_AFTER = timedelta(hours=24)  # a provider that is away so long: the bill tells
Row = Mapping[str, Any]


class Watch:
    """One of a cell."""

    def __init__(self, db: Database, desk: Desk, refunds: Refunds, now: Callable[[], datetime]) -> None:
        self._db, self._desk, self._refunds, self._now = db, desk, refunds, now
        self._refunds_at: datetime | None = None

    async def run(self) -> None:
        """Until cancelled."""
        await look_every(_LOOK_EVERY_S, "payments", self.look)

    async def look(self) -> None:
        now = self._now()
        async with self._db.read() as connection:
            to_check = await payment_rows.due(connection, "check_at", now, _AT_ONCE)
            to_tell = await payment_rows.due(connection, "tell_at", now, _AT_ONCE)
        for row in to_check:
            await self._check(row)
        for row in to_tell:
            await self._tell(row)
        if self._refunds_at is None or now - self._refunds_at >= _REFUNDS_EVERY:
            self._refunds_at = now
            await self._look_at_refunds()

    async def _check(self, row: Row) -> None:
        """Ask; what has run out is closed."""
        now = self._now()
        await self._later(row, now)
        try:
            found = await self._desk.check(row)
            if found is not None and found.state != "paid" and now >= unstamp(row["expires_at"]):
                await self._desk.close(row)
        except ProviderAway as error:
            log.warning("payment_not_known", order=row["out_trade_no"], error=str(error))
        except (ProviderRefused, BadNotice) as error:
            log.error("payment_not_known", order=row["out_trade_no"], error=str(error))

    async def _later(self, row: Row, now: datetime) -> None:
        pause_s = _PAUSES_S[min(int(row["checks"]), len(_PAUSES_S) - 1)]
        given_up = now - unstamp(row["expires_at"]) > _GIVEN_UP_AFTER
        again = None if given_up else stamp(now + timedelta(seconds=pause_s))
        async with self._db.write(row["complex"]) as connection:
            values = {"checks": row["checks"] + 1, "check_at": again}
            await payment_rows.change_order(connection, row["complex"], row["out_trade_no"], **values)

    async def _tell(self, row: Row) -> None:
        async with self._db.write(row["complex"]) as connection:
            fresh = await payment_rows.by_number(connection, row["out_trade_no"])
            stay = await payment_rows.stay(connection, row["complex"], row["session"])
            ordered = fresh is not None and await telling.look_after(connection, fresh, stay, self._now())
        if ordered:
            self._desk.ring(row["complex"])

    async def _look_at_refunds(self) -> None:
        long_ago = stamp(self._now() - timedelta(seconds=2 * USUAL_S))
        async with self._db.write() as connection:
            await payment_rows.forget_cars(connection, long_ago)
        async with self._db.read() as connection:
            found = await payment_rows.refunds_on_their_way(connection, _AT_ONCE)
        for row in found:
            await self._refunds.push(row)

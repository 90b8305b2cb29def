"""Refunds: proposed, approved by a person, asked for at the provider, and booked when the money has gone back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Actor, Subject, record
from server.payments.calls import Calls
from server.payments.giving_back import refund_number, settle
from server.payments.provider import Back, ProviderAway, ProviderRefused, Refunded
from server.store import payment_rows
from server.store.engine import Database, stamp
from server.store.schema import refund

log = structlog.get_logger()
Row = Mapping[str, Any]


class NotNow(Exception):
    """It cannot be done; ``reason`` is one word for the page."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Refunds:
    """What people and the watch do with refunds."""

    def __init__(self, db: Database, calls: Calls, now: Callable[[], datetime]) -> None:
        self._db, self._calls, self._now = db, calls, now

    async def propose(self, complex_id: str, number: str, fen: int, reason: str, by: Actor) -> str:
        """A refund of a payment, for another person to approve. Its number. Raises NotNow."""
        now = self._now()
        async with self._db.write(complex_id) as connection:
            row = await payment_rows.by_number(connection, number)
            if row is None or row["complex"] != complex_id or row["status"] != "paid":
                raise NotNow("not_paid")
            before = await payment_rows.refunds_of(connection, complex_id, [number])
            left_fen = row["amount_fen"] - sum(
                one["amount_fen"] for one in before if one["status"] in payment_rows.COUNTED
            )
            if not 0 < fen <= left_fen:
                raise NotNow("too_much")
            out = refund_number(number, len(before) + 1)
            values = {"complex": complex_id, "out_refund_no": out, "out_trade_no": number, "channel": row["channel"]}
            values |= {"amount_fen": fen, "status": "proposed", "reason": reason}
            await connection.execute(refund.insert().values(**values, proposed_at=stamp(now), proposed_by=by.who))
            told = {"amount_fen": fen, "payment": number}
            _note(connection, by, "refund.proposed", out, complex_id, now, told, reason)
        return out

    async def approve(self, complex_id: str, number: str, by: Actor) -> None:
        """By someone else than who proposed it; then the provider is asked. Raises NotNow."""
        now = self._now()
        async with self._db.write(complex_id) as connection:
            found = await self._open(connection, complex_id, number)
            if found["proposed_by"] == by.who:
                raise NotNow("same_person")
            values = {"status": "processing", "approved_at": stamp(now), "approved_by": by.who}
            await payment_rows.change_refund(connection, complex_id, number, **values)
            told = {"amount_fen": found["amount_fen"], "payment": found["out_trade_no"]}
            _note(connection, by, "refund.approved", number, complex_id, now, told)
        await self.push({**found, **values})

    async def refuse(self, complex_id: str, number: str, reason: str, by: Actor) -> None:
        """Raises NotNow."""
        now = self._now()
        async with self._db.write(complex_id) as connection:
            await self._open(connection, complex_id, number)
            values = {"status": "refused", "approved_at": stamp(now), "approved_by": by.who}
            await payment_rows.change_refund(connection, complex_id, number, **values)
            _note(connection, by, "refund.refused", number, complex_id, now, {}, reason)

    async def _open(self, connection: AsyncConnection, complex_id: str, number: str) -> Row:
        found = await payment_rows.refund_by_number(connection, number)
        if found is None or found["complex"] != complex_id or found["status"] != "proposed":
            raise NotNow("not_open")
        return found

    async def push(self, found: Row) -> None:
        """Ask the provider for a refund that was approved, or how it is; what it does not say now it says later."""
        async with self._db.read() as connection:
            row = await payment_rows.by_number(connection, found["out_trade_no"])
        provider = self._calls.of(row["channel"], row["merchant"]) if row is not None else None
        if row is None or provider is None:
            return
        back = Back(
            found["out_refund_no"], row["out_trade_no"], found["amount_fen"], row["amount_fen"], found["reason"]
        )
        try:
            told = await self._calls.run(lambda: provider.query_refund(back.out_refund_no, back.out_trade_no))
            if told.state == "unknown":
                told = await self._calls.run(lambda: provider.refund(back))
        except ProviderAway as error:
            log.warning("refund_waits", refund=back.out_refund_no, error=str(error))
            return
        except ProviderRefused as error:
            log.error("refund_refused", refund=back.out_refund_no, error=str(error))
            told = Refunded("failed")
        async with self._db.write(found["complex"]) as connection:
            fresh = await payment_rows.refund_by_number(connection, back.out_refund_no)
            if fresh is not None:
                await settle(connection, fresh, told, self._now())


def _note(
    connection: AsyncConnection,
    by: Actor,
    action: str,
    number: str,
    complex_id: str,
    now: datetime,
    told: Row,
    reason: str | None = None,
) -> None:
    on = Subject("refund", number)
    record(connection, by, action, now, on=on, complex_id=complex_id, reason=reason, details=told)

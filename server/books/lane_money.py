"""What gateways say of money at their lanes: cash that was taken there, and why they let a car out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import derive
from domain.parking import session_id
from server.batches import Batch, facts_of
from server.books import desk, settling
from server.facts import Fact
from server.store.bulk import insert_new
from server.store.engine import stamp
from server.store.receipt_rows import numbered
from server.store.schema import lane_exit, payment

_EXIT = ("complex", "lane", "at", "reason", "by")
_MOST_FEN = 100_000_000
_KINDS = frozenset({"plate", "barrier"})


class LaneMoney:
    """A book: cash of a lane is booked once, however often and late its gateway tells of it."""

    name = "lane_money"

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        exits: dict[tuple[str, str, str], tuple[object, ...]] = {}
        for fact in facts_of(batches, _KINDS):
            if fact.event.ext.get("decided_by") != "gateway" and fact.event.kind == "barrier":
                continue
            if (row := _exit(fact)) is not None:
                exits[row[:3]] = row
            elif (taken := _cash(fact)) is not None:
                await self._book(connection, taken)
        await insert_new(connection, lane_exit, _EXIT, list(exits.values()))

    async def concerns(self, connection: AsyncConnection, batches: Sequence[Batch]) -> bool:
        return any(batch.holds(_KINDS) for batch in batches)

    async def _book(self, connection: AsyncConnection, row: dict[str, Any]) -> None:
        if await desk.payment_of(connection, row["complex"], row["out_trade_no"]) is not None:
            return
        row["shift"] = await desk.shift_at(connection, row["complex"], row["by"], row["paid_at"])
        row |= await numbered(connection, row["complex"])
        await connection.execute(payment.insert().values(**row))
        await settling.paid(connection, row, self._now())


def _exit(fact: Fact) -> tuple[str, str, str, str, str | None] | None:
    """Of a car that was let out: where, when and why."""
    event = fact.event
    if event.kind != "plate" or event.direction != "out" or event.result != "granted" or not event.reason:
        return None
    said = event.ext.get("by")
    by = said if isinstance(said, str) else None
    return (fact.complex, event.lane or event.device, stamp(event.occurred_at), event.reason, by)


def _cash(fact: Fact) -> dict[str, Any] | None:
    """Cash that a person took at a lane. The stay is named by the entry that began it, as the gateway knows it."""
    event, said = fact.event, fact.event.ext
    fen, entry = said.get("fen"), said.get("entry")
    if event.label != "payment" or said.get("channel") != "cash" or not isinstance(entry, str):
        return None
    if not isinstance(fen, int) or not 0 < fen <= _MOST_FEN or not event.request_id:
        return None
    row: dict[str, Any] = dict.fromkeys(payment.columns.keys())
    session, at = session_id(derive(fact.complex, entry)).hex(), stamp(event.occurred_at)
    row |= {"complex": fact.complex, "out_trade_no": f"LANE-{event.request_id}", "channel": "cash", "kind": "session"}
    row |= {"session": session, "lane": event.lane, "amount_fen": fen, "status": "paid", "asked_at": at, "paid_at": at}
    receipt = said.get("receipt")
    row["gate_receipt"] = receipt[:64] if isinstance(receipt, str) and receipt else None
    return row | {"by": str(said.get("by", ""))[:64]}

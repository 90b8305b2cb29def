"""How money settles what is owed: one journal each for what was paid, given back, let off, or left as a debt.

Each is part of its caller's transaction, and booked once, however often it is said. Money that comes before the car
has left makes ``receivable:sessions`` of its session negative until the charge is booked: what is owed to the driver.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger import Booked, Journal, Line
from domain.masking import masked_text
from server.books.ledger import post
from server.store.engine import stamp, unstamp
from server.store.schema import session_act
from server.store.upsert import insert
from server.store.zones import day_of

Owing = Literal["receivable:sessions", "debt:unpaid_exit"]
RECEIVABLE: Owing = "receivable:sessions"
DEBT: Owing = "debt:unpaid_exit"
MERCHANT = "receivable:merchant"
PASS, ENERGY, SERVICE = "deferred:pass", "passthrough:ev:energy", "income:ev:service"
SHORT, LONG, BANK = "suspense:short", "suspense:long", "bank"
WAIVED, WRITTEN_OFF = "discount:waived", "writeoff"

Row = Mapping[Any, Any]  # a row of a table of money, by column
_CREDITED = {"session": RECEIVABLE, "debt": DEBT, "pass": PASS, "merchant": MERCHANT}
_NO_NAME = re.compile(r"[^\w.-]")


class ProviderBill(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider settled for a day of its own: ``gross_fen`` is its fee and its payout."""

    channel: str
    day: date
    gross_fen: int
    fee_fen: int
    net_fen: int
    document: str


def held_in(row: Row) -> str:
    """The account in which a payment's money lies: the channel's, or the cash of its shift (or of its lane)."""
    if row["channel"] != "cash":
        return f"clearing:{row['channel']}"
    return cash_of(row["shift"] or f"gate.{row['lane'] or 'none'}")


def cash_of(shift: str) -> str:
    """The account of the cash that a shift holds."""
    return f"cash:lane:{_NO_NAME.sub('_', shift)[:64]}"


async def paid(connection: AsyncConnection, row: Row, now: datetime, *, energy_fen: int = 0) -> Booked | None:
    """A payment whose status is ``paid``. Of charging a car, ``energy_fen`` of it is the grid's. None: it is 0 fen."""
    fen, at = row["amount_fen"], unstamp(row["paid_at"])
    credits = _credits(row, fen, energy_fen)
    lines = _lines((held_in(row), fen), *((account, -part) for account, part in credits.items()))
    return await _book(connection, row["complex"], ("payment", "paid", row["out_trade_no"]), at, lines, now)


async def refunded(
    connection: AsyncConnection, row: Row, payment: Row, now: datetime, *, energy_fen: int = 0
) -> Booked | None:
    """A refund whose money has gone back: of the payment it is of, out of where that lies."""
    fen, at = row["amount_fen"], unstamp(row["done_at"])
    debits = _credits(payment, fen, energy_fen)
    lines = _lines(*debits.items(), (held_in({**payment, "channel": row["channel"]}), -fen))
    key = ("refund", "success", row["out_refund_no"])
    return await _book(connection, row["complex"], key, at, lines, now, masked_text(row["reason"]))


def _credits(payment: Row, fen: int, energy_fen: int) -> dict[str, int]:
    """A charging session that its meter priced is owed already (server/books/income.py); else it is income at once."""
    if payment["kind"] == "ev":
        return {RECEIVABLE: fen} if payment["session"] else {SERVICE: fen - energy_fen, ENERGY: energy_fen}
    return {_CREDITED[payment["kind"]]: fen}


async def to_debt(connection: AsyncConnection, row: Row, now: datetime) -> Booked | None:
    """A car left without paying ``amount_fen``; less than 0: that much less is owed than was thought."""
    return await _act(connection, {**row, "kind": "debt", "debit": DEBT, "credit": RECEIVABLE}, now)


async def waived(connection: AsyncConnection, row: Row, now: datetime, of: Owing = RECEIVABLE) -> Booked | None:
    """What is owed was let off, with a reason."""
    return await _act(connection, {**row, "kind": "waive", "debit": WAIVED, "credit": of}, now)


async def written_off(connection: AsyncConnection, row: Row, now: datetime, of: Owing = DEBT) -> Booked | None:
    """Nobody will pay it."""
    return await _act(connection, {**row, "kind": "write_off", "debit": WRITTEN_OFF, "credit": of}, now)


async def discounted(
    connection: AsyncConnection, row: Row, name: str, now: datetime, of: Owing = RECEIVABLE
) -> Booked | None:
    """Off what is owed, in an account of its own: ``discount:NAME``, of a coupon or a shop."""
    return await _act(connection, {**row, "kind": "discount", "debit": f"discount:{name}", "credit": of}, now)


async def _act(connection: AsyncConnection, row: Row, now: datetime) -> Booked | None:
    """A row of ``session_act`` (complex, id, session, amount_fen, at, by; approved_by, reason) and its journal."""
    reason = row.get("reason") and masked_text(row["reason"])
    kept = {**{name: row.get(name) for name in session_act.columns.keys()}, "reason": reason}  # noqa: SIM118
    await connection.execute(insert(session_act).values(**kept).on_conflict_do_nothing())
    lines = _lines((row["debit"], row["amount_fen"]), (row["credit"], -row["amount_fen"]))
    key = ("session", row["kind"], row["id"])
    return await _book(connection, row["complex"], key, unstamp(row["at"]), lines, now, reason)


async def deposited(connection: AsyncConnection, row: Row, now: datetime) -> Booked | None:
    """Cash of a shift that was taken to the bank: a row of ``cash_deposit``."""
    lines = _lines((BANK, row["amount_fen"]), (cash_of(row["shift"] or "none"), -row["amount_fen"]))
    key = ("deposit", "cash", row["id"])
    return await _book(connection, row["complex"], key, unstamp(row["at"]), lines, now, row["document"])


async def claimed(connection: AsyncConnection, row: Row, shift: str, note: str, now: datetime) -> Booked | None:
    """Cash of a gate that nobody's shift had is in a shift's till: counted with what that shift took."""
    lines = _lines((cash_of(shift), row["amount_fen"]), (held_in(row), -row["amount_fen"]))
    key = ("cash", "claimed", row["out_trade_no"])
    return await _book(connection, row["complex"], key, now, lines, now, note)


async def spent(connection: AsyncConnection, row: Row, account: str, now: datetime) -> Booked | None:
    """Paid out of a shift's cash (id, shift, amount_fen, at, reason), into an account of expenses."""
    lines = _lines((account, row["amount_fen"]), (cash_of(row["shift"]), -row["amount_fen"]))
    key = ("cash", "payout", row["id"])
    return await _book(connection, row["complex"], key, unstamp(row["at"]), lines, now, masked_text(row["reason"]))


async def counted(connection: AsyncConnection, shift: Row, over_fen: int, now: datetime) -> Booked | None:
    """A shift was closed with ``over_fen`` more in the till than its book says (less than 0: short)."""
    where = LONG if over_fen > 0 else SHORT
    lines = _lines((cash_of(shift["id"]), over_fen), (where, -over_fen))
    key = ("cash", "counted", shift["id"])
    return await _book(
        connection, shift["complex"], key, unstamp(shift["closed_at"]), lines, now, masked_text(shift["note"] or "")
    )


async def settled(
    connection: AsyncConnection, complex_id: str, bill: ProviderBill, at: datetime, now: datetime
) -> list[Booked]:
    """What a provider's bill of a day says: its fee, and what it paid out to the bank, out of the clearing account."""
    if bill.gross_fen != bill.fee_fen + bill.net_fen:
        said = f"fee {bill.fee_fen} and payout {bill.net_fen} are not the {bill.gross_fen} fen of the bill"
        raise ValueError(f"{bill.channel} {bill.day}: {said}")
    clearing, named = f"clearing:{bill.channel}", f"{bill.channel}/{bill.day}"
    journals = [
        _journal(("bill", kind, named), at, bill.day, _lines((account, fen), (clearing, -fen)), bill.document)
        for kind, account, fen in (("fee", "fee:channel", bill.fee_fen), ("payout", BANK, bill.net_fen))
        if fen
    ]
    return await post(connection, complex_id, journals, now)


def _lines(*parts: tuple[str, int]) -> tuple[Line, ...]:
    return tuple(Line(account, fen) for account, fen in parts if fen)


def _journal(key: tuple[str, str, str], at: datetime, day: date, lines: tuple[Line, ...], memo: str | None) -> Journal:
    source, kind, source_id = key
    return Journal(
        source=source,
        kind=kind,
        source_id=source_id,
        occurred_at=at,
        business_day=day,
        memo=memo or "",
        lines=lines,
    )


async def _book(
    connection: AsyncConnection,
    complex_id: str,
    key: tuple[str, str, str],
    at: datetime,
    lines: tuple[Line, ...],
    now: datetime,
    memo: str | None = None,
) -> Booked | None:
    if not lines:  # nothing moves: a stay that is free, a till that agrees
        return None
    journal = _journal(key, at, await day_of(connection, complex_id, at), lines, memo)
    return (await post(connection, complex_id, [journal], now))[0]


def act_row(
    complex_id: str, identity: str, session: str, fen: int, by: str, now: datetime, **more: str
) -> dict[str, Any]:
    """A row for what somebody decides now about a session's money."""
    named = {"complex": complex_id, "id": identity, "session": session, "amount_fen": fen}
    return {**named, "at": stamp(now), "by": by, "approved_by": None, "reason": None, **more}

"""Our own side of a day: what was due, what was taken and given back, who counted, and which cars left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from domain.reconciliation.refusal import BadBill

_OURS = "mend it where it is made, and write it anew"
Amount = Annotated[int, msgspec.Meta(ge=0)]
Time = str  # by the wall clock of the place, or with an offset


class Charge(msgspec.Struct, frozen=True, gc=False):
    charge_id: str
    payable_fen: Amount
    status: str
    session_id: str | None = None
    plate: str = ""
    entry: Time | None = None
    exit: Time | None = None
    gross_fen: Amount | None = None
    discount_fen: Amount = 0


class Payment(msgspec.Struct, frozen=True, gc=False):
    out_trade_no: str
    channel: str
    amount_fen: Amount
    status: str
    charge_id: str | None = None
    paid_at: Time | None = None
    shift_id: str | None = None


class Refund(msgspec.Struct, frozen=True, gc=False):
    out_refund_no: str
    channel: str
    amount_fen: Amount
    status: str
    out_trade_no: str = ""
    at: Time | None = None
    shift_id: str | None = None


class Shift(msgspec.Struct, frozen=True, gc=False):
    shift_id: str
    opening_float_fen: Amount
    counted_cash_fen: Amount
    payouts_fen: Amount = 0
    operator: str = ""


class Passage(msgspec.Struct, frozen=True, gc=False):
    """A car that left. ``opened_by``: auto, cash, pass, manual, or none where no barrier was told to open."""

    passage_id: str
    plate: str
    at: Time
    opened_by: str
    lane: str = ""
    reason: str | None = None
    session_id: str | None = None


class Deposit(msgspec.Struct, frozen=True, gc=False):
    """Cash taken to the bank."""

    deposit_id: str
    amount_fen: Amount
    at: Time


class Books(msgspec.Struct, frozen=True):
    """The file of our side. What it has no key for is not judged; a channel of its payments may have no bill."""

    business_day: date
    timezone: str = "Asia/Shanghai"
    lot: str = ""
    charges: list[Charge] = []
    payments: list[Payment] = []
    refunds: list[Refund] = []
    shifts: list[Shift] = []
    exit_passages: list[Passage] | None = None
    deposits: list[Deposit] = []
    merchants: dict[str, str] = {}  # by channel: whose bills are ours

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


def read_books(name: str, content: bytes) -> Books:
    """Our side from JSON. Raises BadBill for what cannot be."""
    try:
        books = msgspec.json.decode(content, type=Books)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadBill(name, f"not our side of a day: {error}", remedy=_OURS) from error
    try:
        _check(books)
    except (ValueError, KeyError, OSError) as error:
        raise BadBill(name, str(error), remedy=_OURS) from error
    return books


def moment(text: str, zone: ZoneInfo) -> datetime:
    """An aware time. Raises ValueError."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=zone)


def _check(books: Books) -> None:
    zone = books.zone
    _check_once("payment", (each.out_trade_no for each in books.payments))
    _check_once("refund", (each.out_refund_no for each in books.refunds))
    _check_once("charge", (each.charge_id for each in books.charges))
    _check_once("shift", (each.shift_id for each in books.shifts))
    _check_once("passage", (each.passage_id for each in books.exit_passages or ()))
    for charge in books.charges:
        _check_charge(charge, zone)
    for payment in books.payments:
        if payment.status == "PAID" and not payment.paid_at:
            raise ValueError(f"payment {payment.out_trade_no} is PAID and has no paid_at")


def _check_once(what: str, keys: Iterable[str]) -> None:
    twice = [key for key, count in Counter(keys).items() if count > 1]
    if twice:
        raise ValueError(f"{what} {twice[0]} is there twice")


def _check_charge(charge: Charge, zone: ZoneInfo) -> None:
    if charge.entry and charge.exit and moment(charge.exit, zone) < moment(charge.entry, zone):
        raise ValueError(f"charge {charge.charge_id}: the exit {charge.exit} is before the entry {charge.entry}")
    if charge.gross_fen is not None and charge.gross_fen - charge.discount_fen != charge.payable_fen:
        sums = f"{charge.gross_fen} less {charge.discount_fen} is not {charge.payable_fen}"
        raise ValueError(f"charge {charge.charge_id}: {sums}")

"""Our own side of a day: what was due, what was taken and given back, who counted, and which cars left."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import date, datetime, tzinfo
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from domain.reconciliation.refusal import BadBill

_CHINA = ZoneInfo("Asia/Shanghai")
_OURS = "mend it where it is made, and write it anew"
Amount = Annotated[int, msgspec.Meta(ge=0)]
Time = datetime  # by the wall clock of the place, or with an offset


class Charge(msgspec.Struct, frozen=True, gc=False):
    """What a stay costs; ``exit`` where the car has left."""

    charge_id: str
    payable_fen: Amount
    status: str
    session_id: str | None = None
    exit: Time | None = None


class _ChargeRow(Charge, frozen=True, gc=False):
    """A charge as the file has it: the rest is looked at once, and not kept for a city's stays."""

    entry: Time | None = None
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
    """``counted_cash_fen`` is None where it is counted on another day, or not yet: its cash is somebody's."""

    shift_id: str
    opening_float_fen: Amount
    counted_cash_fen: Amount | None
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


Row = TypeVar("Row", bound=msgspec.Struct)


class Books(msgspec.Struct, frozen=True):
    """Our side of a day. ``exit_passages`` is None where nobody looked at the lanes: then no exit is judged."""

    business_day: date
    zone: tzinfo = _CHINA
    charges: list[Charge] = []
    payments: list[Payment] = []
    refunds: list[Refund] = []
    shifts: list[Shift] = []
    exit_passages: list[Passage] | None = None
    deposits: list[Deposit] = []
    merchants: dict[str, str] = {}  # by channel: whose bills are ours

    @property
    def is_china(self) -> bool:
        """Whether our clock is the providers'."""
        return self.zone is _CHINA


class _File(msgspec.Struct):
    """The file; its rows are decoded one by one, so that a wrong one is named and none is held twice."""

    business_day: date
    timezone: str = "Asia/Shanghai"
    charges: list[msgspec.Raw] = []
    payments: list[msgspec.Raw] = []
    refunds: list[msgspec.Raw] = []
    shifts: list[msgspec.Raw] = []
    exit_passages: list[msgspec.Raw] | None = None
    deposits: list[msgspec.Raw] = []
    merchants: dict[str, str] = {}


def read_books(name: str, content: bytes) -> Books:
    """Our side from JSON. Raises BadBill for what cannot be."""
    try:
        file = msgspec.json.decode(content, type=_File)
        books = _books(file, ZoneInfo(file.timezone))
        _check(books)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadBill(name, f"not our side of a day: {error}", remedy=_OURS) from error
    except (ValueError, KeyError, OSError) as error:
        raise BadBill(name, str(error).strip('"'), remedy=_OURS) from error
    return books


def _books(file: _File, zone: ZoneInfo) -> Books:
    ids: dict[str, str] = {}  # one text for one id, wherever it stands
    passages = file.exit_passages
    return Books(
        business_day=file.business_day,
        zone=zone,
        charges=[_slim(row, zone, ids) for row in _rows("charges", file.charges, _ChargeRow)],
        payments=[_payment(row, ids) for row in _rows("payments", file.payments, Payment)],
        refunds=list(_rows("refunds", file.refunds, Refund)),
        shifts=list(_rows("shifts", file.shifts, Shift)),
        exit_passages=None
        if passages is None
        else [_passage(row, ids) for row in _rows("exit_passages", passages, Passage)],
        deposits=list(_rows("deposits", file.deposits, Deposit)),
        merchants=file.merchants,
    )


def _rows(what: str, rows: list[msgspec.Raw], kind: type[Row]) -> Iterator[Row]:
    decode = msgspec.json.Decoder(kind).decode
    for index, row in enumerate(rows):
        try:
            yield decode(row)
        except msgspec.DecodeError as error:
            raise ValueError(f"{what}[{index}]: {error}") from error


def _slim(row: _ChargeRow, zone: tzinfo, ids: dict[str, str]) -> Charge:
    _check_charge(row, zone)
    session = row.session_id and ids.setdefault(row.session_id, row.session_id)
    charge_id = ids.setdefault(row.charge_id, row.charge_id)
    return Charge(charge_id, row.payable_fen, sys.intern(row.status), session, row.exit)


def _payment(row: Payment, ids: dict[str, str]) -> Payment:
    """The row with its repeated words held once."""
    charge_id = row.charge_id and ids.get(row.charge_id, row.charge_id)
    channel, status = sys.intern(row.channel), sys.intern(row.status)
    return Payment(row.out_trade_no, channel, row.amount_fen, status, charge_id, row.paid_at, row.shift_id)


def _passage(row: Passage, ids: dict[str, str]) -> Passage:
    session = row.session_id and ids.get(row.session_id, row.session_id)
    opened_by, lane = sys.intern(row.opened_by), sys.intern(row.lane)
    return Passage(row.passage_id, row.plate, row.at, opened_by, lane, row.reason, session)


def aware(time: datetime, zone: tzinfo) -> datetime:
    """A time of ours with its zone."""
    return time if time.tzinfo else time.replace(tzinfo=zone)


def _check(books: Books) -> None:
    _check_once("payment", (each.out_trade_no for each in books.payments))
    _check_once("refund", (each.out_refund_no for each in books.refunds))
    _check_once("charge", (each.charge_id for each in books.charges))
    _check_once("shift", (each.shift_id for each in books.shifts))
    _check_once("passage", (each.passage_id for each in books.exit_passages or ()))
    for payment in books.payments:
        if payment.status == "PAID" and not payment.paid_at:
            raise ValueError(f"payment {payment.out_trade_no} is PAID and has no paid_at")


def _check_once(what: str, keys: Iterable[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise ValueError(f"{what} {key} is there twice")
        seen.add(key)


def _is_before(one: datetime, other: datetime, zone: tzinfo) -> bool:
    if one.tzinfo is None and other.tzinfo is None:
        return one < other
    return aware(one, zone) < aware(other, zone)


def _check_charge(charge: _ChargeRow, zone: tzinfo) -> None:
    if charge.entry and charge.exit and _is_before(charge.exit, charge.entry, zone):
        raise ValueError(f"charge {charge.charge_id}: the exit {charge.exit} is before the entry {charge.entry}")
    if charge.gross_fen is not None and charge.gross_fen - charge.discount_fen != charge.payable_fen:
        sums = f"{charge.gross_fen} less {charge.discount_fen} is not {charge.payable_fen}"
        raise ValueError(f"charge {charge.charge_id}: {sums}")

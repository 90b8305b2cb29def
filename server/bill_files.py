"""Files given for a day: what each is, told before anything is made of it, and read again when it is reconciled."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from typing import BinaryIO

import msgspec

from domain.reconciliation import BadBill, BankColumns, ShedColumns, read_file
from domain.reconciliation.columns import cells
from domain.reconciliation.rows import AnyFile, FundBill, IncomeBill, Trade, TradeBill
from server.store.upload_rows import Told

_HEAD_BYTES, _HEAD_LINES, _HEAD_SIGNS = 16_384, 12, 40


class Mappings(msgspec.Struct, frozen=True):
    """What a complex's bank and its sheds call their columns."""

    bank: BankColumns = BankColumns()
    sheds: ShedColumns = ShedColumns()


class OtherDay(BadBill):
    """A bill of another day than that it was given for."""


def read_given(name: str, stream: BinaryIO, mappings: Mappings) -> AnyFile:
    """Raises BadBill."""
    return read_file(name, stream, columns=mappings.bank, shed_columns=mappings.sheds)


def read_all(given: Sequence[tuple[str, bytes]], mappings: Mappings) -> list[AnyFile]:
    """Every file of a day. Raises BadBill for the first that is refused now."""
    return [read_given(name, io.BytesIO(body), mappings) for name, body in given]


def check_day(found: AnyFile, day: date) -> None:
    """Raises OtherDay."""
    of = getattr(found, "day", None)
    if of is not None and of != day:
        raise OtherDay(found.name, f"it is of {of}, and was given for {day}", remedy=f"give it on the page of {of}")


def told_of(found: AnyFile) -> Told:
    """What a file is, for people."""
    sums = {name: value for name, value in found.totals.items() if isinstance(value, int | str)}
    match found:
        case TradeBill():
            merchant = ", ".join(found.merchants)
            sums = {"order_fen": sum(row.order_fen for row in found.rows)}
            return Told("trade", found.channel, merchant, str(found.day or ""), len(found.rows), sums)
        case FundBill():
            sums = {"order_fen": sum(row.fen for row in found.rows)}
            return Told("fund", found.channel, "", str(found.day or ""), len(found.rows), sums)
        case IncomeBill():
            return Told("income", found.channel, "", str(found.day or ""), len(found.rows), sums)
        case _:
            sums = {"income_fen": sum(row.fen for row in found.rows if row.fen > 0)}
            sums["expense_fen"] = -sum(row.fen for row in found.rows if row.fen < 0)
            return Told("statement", "bank", "", "", len(found.rows), sums)


def head_of(stream: BinaryIO) -> list[list[str]]:
    """The first lines of a sheet as cells, for a person to say what its columns are; nothing where it is no sheet."""
    stream.seek(0)
    raw = stream.read(_HEAD_BYTES)
    stream.seek(0)
    if b"\0" in raw and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return []
    text = _text(raw)
    sign = "\t" if text.count("\t") > text.count(",") else ","
    found = [cells(line, sign)[:_HEAD_SIGNS] for line in text.splitlines()[:_HEAD_LINES] if line.strip()]
    return found if any(len(row) > 1 for row in found) else []


def _text(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "ignore")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        is_cut = error.reason == "unexpected end of data" and not raw[: error.start].isascii()
        return raw.decode("utf-8-sig" if is_cut else "gb18030", "ignore")


def trades_of(files: Sequence[AnyFile], channel: str) -> dict[str, Trade]:
    """The rows of a channel's trade bills by what names them: the order, or the refund."""
    rows = (row for one in files if isinstance(one, TradeBill) and one.channel == channel for row in one.rows)
    return {row.refund or row.order: row for row in rows}

"""What e-bike sheds took: their vendors' daily sheet, read by its headers, each order once, and its foot checked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from types import MappingProxyType
from typing import BinaryIO

import msgspec

from domain.reconciliation.bank import encoding_of
from domain.reconciliation.columns import Aliases, Columns, cells, plain
from domain.reconciliation.money import loose_fen, yuan
from domain.reconciliation.refusal import BadBill
from domain.reconciliation.rows import Income, IncomeBill
from domain.reconciliation.stream import Digests, lines

_USUAL: Aliases = MappingProxyType(
    {
        "key": ("订单号", "订单编号", "充电订单号", "流水号"),
        "at": ("结束时间", "完成时间", "充电结束时间", "支付时间", "时间"),
        "energy": ("电费", "电费金额", "电费(元)"),
        "service": ("服务费", "服务费金额", "服务费(元)"),
        "amount": ("实收金额", "订单金额", "金额", "消费金额", "实收金额(元)", "订单金额(元)"),
        "kwh": ("电量(度)", "充电量(度)", "电量", "充电电量(度)"),
    }
)
_FOOT = ("合计", "总计")
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T].*)?")
_COUNT = re.compile(r"(\d+)\s*[笔单条]")
_MOST_HEAD_LINES = 30
_NO_FOOT = "download it anew; where the vendor writes no foot, say so among its columns"
_SUMS = ("energy", "service", "amount")
Foot = tuple[int, list[str]]  # its line, its values


class ShedColumns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a vendor calls its columns. ``foot`` False: its sheets have none, and a cut one cannot be told."""

    key: str = ""
    at: str = ""
    energy: str = ""
    service: str = ""
    amount: str = ""
    kwh: str = ""
    foot: bool = True

    def aliases(self) -> Aliases:
        told = msgspec.structs.asdict(self)
        return {key: (told[key],) if told[key] else usual for key, usual in _USUAL.items()}


def is_one(stream: BinaryIO, mapping: ShedColumns) -> bool:
    """Whether one of the first lines is such a header; the stream is at its beginning again."""
    head = [stream.readline(4_096) for _ in range(_MOST_HEAD_LINES)]
    stream.seek(0)
    names = {key: set(map(plain, each)) for key, each in mapping.aliases().items()}
    for raw in head:
        for encoding in ("utf-8-sig", "gb18030"):
            header = {plain(value) for value in _cells(raw.decode(encoding, "ignore").strip())}
            if header & names["key"] and header & names["service"] and header & (names["energy"] | names["amount"]):
                return True
    return False


def read(name: str, stream: BinaryIO, digests: Digests, mapping: ShedColumns) -> IncomeBill:
    """Raises BadBill."""
    numbered = lines(name, stream, encoding_of(stream))
    columns = _header(name, numbered, mapping.aliases())
    rows, foot = _rows(name, numbered, columns)
    days = sorted({row.day for row in rows})
    if len(days) > 1:
        raise BadBill(name, f"it has rows of {days[0]} and of {days[-1]}", remedy="give the sheet of one day")
    _check_foot(name, rows, foot, columns, needed=mapping.foot)
    sums = {"rows": len(rows), "energy_fen": sum(row.energy_fen for row in rows)}
    sums |= {"service_fen": sum(row.service_fen for row in rows), "order_fen": sum(row.fen for row in rows)}
    return IncomeBill(name=name, digests=digests, rows=rows, day=days[0] if days else None, totals=sums)


def _cells(text: str) -> list[str]:
    sign = "\t" if text.count("\t") > text.count(",") else ","
    return cells(text, sign)


def _header(name: str, numbered: Iterator[tuple[int, str]], aliases: Aliases) -> Columns:
    keys, services = set(map(plain, aliases["key"])), set(map(plain, aliases["service"]))
    for number, text in numbered:
        header = [plain(value) for value in _cells(text)]
        if keys & set(header) and services & set(header):
            needed = {key: aliases[key] for key in ("key", "at", "service")}
            return Columns(name, header, number, needed, aliases)
    raise BadBill(name, "no header of a shed's sheet", remedy="say what its columns are called (docs/bills.md)")


def _rows(name: str, numbered: Iterator[tuple[int, str]], columns: Columns) -> tuple[list[Income], Foot | None]:
    found: dict[str, Income] = {}
    foot: Foot | None = None
    for number, text in numbered:
        values = _cells(text)
        if not any(values):
            continue
        if foot is not None:
            raise BadBill(name, "rows below its foot", line=number)
        if values[0].startswith(_FOOT):
            foot = (number, values)
        elif len(values) != columns.count:
            reason = f"{len(values)} values under {columns.count} columns: the row is cut or changed"
            raise BadBill(name, reason, line=number)
        else:
            row = _row(name, columns, values, number)
            if (before := found.setdefault(row.key, row)) is not row:
                raise BadBill(name, f"order {row.key} stands at line {before.line} already", line=number)
    return list(found.values()), foot


def _row(name: str, columns: Columns, values: list[str], number: int) -> Income:
    try:
        return _income(columns, values, number)
    except ValueError as error:
        raise BadBill(name, str(error), line=number) from error


def _income(columns: Columns, values: list[str], number: int) -> Income:
    key, day = _of(columns, values, "key"), _DAY.fullmatch(_of(columns, values, "at"))
    if not key:
        raise ValueError("a row without an order number")
    if day is None:
        raise ValueError(f"{_of(columns, values, 'at')!r} is no time")
    energy, service = (loose_fen(_of(columns, values, name)) for name in ("energy", "service"))
    fen = loose_fen(_of(columns, values, "amount")) if _of(columns, values, "amount") else energy + service
    if fen != energy + service:
        raise ValueError(f"energy {yuan(energy)} and service {yuan(service)} are not the {yuan(fen)} of the order")
    return Income(key, date(*map(int, day.groups())), energy, service, _wh(_of(columns, values, "kwh")), number)


def _wh(text: str) -> int:
    found = re.fullmatch(r"(\d{1,6})(?:\.(\d{1,3})\d*)?", text or "0")
    if found is None:
        raise ValueError(f"{text!r} is no amount of kWh")
    return int(found[1]) * 1_000 + int((found[2] or "").ljust(3, "0"))


def _of(columns: Columns, values: list[str], key: str) -> str:
    index = columns.where[key]
    return "" if index is None or index >= len(values) else values[index]


def _check_foot(name: str, rows: list[Income], foot: Foot | None, columns: Columns, *, needed: bool) -> None:
    if foot is None:
        if needed:
            raise BadBill(name, "it has no foot (合计): it is cut off, or its vendor writes none", remedy=_NO_FOOT)
        return
    line, values = foot
    counts = [int(found[1]) for value in values if (found := _COUNT.search(value))]
    if any(count != len(rows) for count in counts):
        raise BadBill(name, f"its foot counts {counts[0]} orders, and it has {len(rows)}", line=line)
    if not any(_of(columns, values, key) for key in _SUMS):
        raise BadBill(name, "its foot holds no sum", line=line)
    sums = {"energy": sum(row.energy_fen for row in rows), "service": sum(row.service_fen for row in rows)}
    sums["amount"] = sums["energy"] + sums["service"]
    for key in _SUMS:
        text = _of(columns, values, key)
        if text and not text.startswith(_FOOT) and _fen(name, text, line) != sums[key]:
            raise BadBill(name, f"its foot says {text}, and its rows sum to {yuan(sums[key])}", line=line)


def _fen(name: str, text: str, line: int) -> int:
    try:
        return loose_fen(text)
    except ValueError as error:
        raise BadBill(name, str(error), line=line) from error

"""A bank's statement: each bank has columns of its own, told by a mapping or known by their usual names."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from types import MappingProxyType
from typing import BinaryIO

import msgspec

from domain.reconciliation.columns import Aliases, Columns, cells, plain
from domain.reconciliation.money import loose_fen
from domain.reconciliation.refusal import BadBill
from domain.reconciliation.rows import BankLine, Statement
from domain.reconciliation.stream import Digests, head, lines

_USUAL: Aliases = MappingProxyType(
    {
        "day": ("交易日期", "记账日期", "入账日期", "交易时间", "日期"),
        "number": ("流水号", "交易流水号", "交易流水", "凭证号", "核心流水号", "序号"),
        "income": ("收入金额", "贷方发生额", "贷方金额", "收入", "存入金额", "转入金额"),
        "expense": ("支出金额", "借方发生额", "借方金额", "支出", "支取金额", "转出金额"),
        "amount": ("交易金额", "发生额", "金额"),
        "way": ("借贷标志", "借贷", "收支", "收支类型"),
        "words": ("摘要", "用途", "备注", "附言"),
        "party": ("对方户名", "对方名称", "对方账户名称"),
        "balance": ("余额", "账户余额", "当前余额"),
    }
)
_OUT_WORDS = ("借", "支出", "D", "DR", "支", "出", "-")
_DAY = re.compile(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?(?:[ T].*)?")
_NO_ROW = ("合计", "总计", "小计", "#")  # what stands under the lines for people
_MOST_HEAD_LINES = 30
_MAPPED = "name its columns with --bank-columns (docs/bills.md)"


class BankColumns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bank calls its columns; one that is left out is looked for under its usual names."""

    day: str = ""
    number: str = ""
    income: str = ""
    expense: str = ""
    amount: str = ""
    way: str = ""
    words: str = ""
    party: str = ""
    balance: str = ""

    def aliases(self) -> Aliases:
        """The names to look for."""
        told = msgspec.structs.asdict(self)
        return {key: (told[key],) if told[key] else usual for key, usual in _USUAL.items()}


def read(name: str, stream: BinaryIO, digests: Digests, mapping: BankColumns) -> Statement:
    """The statement in a file of UTF-8, GBK or UTF-16. Raises BadBill."""
    stream = _as_text(stream)
    numbered = lines(name, stream, encoding_of(stream))
    sign, columns = _header(name, numbered, mapping.aliases())
    rows, balances = _rows(name, numbered, sign, columns)
    _check_balances(name, rows, balances)
    return Statement(name=name, digests=digests, rows=_named(name, rows), totals={"accepted": True, "rows": len(rows)})


def _as_text(stream: BinaryIO) -> BinaryIO:
    """Spreadsheets' own text is UTF-16; anything else stays as it is."""
    if head(stream, 2) not in (b"\xff\xfe", b"\xfe\xff"):
        return stream
    return io.BytesIO(stream.read().decode("utf-16", "replace").encode())


def encoding_of(stream: BinaryIO) -> str:
    """UTF-8 where every byte is, but for a last sign that was cut; else GBK, of which every byte is then tried."""
    content = stream.read()
    stream.seek(0)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return "utf-8" if _is_cut(content, error) else "gb18030"
    return "utf-8"


def _is_cut(content: bytes, error: UnicodeDecodeError) -> bool:
    """Whether all is UTF-8 up to a sign that the file ends within: of GBK, the signs before would not be."""
    ends_within = error.end == len(content) and error.reason == "unexpected end of data"
    return ends_within and not content[: error.start].isascii()


def _header(name: str, numbered: Iterator[tuple[int, str]], aliases: Aliases) -> tuple[str, Columns]:
    """The first line that names a day and an amount: banks put lines of their own above it."""
    days, amounts = map(plain, aliases["day"]), (*aliases["income"], *aliases["amount"])
    known, sums = set(days), set(map(plain, amounts))
    for number, text in numbered:
        sign = "\t" if text.count("\t") > text.count(",") else ","
        header = [plain(value) for value in cells(text, sign)]
        if known & set(header) and sums & set(header):
            needed = {key: aliases[key] for key in ("day",)}
            return sign, Columns(name, header, number, needed, aliases)
        if number >= _MOST_HEAD_LINES:
            break
    raise BadBill(name, "neither a bill of a provider nor a bank's statement", remedy=_MAPPED)


def _rows(
    name: str, numbered: Iterator[tuple[int, str]], sign: str, columns: Columns
) -> tuple[list[BankLine], list[int]]:
    rows: list[BankLine] = []
    balances: list[int] = []
    for number, text in numbered:
        values = cells(text, sign)
        if not any(values) or values[0].startswith(_NO_ROW):
            continue
        if len(values) != columns.count:
            reason = f"{len(values)} values under {columns.count} columns: the row is cut or changed"
            raise BadBill(name, reason, line=number)
        try:
            rows.append(_line(columns, values, number))
            balances += [loose_fen(text) for text in [_of(columns, values, "balance")] if text]
        except ValueError as error:
            raise BadBill(name, str(error), line=number) from error
    return rows, balances


def _of(columns: Columns, values: list[str], key: str) -> str:
    index = columns.where[key]
    return "" if index is None else values[index]


def _line(columns: Columns, values: list[str], number: int) -> BankLine:
    found = _DAY.fullmatch(_of(columns, values, "day"))
    if found is None:
        raise ValueError(f"{_of(columns, values, 'day')!r} is no day")
    day = date(*map(int, found.groups()))
    words = " ".join(text for key in ("words", "party") if (text := _of(columns, values, key)))
    return BankLine(day, _of(columns, values, "number"), _amount(columns, values), words, number)


def _amount(columns: Columns, values: list[str]) -> int:
    """In positive, out negative, from two columns, or from one and a word or a sign."""
    if columns.where["income"] is not None:
        return loose_fen(_of(columns, values, "income")) - abs(loose_fen(_of(columns, values, "expense")))
    amount = loose_fen(_of(columns, values, "amount"))
    return -abs(amount) if _of(columns, values, "way").startswith(_OUT_WORDS) else amount


def _check_balances(name: str, rows: list[BankLine], balances: list[int]) -> None:
    """Each balance but the last is where another line began, whichever end the statement begins at."""
    if len(balances) != len(rows):
        return
    before = Counter(balance - row.fen for row, balance in zip(rows, balances, strict=True))
    if sum((before - Counter(balances)).values()) > 1:
        raise BadBill(name, "its balances do not follow from each other: a line is missing or changed")


def _named(name: str, rows: list[BankLine]) -> list[BankLine]:
    """Each line under a number of its own: some banks give several lines one number, some give none."""
    lines_of: dict[tuple[object, ...], int] = {}
    given: Counter[str] = Counter()
    named: list[BankLine] = []
    for row in rows:
        if row.number and (before := lines_of.setdefault(row.content, row.line)) != row.line:
            raise BadBill(name, f"this line stands at line {before} already: it was doubled", line=row.line)
        number = row.number or f"{row.day:%Y%m%d}"
        given[number] += 1
        again = given[number] > 1 or not row.number
        named.append(msgspec.structs.replace(row, number=f"{number}#{given[number]}" if again else number))
    return named

"""The form of Alipay's files: head lines behind ``#``, a table, foot lines behind ``#``."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date

from domain.reconciliation.columns import split
from domain.reconciliation.refusal import BadBill

_ACCOUNT = re.compile(r"#账号：\[(\w+)\]")
_SPAN = re.compile(r"#起始日期：\[(\d+)年(\d+)月(\d+)日[^\]]*\]\s*终止日期：\[(\d+)年(\d+)月(\d+)日[^\]]*\]")
_MOST_HEAD_LINES, _MOST_FOOT_LINES = 20, 50


class AlipaySheet:
    """A file while it is read: the head first, then ``rows`` once, then the foot. Raises BadBill."""

    def __init__(self, name: str, numbered: Iterator[tuple[int, str]]) -> None:
        self._name, self._numbered = name, numbered
        self.foot: list[str] = []
        head = self._read_head()
        self.title = head[0].lstrip("#").strip() if head else ""
        account = next((found[1] for text in head if (found := _ACCOUNT.match(text))), None)
        span = next((found.groups() for text in head if (found := _SPAN.match(text))), None)
        if account is None or span is None:
            raise BadBill(name, "the head does not say whose bill of which days it is: cut off or changed", line=1)
        self.account = account
        year, month, day, *end = map(int, span)
        self.first, self.end = self._date(year, month, day), self._date(*end)

    def _date(self, year: int, month: int, day: int) -> date:
        try:
            return date(year, month, day)
        except ValueError as error:
            raise BadBill(self._name, f"its days are none: {error}") from error

    def _read_head(self) -> list[str]:
        head: list[str] = []
        for number, text in self._numbered:
            if not text.startswith("#") and text.strip():
                self.header, self.header_line = split(text), number
                return head
            head.append(text)
            if len(head) > _MOST_HEAD_LINES:
                break
        raise BadBill(self._name, "it ends before its table: cut off")

    def rows(self, shape: Shape) -> Iterator[tuple[int, list[str]]]:
        """Line and values of each row."""
        count = len(self.header)
        for number, text in self._numbered:
            if text.startswith("#"):
                self._read_foot(text)
                return
            values = [value.strip("\t ") for value in text.split(",")]
            if len(values) != count:
                values = self._mended(number, text, values, shape)
            yield number, values
        raise BadBill(self._name, "it ends without its foot: cut off")

    def _mended(self, number: int, text: str, values: list[str], shape: Shape) -> list[str]:
        quoted = [value.strip("\t ") for value in next(csv.reader([text]))] if '"' in text else []
        if len(quoted) == len(self.header):
            return quoted
        found = shape.mend(values)
        if found is None:
            reason = f"{len(values)} values under {len(self.header)} columns: the row is cut or changed"
            raise BadBill(self._name, reason, line=number)
        return found

    def _read_foot(self, first: str) -> None:
        self.foot.append(first)
        for number, text in self._numbered:
            if text.strip() and not text.startswith("#"):
                raise BadBill(self._name, "rows stand behind the foot: two bills in one file", line=number)
            self.foot.append(text)
            if len(self.foot) > _MOST_FOOT_LINES:
                raise BadBill(self._name, "its foot does not end", line=number)
        if not any("列表结束" in text for text in self.foot):
            raise BadBill(self._name, "it ends without its foot: cut off")

    def foot_line(self, begins: str) -> str:
        """A line of the foot. Raises BadBill where it is missing or there twice."""
        found = [text for text in self.foot if text.startswith(begins)]
        if len(found) != 1:
            raise BadBill(self._name, f"its foot has {len(found)} lines {begins}: cut off, or two bills in one")
        return found[0]


class Shape:
    """Where a row may have commas of its own: in free text, where only one reading fits the columns beside it."""

    def __init__(self, count: int, free: Sequence[int], fits: Callable[[list[str]], object | None]) -> None:
        self._count, self._free, self._fits = count, free, fits

    def mend(self, values: list[str]) -> list[str] | None:
        """The row with its surplus values put together, or None where none or several readings fit."""
        surplus = len(values) - self._count
        if not 0 < surplus <= 8:
            return None
        tries = (
            [*values[:at], ",".join(values[at : at + surplus + 1]), *values[at + surplus + 1 :]] for at in self._free
        )
        fitting = [(said, each) for each in tries if (said := self._fits(each)) is not None]
        return fitting[0][1] if fitting and all(said == fitting[0][0] for said, _ in fitting) else None

"""Items as the sheets that other offices read in: entered once here, handed on in each one's columns.

A receiver is data: its headings, in its order, and what stands below each. What people wrote is made harmless on its
way: no markup, no line breaks, no plate and no long number; what a spreadsheet would compute is text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import msgspec

from server.channels.channel import harmless
from server.store.item_views import ItemView
from server.web import titles
from server.web.formats import zone_of

MOST_SIGNS = 2_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BOM = "\ufeff"  # by which spreadsheets see that it is UTF-8


class Line(msgspec.Struct, frozen=True):
    """An item, and the moment that the sheet is made."""

    view: ItemView
    now: datetime

    def at(self, time: datetime | None) -> str:
        return f"{time.astimezone(zone_of(self.view.timezone)):%Y-%m-%d %H:%M:%S}" if time else ""


Say = Callable[[Line], str]
Receiver = Sequence[tuple[str, Say]]


def _word(vocabulary: str, name: str | None) -> str:
    return titles.word(vocabulary, name) if name else ""


def _where(line: Line) -> str:
    return " ".join(part for part in (line.view.complex_name or line.view.complex, line.view.place) if part)


def _done_at(line: Line) -> str:
    return line.at(line.view.item.done.at if line.view.item.done else None)


def _result(line: Line) -> str:
    return line.view.item.done.words if line.view.item.done else ""


def _pressing(line: Line) -> str:
    return "紧急" if line.view.is_late(line.now) else "一般"


_NUMBER: tuple[str, Say] = ("来源系统编号", lambda line: line.view.id)
_STANDS: tuple[str, Say] = ("办理状态", lambda line: _word("item_status", line.view.item.status))
_UNIT: tuple[str, Say] = ("承办单位", lambda line: _word("desk", line.view.item.unit))
RECEIVERS: Mapping[str, Receiver] = MappingProxyType(
    {
        "12345": (
            _NUMBER,
            ("诉求时间", lambda line: line.at(line.view.item.asked.at)),
            ("诉求来源", lambda line: _word("item_origin", line.view.item.origin)),
            ("诉求地址", _where),
            ("诉求分类", lambda line: _word("item_category", line.view.item.category)),
            ("诉求内容", lambda line: line.view.item.asked.words),
            ("紧急程度", _pressing),
            _UNIT,
            ("办理期限", lambda line: line.at(line.view.item.due_at)),
            _STANDS,
            ("办结时间", _done_at),
            ("办理结果", _result),
        ),
        "grid": (
            _NUMBER,
            ("事件名称", lambda line: _word("item_category", line.view.item.category)),
            ("发生时间", lambda line: line.at(line.view.item.asked.at)),
            ("小区", lambda line: line.view.complex_name or line.view.complex),
            ("发生地点", lambda line: line.view.place),
            ("事件描述", lambda line: line.view.item.asked.words),
            ("处置单位", lambda line: _word("desk", line.view.item.unit)),
            _STANDS,
            ("办结时间", _done_at),
            ("处置结果", _result),
        ),
    }
)


def headings(receiver: str) -> list[str]:
    return [title for title, _ in RECEIVERS[receiver]]


def row_of(receiver: str, view: ItemView, now: datetime) -> list[str]:
    """What stands below each heading."""
    line = Line(view, now)
    exact = {_NUMBER[0]}  # an id is ours, and must come back as it is
    said = [(title in exact or _is_time(title), say(line)) for title, say in RECEIVERS[receiver]]
    return [text if is_exact else harmless(text, MOST_SIGNS) for is_exact, text in said]


def _is_time(title: str) -> bool:
    """Digits of a time are no number of anybody."""
    return title.endswith(("时间", "期限"))


def as_csv(receiver: str, rows: Iterable[Sequence[str]]) -> bytes:
    """UTF-8 with a mark, each cell in quotes; what would be computed has a mark before it."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(headings(receiver))
    writer.writerows([_cell(text) for text in row] for row in rows)
    return (_BOM + out.getvalue()).encode()


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text

"""The workbook to fill in: the sheets and headings that the import reads, with examples in place of rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from server.place_book import SHEETS, Sheet
from server.workbook import Book

_WIDTH = 22
EXAMPLES: dict[str, tuple[tuple[str, ...], ...]] = {
    "area": (
        ("yanjiang", "区县", "沿江区", ""),
        ("yanjiang-north", "街道", "北门街道", "yanjiang"),
        ("north-1", "社区", "北门一社区", "yanjiang-north"),
    ),
    "grid_cell": (("north-1-a", "north-1", "第一网格", "王芳", "", ""),),
    "complex": (
        ("sunny-garden", "阳光花园", "north-1", "居民自管", "北门路 1 号", "Asia/Shanghai", "north-1-a"),
        ("river-view", "滨河小区", "north-1", "专业物业", "滨河路 8 号", "Asia/Shanghai", ""),
    ),
    "building": (("sunny-garden", "1号楼", ""), ("sunny-garden", "2号楼", "north-1-a")),
    "gate": (("sunny-garden", "东门"), ("sunny-garden", "地下车库入口")),
}


@cache
def template(*, is_filled: bool = False) -> bytes:
    """Headings alone, or with examples."""
    return filled(SHEETS, EXAMPLES if is_filled else {})


def filled(sheets: Sequence[Sheet], examples: Mapping[str, Sequence[Sequence[str]]]) -> bytes:
    """A workbook of sheets with their headings, and rows below them."""
    book = Book()
    for sheet in sheets:
        page = book.page(sheet.title, [_WIDTH] * len(sheet.columns))
        page.head(column.heading for column in sheet.columns)
        for row in examples.get(sheet.key, ()):
            page.add(row)
    return book.done()

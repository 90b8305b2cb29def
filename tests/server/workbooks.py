"""Workbooks as people fill them in, and as nobody should."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from openpyxl import Workbook

from server.place_book import BY_KEY

Rows = Mapping[str, Sequence[Sequence[Any]]]


def workbook(rows: Rows, merge: str = "") -> bytes:
    """Sheets by their keys, each with its headings; ``merge`` is a range of the first."""
    made = Workbook()
    made.remove(made.worksheets[0])
    for key, lines in rows.items():
        page = made.create_sheet(BY_KEY[key].title)
        page.append([column.heading for column in BY_KEY[key].columns])
        for line in lines:
            page.append(list(line))
    if merge:
        made.worksheets[0].merge_cells(merge)
    return _saved(made)


def _saved(made: Workbook) -> bytes:
    out = BytesIO()
    made.save(out)
    return out.getvalue()


def with_part(body: bytes, name: str, content: bytes) -> bytes:
    """The same archive with one part in another's place, or beside the others."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(body)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            if part.filename != name:
                new.writestr(part, old.read(part.filename))
        new.writestr(name, content)
    return out.getvalue()


def sheet_xml(rows: str) -> bytes:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<?xml version="1.0"?><worksheet xmlns="{space}"><sheetData>{rows}</sheetData></worksheet>'.encode()


FIRST_SHEET = "xl/worksheets/sheet1.xml"
HEAD = "".join(
    f'<c r="{letter}1" t="inlineStr"><is><t>{column.heading}</t></is></c>'
    for letter, column in zip("ABCD", BY_KEY["area"].columns, strict=True)
)

"""Columns by their names: in any order, among others that are not ours, under the names they have had."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Mapping, Sequence

from domain.reconciliation.refusal import BadBill

Aliases = Mapping[str, tuple[str, ...]]  # what we call it: what the bills have called it


def plain(name: str) -> str:
    """A column's name, whichever brackets and spaces it was written with."""
    return unicodedata.normalize("NFKC", name).replace(" ", "").strip("\t`\ufeff")


def split(text: str, sign: str = ",") -> list[str]:
    return [plain(name) for name in text.split(sign)]


def cells(text: str, sign: str) -> list[str]:
    """The values of a line; a line that is none is one value."""
    try:
        return [value.strip("\t ") for value in next(csv.reader([text], delimiter=sign), list[str]())]
    except csv.Error:
        return [text]


class Columns:
    """Where each column stands in a header. Raises BadBill for one that is missing, or there twice."""

    def __init__(self, name: str, header: Sequence[str], line: int, needed: Aliases, optional: Aliases) -> None:
        self.count = len(header)
        self._at = {column: index for index, column in enumerate(header)}
        if twice := sorted({column for column in header if column and header.count(column) > 1}):
            raise BadBill(name, f"column {twice[0]} is there twice", line=line)
        missing = [names[0] for names in needed.values() if self._find(names) is None]
        if missing:
            raise BadBill(name, f"no column {', '.join(missing)}", line=line)
        self.where = {ours: self._find(names) for ours, names in {**needed, **optional}.items()}

    def _find(self, names: tuple[str, ...]) -> int | None:
        return next((self._at[each] for each in map(plain, names) if each in self._at), None)

    def index(self, ours: str) -> int:
        """The place of a column that must be there."""
        found = self.where[ours]
        if found is None:
            raise KeyError(ours)
        return found

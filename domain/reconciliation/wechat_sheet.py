"""The form of WeChat Pay's bills: a header, values behind backticks, and a foot of two rows that must add up."""

from __future__ import annotations

from collections.abc import Iterator

from domain.reconciliation.columns import plain, split
from domain.reconciliation.refusal import BadBill

_TICK = "`"
_EDITED = "its value is not behind a backtick: a spreadsheet has saved it anew"


class Sheet:
    """A bill while it is read: the header first, then ``rows`` once, then the foot."""

    def __init__(self, name: str, numbered: Iterator[tuple[int, str]], foot_begins: str) -> None:
        self._name, self._numbered, self._foot_begins = name, numbered, plain(foot_begins)
        self.foot: dict[str, str] = {}
        self.header_line, text = next(((number, text) for number, text in numbered if text), (1, ""))
        self.header = split(text)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Line and values of each row. Raises BadBill where the sheet is not whole."""
        count = len(self.header)
        for number, text in self._numbered:
            if not text.startswith(_TICK):
                if text:
                    self._read_foot(number, text)
                    return
                continue
            # A comma in free text is no border: only one before a backtick is.
            values = text[1:].split(",`")
            if len(values) != count:
                raise BadBill(
                    self._name, f"{len(values)} values under {count} columns: the row is cut or changed", line=number
                )
            yield number, values
        raise BadBill(self._name, "it ends without its foot: cut off")

    def _read_foot(self, number: int, text: str) -> None:
        names = split(text)
        if names[0] != self._foot_begins:
            raise BadBill(self._name, f"neither a row nor the foot: {_EDITED}", line=number)
        values = next((text for _, text in self._numbered if text), "")
        found = values[1:].split(",`")
        if not values.startswith(_TICK) or len(found) != len(names):
            raise BadBill(self._name, "the foot is cut off or changed", line=number + 1)
        self.foot = dict(zip(names, (value.strip() for value in found), strict=True))
        more = next((line for line, text in self._numbered if text), None)
        if more is not None:
            raise BadBill(self._name, "something stands behind the foot: two bills in one file", line=more)

    def told(self, *names: str) -> str | None:
        """A value of the foot by the first of its names that is there."""
        return next((self.foot[each] for each in map(plain, names) if each in self.foot), None)

"""What a workbook of places would change, row by row, and what in it cannot be: decided before anything is written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Literal
from zoneinfo import available_timezones

import msgspec

from domain.areas import ABOVE, AREA_KINDS, MANAGEMENT, MOST_NAME_SIGNS, is_id
from server.place_book import BY_KEY, Book, Fault, Row, Sheet

Action = Literal["add", "change", "same"]
Values = dict[str, str | None]
DEFAULT_TIMEZONE = "Asia/Shanghai"
_KIND_WORDS = {"区县": "district", "区": "district", "街道": "street", "社区": "community"} | {
    kind: kind for kind in AREA_KINDS
}
_MANAGEMENT_WORDS = {
    "专业物业": "professional",
    "专业": "professional",
    "居民自管": "self_run",
    "自管": "self_run",
    "self-run": "self_run",
    "委托代管": "entrusted",
    "代管": "entrusted",
} | {kind: kind for kind in MANAGEMENT}


class Known(msgspec.Struct):
    """What is there now: sheet -> the row's name -> its values; and which accounts there are."""

    places: dict[str, dict[tuple[str, ...], Values]]
    accounts: dict[str, int]
    fixed: frozenset[str] = frozenset()  # complexes of server.toml, whose name and time zone are said there


class Change(msgspec.Struct, frozen=True):
    """What becomes of a row: ``fields`` are those that get another value, with the old and the new one."""

    sheet: str
    number: int
    action: Action
    name: tuple[str, ...]
    values: Values
    fields: list[tuple[str, str | None, str | None]]

    @property
    def moves(self) -> bool:
        """Whether it changes who sees what."""
        return self.action == "change" and any(name in ("area", "parent") for name, _, _ in self.fields)


class Plan(msgspec.Struct):
    """All of it. With a fault in it, nothing is written."""

    changes: list[Change]
    faults: list[Fault]

    @property
    def digest(self) -> str:
        """The same for the same plan: what is confirmed is what was shown."""
        return hashlib.sha256(msgspec.json.encode(self.changes)).hexdigest()

    def count(self, action: Action) -> int:
        return sum(change.action == action for change in self.changes)


def make_plan(book: Book, known: Known) -> Plan:
    """Compare a workbook with what is there. Reads nothing else; the same again changes nothing."""
    return _Planner(book, known).plan()


class _Planner:
    """Goes through the sheets in the order in which places hold one another."""

    def __init__(self, book: Book, known: Known) -> None:
        self._known = known
        self._book = Book(book.rows, list(book.faults))
        # As it will be: what is there, with what the rows before have said.
        self._after = {sheet: dict(rows) for sheet, rows in known.places.items()}
        self._changes: list[Change] = []

    def plan(self) -> Plan:
        checks: Mapping[str, Callable[[Row, Values], None]] = {
            "area": self._area,
            "grid_cell": self._cell,
            "complex": self._complex,
            "building": self._building,
            "gate": self._part,
        }
        for key, check in checks.items():
            self._sheet(BY_KEY[key], check)
        return Plan(self._changes, self._book.faults)

    def _fault(self, sheet: Sheet, row: Row, key: str, reason: str, value: str = "") -> None:
        self._book.fault(sheet.title, row.at(key), reason, value or row.get(key))

    def _sheet(self, sheet: Sheet, check: Callable[[Row, Values], None]) -> None:
        seen: dict[tuple[str, ...], int] = {}
        for row in sorted(self._book.rows.get(sheet.key, []), key=lambda one: _rank(sheet, one)):
            name = tuple(row.get(key) for key in sheet.names)
            if not self._is_whole(sheet, row):
                continue
            if name in seen:
                self._fault(sheet, row, sheet.names[-1], "twice", f"{name[-1]} ({seen[name]})")
                continue
            seen[name] = row.number
            values: Values = dict(self._known.places[sheet.key].get(name, {}))
            values |= dict(row.cells)
            check(row, values)
            self._note(sheet, row, name, values)

    def _is_whole(self, sheet: Sheet, row: Row) -> bool:
        """All that must be said is said, and can be a name or an id."""
        before = len(self._book.faults)
        for column in sheet.columns:
            text = row.get(column.key)
            if column.is_required and not text:
                self._fault(sheet, row, column.key, "empty")
            elif column.key == "id" and not is_id(text):
                self._fault(sheet, row, "id", "bad_id")
            elif column.key == "name" and len(text) > MOST_NAME_SIGNS:
                self._fault(sheet, row, "name", "too_long")
        return len(self._book.faults) == before

    def _note(self, sheet: Sheet, row: Row, name: tuple[str, ...], values: Values) -> None:
        old = self._known.places[sheet.key].get(name)
        self._after[sheet.key][name] = values
        fields = [(key, (old or {}).get(key), value) for key, value in values.items() if value != (old or {}).get(key)]
        action: Action = "add" if old is None else "change" if fields else "same"
        self._changes.append(Change(sheet.key, row.number, action, name, values, fields))

    def _area(self, row: Row, values: Values) -> None:
        sheet, kind = BY_KEY["area"], _KIND_WORDS.get(row.get("kind").lower())
        old = self._known.places["area"].get((row.get("id"),))
        if kind is None:
            self._fault(sheet, row, "kind", "bad_kind")
            return
        values["kind"] = kind
        values.setdefault("parent", None)
        if old is not None and old["kind"] != kind:
            self._fault(sheet, row, "kind", "other_kind")
        parent, wanted = values["parent"], ABOVE[kind]
        found = self._after["area"].get((parent or "",), {}).get("kind")
        if (wanted is None) != (parent is None) or found != wanted:
            self._fault(sheet, row, "parent", f"parent_of_{kind}", parent or "")

    def _community(self, sheet: Sheet, row: Row, key: str) -> None:
        text = row.get(key)
        if text and self._after["area"].get((text,), {}).get("kind") != "community":
            self._fault(sheet, row, key, "no_community")

    def _cell(self, row: Row, values: Values) -> None:
        sheet, old = BY_KEY["grid_cell"], self._known.places["grid_cell"].get((row.get("id"),))
        self._community(sheet, row, "area")
        if old is not None and old["area"] != row.get("area"):
            self._fault(sheet, row, "area", "cell_stays")
        same = (values["area"], values["name"])
        others = (one for name, one in self._after["grid_cell"].items() if name != (row.get("id"),))
        if any((one["area"], one["name"]) == same for one in others):
            self._fault(sheet, row, "name", "name_taken")
        if row.get("username") and row.get("username") not in self._known.accounts:
            self._fault(sheet, row, "username", "no_account")

    def _complex(self, row: Row, values: Values) -> None:
        sheet, old = BY_KEY["complex"], self._known.places["complex"].get((row.get("id"),))
        self._community(sheet, row, "area")
        if row.get("management"):
            values["management"] = _MANAGEMENT_WORDS.get(row.get("management").lower())
            if values["management"] is None:
                self._fault(sheet, row, "management", "bad_management")
        values.setdefault("timezone", DEFAULT_TIMEZONE)
        if row.get("timezone") and row.get("timezone") not in available_timezones():
            self._fault(sheet, row, "timezone", "bad_timezone")
        for key in ("name", "timezone"):
            if old is not None and row.get("id") in self._known.fixed and values[key] != old[key]:
                self._fault(sheet, row, key, "in_settings")
        if old is not None and old.get("area") != values.get("area") and not row.get("grid_cell"):
            values["grid_cell"] = None  # its cell is of the community it leaves
        self._of_community(sheet, row, values.get("grid_cell"), values.get("area"))

    def _of_community(self, sheet: Sheet, row: Row, cell: str | None, community: str | None) -> None:
        if cell and self._after["grid_cell"].get((cell,), {}).get("area", "") != community:
            self._fault(sheet, row, "grid_cell", "no_cell", cell)

    def _part(self, row: Row, values: Values) -> None:
        self._part_of(BY_KEY["gate"], row)

    def _part_of(self, sheet: Sheet, row: Row) -> Values:
        place = self._after["complex"].get((row.get("complex"),))
        if place is None:
            self._fault(sheet, row, "complex", "no_complex")
        return place or {}

    def _building(self, row: Row, values: Values) -> None:
        place = self._part_of(BY_KEY["building"], row)
        if row.get("grid_cell") and place:
            self._of_community(BY_KEY["building"], row, values.get("grid_cell"), place.get("area"))


def _rank(sheet: Sheet, row: Row) -> int:
    """Areas from above, whatever their order in the file; all else as it stands."""
    if sheet.key != "area":
        return row.number
    kind = _KIND_WORDS.get(row.get("kind").lower(), "")
    return ([*AREA_KINDS, ""].index(kind)) * 1_000_000 + row.number

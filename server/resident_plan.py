"""What a workbook of residents would add, row by row, and what in it cannot be: decided before anything is written."""

from __future__ import annotations

import hashlib
from datetime import date

import msgspec

from domain.doors.credentials import canonical_card
from domain.plates import canonical
from server.place_book import Book, Column, Fault, Row, Sheet

Place = tuple[str, str, str]  # building, unit, room
SHEET = Sheet(
    "resident",
    "住户 Residents",
    (
        Column("building", "楼栋 Building"),
        Column("unit", "单元 Unit"),
        Column("room", "房号 Room", True),
        Column("name", "姓名 Name", True),
        Column("phone", "电话 Phone"),
        Column("card", "卡号 Card"),
        Column("until", "卡有效期到 Card until", is_day=True),
        Column("group", "权限组 Group"),
        Column("plate", "车牌 Plate"),
        Column("plate_until", "车牌有效期到 Plate until", is_day=True),
    ),
    (),
)
EXAMPLES = {
    "resident": (
        ("3", "1", "101", "王芳", "13800001234", "0008165538", "2027-12-31", "", "京A12345", "2027-12-31"),
        ("3", "1", "101", "李强", "", "0008165539", "2027-12-31", "", "", ""),
    )
}
_MOST_NAME = 100


class Known(msgspec.Struct):
    """What is there now in the complex; of a card and a plate in use, whose: None where nobody knows."""

    households: dict[Place, str]
    people: set[tuple[str, str]]  # household, name
    cards: dict[str, str | None]
    plates: dict[str, str | None]
    groups: set[str]


class Change(msgspec.Struct, frozen=True):
    """What becomes of a row: which of household, person, card and plate it adds."""

    number: int
    place: Place
    name: str
    phone: str
    adds: tuple[str, ...]
    card: str
    until: str
    group: str
    plate: str
    plate_until: str


class Plan(msgspec.Struct):
    """All of it. With a fault in it, nothing is written."""

    changes: list[Change]
    faults: list[Fault]

    @property
    def digest(self) -> str:
        """The same for the same plan: what is confirmed is what was shown."""
        return hashlib.sha256(msgspec.json.encode(self.changes)).hexdigest()

    def count(self, what: str) -> int:
        return sum(what in change.adds for change in self.changes)

    @property
    def added(self) -> list[Change]:
        return [change for change in self.changes if change.adds]


def make_plan(book: Book, known: Known, usual: date) -> Plan:
    """Compare a workbook with what is there. ``usual``: until when, where a row does not say. The same again adds
    nothing."""
    planner = _Planner(book, known, usual)
    changes = [planner.change(row) for row in book.rows.get(SHEET.key, [])]
    return Plan([change for change in changes if change is not None], planner.book.faults)


class _Planner:
    """Goes through the rows, and remembers what the ones before have said."""

    def __init__(self, book: Book, known: Known, usual: date) -> None:
        self.book = Book(book.rows, list(book.faults))
        self._known, self._usual = known, usual
        self._homes: set[Place] = set()
        self._people: set[tuple[Place, str]] = set()
        self._cards: dict[str, int] = {}
        self._plates: dict[str, int] = {}

    def change(self, row: Row) -> Change | None:
        """None where a cell of the row is wrong."""
        before = len(self.book.faults)
        self._check_words(row)
        place = (row.get("building"), row.get("unit"), row.get("room"))
        adds = self._home(place, row.get("name"))
        if self._card(row, self._known.households.get(place)):
            adds.append("card")
        if self._plate(row, self._known.households.get(place)):
            adds.append("plate")
        until, plate_until = self._day(row, "until"), self._day(row, "plate_until")
        if len(self.book.faults) > before:
            return None
        said = (row.get("card"), until, row.get("group"), canonical(row.get("plate")), plate_until)
        return Change(row.number, place, row.get("name"), row.get("phone"), tuple(adds), *said)

    def _fault(self, row: Row, key: str, reason: str, value: str = "") -> None:
        self.book.fault(SHEET.title, row.at(key), reason, value or row.get(key))

    def _check_words(self, row: Row) -> None:
        for column in SHEET.columns:
            if column.is_required and not row.get(column.key):
                self._fault(row, column.key, "empty")
            elif len(row.get(column.key)) > _MOST_NAME:
                self._fault(row, column.key, "too_long")
        if row.get("group") and row.get("group") not in self._known.groups:
            self._fault(row, "group", "no_group")

    def _home(self, place: Place, name: str) -> list[str]:
        adds: list[str] = []
        home = self._known.households.get(place)
        if home is None and place not in self._homes:
            adds.append("household")
        if (home or "", name) not in self._known.people and (place, name) not in self._people:
            adds.append("person")
        self._homes.add(place)
        self._people.add((place, name))
        return adds

    def _card(self, row: Row, home: str | None) -> bool:
        """Whether the row adds a card; one that the household has already is no fault."""
        text, number = row.get("card"), canonical_card(row.get("card"))
        if not text:
            return False
        if not number:
            self._fault(row, "card", "bad_card")
        elif number in self._cards:
            self._fault(row, "card", "twice", f"{text} ({self._cards[number]})")
        elif number in self._known.cards and self._known.cards[number] not in (None, home):
            self._fault(row, "card", "card_taken")
        self._cards.setdefault(number, row.number)
        return number not in self._known.cards or self._known.cards[number] is None

    def _plate(self, row: Row, home: str | None) -> bool:
        text, plate = row.get("plate"), canonical(row.get("plate"))
        if not text:
            return False
        if not plate or len(plate) > 16:
            self._fault(row, "plate", "bad_plate")
        elif plate in self._plates:
            self._fault(row, "plate", "twice", f"{text} ({self._plates[plate]})")
        elif plate in self._known.plates and self._known.plates[plate] not in (None, home):
            self._fault(row, "plate", "plate_taken")
        self._plates.setdefault(plate, row.number)
        return plate not in self._known.plates or self._known.plates[plate] is None

    def _day(self, row: Row, key: str) -> str:
        text = row.get(key)
        if not text:
            return self._usual.isoformat()
        try:
            found = date.fromisoformat(text)
        except ValueError:
            found = None
        if found is None or not 2000 <= found.year <= 2100:
            self._fault(row, key, "bad_day")
        return text

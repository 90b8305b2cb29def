"""What a sheet of devices would add, change and remove, and what in it cannot be, before anything is written."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Sequence
from typing import Any, Literal

import msgspec

from domain.desired_bodies import Device
from server.device_entry import FIELDS, read_entry, texts
from server.device_sheet import SHEET
from server.place_book import Book, Fault, Row

MOST_DEVICES = 5_000
Action = Literal["add", "change", "same", "remove"]


class Change(msgspec.Struct, frozen=True):
    """What becomes of a device. ``number`` is its row in the sheet; 0 for one that the sheet does not name."""

    number: int
    action: Action
    device: Device
    was: Device | None = None

    def differences(self, *, is_english: bool) -> list[tuple[str, str, str]]:
        """Field, what stands there now, what will."""
        if self.was is None:
            return []
        old, new = texts(self.was, is_english=is_english), texts(self.device, is_english=is_english)
        return [(name, old[name], new[name]) for name in FIELDS if old[name] != new[name]]


class Plan(msgspec.Struct):
    """All of it. With a fault in it, nothing is written. ``left``: in the list, not in the sheet, and they stay."""

    changes: list[Change]
    faults: list[Fault]
    wanted: tuple[Device, ...]
    left: int
    is_whole: bool

    @property
    def digest(self) -> str:
        """The same for the same plan: what is confirmed is what was shown, of the list as it was shown."""
        return hashlib.sha256(msgspec.json.encode([self.changes, self.wanted])).hexdigest()

    def count(self, action: Action) -> int:
        return sum(change.action == action for change in self.changes)

    @property
    def shown(self) -> list[Change]:
        """What is removed first: it must not be overlooked."""
        order = {"remove": 0, "change": 1, "add": 2}
        return sorted((one for one in self.changes if one.action != "same"), key=lambda one: order[one.action])


def make_plan(book: Book, listed: Sequence[Device], kinds: Container[str], *, is_whole: bool) -> Plan:
    """Compare a sheet with the list. ``is_whole``: what the sheet does not name is removed, else it stays."""
    planner = _Planner(book, listed, kinds)
    changes = [change for row in book.rows.get(SHEET.key, []) if (change := planner.change(row)) is not None]
    named = planner.named
    left = [device for device in listed if device.id not in named]
    made = {change.device.id: change.device for change in changes}
    kept = [made.pop(device.id, device) for device in listed if device.id in named or not is_whole]
    wanted = (*kept, *made.values())
    if is_whole:
        changes += [Change(0, "remove", device, device) for device in left]
    if len(wanted) > MOST_DEVICES:
        planner.book.fault(SHEET.title, "A1", "too_many_devices", str(len(wanted)))
    return Plan(changes, planner.book.faults, wanted, 0 if is_whole else len(left), is_whole)


class _Planner:
    """Goes through the rows, and remembers what the ones before have named."""

    def __init__(self, book: Book, listed: Sequence[Device], kinds: Container[str]) -> None:
        self.book = Book(book.rows, list(book.faults))
        self._listed, self._kinds = {device.id: device for device in listed}, kinds
        self._rows: dict[str, int] = {}
        self._unread = {fault.cell for fault in book.faults}

    @property
    def named(self) -> Container[str]:
        return self._rows

    def change(self, row: Row) -> Change | None:
        """None where a cell of the row is wrong."""
        identity = row.get("id")
        if identity in self._rows:
            self._fault(row, "id", "twice", f"{identity} ({self._rows[identity]})")
            return None
        if identity:
            self._rows[identity] = row.number
        known = self._listed.get(identity)
        device, wrong = read_entry({name: row.get(name) for name in row.letters}, known, self._kinds)
        for name, reason in wrong:
            if row.at(name) not in self._unread:  # else it was said already what is wrong there
                self._fault(row, name, reason)
        if device is None:
            return None
        action: Action = "add" if known is None else "same" if known == device else "change"
        return Change(row.number, action, device, known)

    def _fault(self, row: Row, key: str, reason: str, value: Any = "") -> None:
        self.book.fault(SHEET.title, row.at(key), reason, value or row.get(key))

"""What lanes must remember over a stop: the passages of cars that may be inside, and what was paid for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

import msgspec

from domain.events import Event, decode_event
from domain.ids import derive, fact_id
from domain.lanes.decide import Paid
from domain.lanes.stays import Stays
from domain.passages import Passage, passage_of
from domain.subjects import ErasureList, forms_in
from domain.tariff import LotTariff
from eventlog.sqlite import SqliteEventLog
from eventlog.sqlite_rows import Statement

SCHEMA = """
CREATE TABLE IF NOT EXISTS lane_passage(id BLOB PRIMARY KEY, plate TEXT NOT NULL, passage BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lane_paid(plate TEXT PRIMARY KEY, paid BLOB NOT NULL) WITHOUT ROWID;
"""
_KEEP = "INSERT OR REPLACE INTO lane_passage(id, plate, passage) VALUES(?, ?, ?)"
_PAID = "INSERT OR REPLACE INTO lane_paid(plate, paid) VALUES(?, ?)"
_FORGET = "DELETE FROM lane_passage WHERE id = ?"
_MONEY = "money"
_LOOK_BACK = 2_000  # records of the log: what a kill left out of the table
_PAID_FOR = timedelta(days=2)
_encode, _decode = msgspec.json.encode, msgspec.json.Decoder(Passage).decode
_decode_paid = msgspec.json.Decoder(Paid).decode


class LaneMemory:
    """Stays and payments, and the statements that make them last."""

    def __init__(self) -> None:
        self.stays = Stays()
        self._paid: dict[str, Paid] = {}
        self._fresh: list[Passage] = []
        self.erasures: ErasureList | None = None

    async def load(self, store: SqliteEventLog) -> None:
        """What the table has, and the newest of the log. Raises LogBroken."""
        rows = await store.query("SELECT passage FROM lane_passage")
        before, self.stays = self.stays, Stays(_decode(row[0]) for row in rows)
        self.stays.sharing, self.stays.window = before.sharing, before.window
        paid = [_decode_paid(row[0]) for row in await store.query("SELECT paid FROM lane_paid")]
        self._paid = {entry.plate: entry for entry in paid}
        await self.look_back(store)

    def remember_for(self, sharing: frozenset[str], lot: LotTariff | None) -> None:
        """Whose stays are remembered longer: of plates that share a place, and of chains of windows."""
        self.stays.sharing = sharing
        self.stays.window = lot.longest_window if lot is not None else timedelta()

    async def look_back(self, store: SqliteEventLog) -> None:
        """Remember the passages among the newest of the log; those that are known stay. Raises LogBroken."""
        for record in await store.read(_MONEY, max(0, await store.head(_MONEY) - _LOOK_BACK), _LOOK_BACK):
            self.note(decode_event(record.body))

    def note(self, event: Event) -> Passage | None:
        """Remember the passage that an event is; None where it is none."""
        if event.time is None and event.recorded_at is None:
            return None
        passage = passage_of(event, _id_of(event))
        if passage is None or self._is_erased(passage.plate, passage.occurred_at):
            return None
        if self.stays.note(passage):
            self._fresh.append(passage)
        return passage

    def paid_for(self, plate: str) -> Paid | None:
        return self._paid.get(plate)

    def pay(self, paid: Paid) -> list[Statement]:
        """Add a payment to what was paid for the same stay."""
        self._paid[paid.plate] = paid = self._with(paid)
        return [(_PAID, [(paid.plate, _encode(paid))])]

    def paying(self, paid: Paid) -> list[Statement]:
        """What ``pay`` will write, before anything goes by it."""
        return [(_PAID, [(paid.plate, _encode(self._with(paid)))])]

    def _with(self, paid: Paid) -> Paid:
        before = self._paid.get(paid.plate)
        if before is None or before.entered_at != paid.entered_at:
            return paid
        return msgspec.structs.replace(paid, fen=before.fen + paid.fen, at=max(before.at, paid.at))

    def fresh(self) -> list[Statement]:
        """What is not in the table yet: to be written with the next record, or by itself."""
        rows = [(passage.id, passage.plate, _encode(passage)) for passage in self._fresh]
        self._fresh = []
        return [(_KEEP, rows)] if rows else []

    def outdated(self, now: datetime) -> list[Statement]:
        """Let go of who has left long ago."""
        rows = [(found,) for found in self.stays.outdated(now)]
        old = [plate for plate, paid in self._paid.items() if paid.at < now - _PAID_FOR and not self._is_inside(plate)]
        for plate in old:
            del self._paid[plate]
        return _deleting(rows, old)

    def erase(self) -> tuple[int, list[Statement]]:
        """Let go of whom the centre's list names: what happened up to its moment, like the log. How many passages
        went, and the statements that do the same on disk."""
        gone = [plate for plate in self.stays.plates() if self._is_erased(plate, self.stays.newest(plate))]
        rows = [(found,) for found in self.stays.forget(gone)]
        for plate in gone:
            self._paid.pop(plate, None)
        self._fresh = [passage for passage in self._fresh if passage.plate not in gone]
        return len(rows), _deleting(rows, gone)

    def _is_erased(self, plate: str, at: datetime | None) -> bool:
        if self.erasures is None or at is None or not plate:
            return False
        return self.erasures.matches(forms_in(plate), at) is not None

    def _is_inside(self, plate: str) -> bool:
        return self.stays.inside(plate) is not None


def _id_of(event: Event) -> bytes:
    return fact_id(event) or derive("passage", event.device, event.occurred_at.isoformat(), event.lane)


def _deleting(rows: list[tuple[bytes]], plates: Collection[str]) -> list[Statement]:
    found: list[Statement] = [(_FORGET, rows)] if rows else []
    return [*found, ("DELETE FROM lane_paid WHERE plate = ?", _singles(plates))] if plates else found


def _singles(plates: Iterable[str]) -> list[tuple[str]]:
    return [(plate,) for plate in plates]

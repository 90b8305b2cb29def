"""Who is inside by what this gateway saw: its passages folded exactly as the centre folds them, bounded."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.parking import Session, fold
from domain.passages import Passage
from domain.tariff.passes import Visit

MAX_PASSAGES = 60_000
KEPT_SHARED = timedelta(days=40)  # of one that shares its place: others are billed by when it was there
KEPT_FOR = timedelta(days=3)  # of a car that has left: plans that look back look at its day
KEPT_CHAINED = timedelta(days=100)  # of one that came again within the window of its last stay, and so on
Interval = tuple[datetime, datetime]


class Stays:
    """Passages by plate. The same passage noted twice counts once."""

    def __init__(self, passages: Iterable[Passage] = ()) -> None:
        self._by_plate: dict[str, dict[bytes, Passage]] = {}
        self.sharing: frozenset[str] = frozenset()  # plates whose places others share
        self.window = timedelta()  # the longest of the tariff: a stay within it of the one before belongs to its chain
        for passage in passages:
            self.note(passage)

    def __len__(self) -> int:
        return sum(map(len, self._by_plate.values()))

    def note(self, passage: Passage) -> bool:
        """Take a passage; whether it was new. One whose plate was not read is nobody's, one without a direction begins
        and ends nothing."""
        if not passage.plate or passage.direction == "unknown":
            return False
        of_plate = self._by_plate.setdefault(passage.plate, {})
        new = passage.id not in of_plate
        of_plate[passage.id] = passage
        return new

    def inside(self, plate: str) -> Session | None:
        """The open stay of a plate."""
        last = self._sessions(plate)[-1:]
        return last[0] if last and last[0].state == "inside" else None

    def earlier(self, plate: str, before: datetime) -> list[Interval]:
        """The stays of a plate that ended before, in order, as the book at the centre gives them."""
        ended = (session for session in self._sessions(plate) if session.state == "exited")
        known = [(one.entered_at, one.exited_at) for one in ended if one.entered_at and one.exited_at]
        return sorted(one for one in known if one[1] <= before)

    def visits(self, plate: str) -> list[Visit]:
        """When a plate was here, and is: stays whose entry was seen, and whose exit was or is to come."""
        known = (one for one in self._sessions(plate) if one.state in ("inside", "exited"))
        return [Visit(one.entered_at, one.exited_at, plate) for one in known if one.entered_at]

    def outdated(self, now: datetime) -> list[bytes]:
        """Let go of passages that decide nothing any more; their ids."""
        gone: list[bytes] = []
        for plate in list(self._by_plate):
            gone += self._thin(plate, now)
        return gone + self._cut()

    def forget(self, plates: Iterable[str]) -> list[bytes]:
        """Let go of plates; the ids of their passages."""
        return [found for plate in plates for found in self._by_plate.pop(plate, {})]

    def newest(self, plate: str) -> datetime | None:
        """When a plate was seen last."""
        return max((passage.occurred_at for passage in self._by_plate.get(plate, {}).values()), default=None)

    def plates(self) -> list[str]:
        """Every plate that is remembered."""
        return list(self._by_plate)

    def _sessions(self, plate: str) -> list[Session]:
        return fold(self._by_plate.get(plate, {}).values()) if plate in self._by_plate else []

    def _thin(self, plate: str, now: datetime) -> list[bytes]:
        """The passages of stays that ended long ago."""
        gone = [found for session in self._ended_long_ago(plate, now) for found in session.passage_ids]
        for found in gone:
            del self._by_plate[plate][found]
        if not self._by_plate[plate]:
            del self._by_plate[plate]
        return gone

    def _ended_long_ago(self, plate: str, now: datetime) -> list[Session]:
        """From where a chain of windows is broken backwards: what lies before it changes no fee any more."""
        kept_for, following = KEPT_SHARED if plate in self.sharing else KEPT_FOR, now
        gone: list[Session] = []
        for session in reversed(self._sessions(plate)):
            left = session.exited_at or session.key[0]
            chained = not gone and following - left < self.window and left >= now - KEPT_CHAINED
            if session.state == "inside" or left >= now - kept_for or chained:
                following = session.entered_at or session.key[0]
            else:
                gone.append(session)
        return gone

    def _cut(self) -> list[bytes]:
        """The oldest beyond the bound."""
        over = len(self) - MAX_PASSAGES
        if over <= 0:
            return []
        oldest = sorted((p for of in self._by_plate.values() for p in of.values()), key=lambda p: p.key)[:over]
        for passage in oldest:
            del self._by_plate[passage.plate][passage.id]
        return [passage.id for passage in oldest]

"""What people say of passages: kept, folded again for the screens and for the book, and audited, in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.corrections import AUTOMATIC, BadCorrection, Correction, checked
from domain.doubts import compared
from domain.parking import Candidate, sure_match
from domain.plates import COLORS, PlateColor
from server.audit import Actor, Subject, record
from server.books.charges import Charges
from server.projections.parking import Parking
from server.rounds import look_every
from server.store import corrections, doubt_views, lane_watermarks
from server.store.corrections import Key, Word
from server.store.doubt_views import DoubtView
from server.store.engine import Database, unstamp

LOOK_EVERY_S = 15.0
_AT_ONCE, _MOST_LOOKED = 2_000, 50_000
_TICK = timedelta(milliseconds=1)  # what the tables tell apart
_MACHINE = Actor(AUTOMATIC, AUTOMATIC)


class Corrections:
    """Says something of a passage, takes it back, and joins by itself what is beyond doubt."""

    def __init__(self, db: Database, book: Callable[[], Charges], now: Callable[[], datetime]) -> None:
        self._db, self._book, self._now, self._parking = db, book, now, Parking()
        self._looked: set[Key] = set()  # at these it looked, and is not sure

    async def say(self, complex_id: str, one: Correction, by: Actor, reason: str) -> None:
        """Keep it, and fold again in the complex's turn: no reader is in between. Raises BadCorrection."""
        async with self._db.write(complex_id) as connection:
            passage = await doubt_views.passage(connection, complex_id, one.passage)
            if passage is None and not await doubt_views.is_alarm(connection, complex_id, one.passage):
                raise BadCorrection("gone", "there is no such passage")
            await self._keep(connection, complex_id, checked(one, passage), by, Word(by.who, reason))

    async def undo(self, complex_id: str, identity: str, key: str, by: Actor, reason: str) -> bytes:
        """Take a correction back by another row; of which passage it was. Raises BadCorrection."""
        async with self._db.write(complex_id) as connection:
            row = await corrections.one(connection, complex_id, identity)
            if row is None or row["what"] == "undo":
                raise BadCorrection("gone", "there is no such correction")
            at = max(self._now(), unstamp(row["at"]) + _TICK)  # said after what it undoes, whatever clocks say
            undo = Correction(id=key, passage=row["passage"], what="undo", at=at, undoes=identity)
            await self._keep(connection, complex_id, undo, by, Word(by.who, reason))
            return undo.passage

    async def _keep(self, connection: AsyncConnection, complex_id: str, one: Correction, by: Actor, word: Word) -> None:
        if not await corrections.add(connection, complex_id, one, word):
            return
        keys = [(complex_id, one.passage)]
        await self._parking.recorrect(connection, keys)
        await self._book().recorrect(connection, keys)
        on, details = Subject("passage", one.passage.hex()), {"what": one.what, "undoes": one.undoes or None}
        action = "passage.undone" if one.what == "undo" else "passage.corrected"
        record(connection, by, action, self._now(), on=on, complex_id=complex_id, reason=word.reason, details=details)

    async def join_sure(self) -> int:
        """Join exits whose plate was misread with the one car inside that they can only be; how many.

        Only where every gateway of the complex has told of its lanes up to then: what comes later may be another car
        that is as near. And only once: where a person took it back, or said anything, it is theirs.
        """
        async with self._db.read() as connection:
            found = await doubt_views.unmatched(connection, _AT_ONCE)
            waiting = [one for one in found if one.key not in self._looked]
            stand = await lane_watermarks.stands(connection, {one.complex for one in waiting})
        told = [one for one in waiting if not stand[one.complex].is_provisional(one.occurred_at)]
        if len(self._looked) > _MOST_LOOKED:
            self._looked.clear()
        self._looked.update(one.key for one in told)
        return sum([await self._join(one) for one in told])

    async def _join(self, seen: DoubtView) -> bool:
        async with self._db.read() as connection:  # most are not sure: nobody waits for that
            if await self._match(connection, seen) is None:
                return False
        async with self._db.write(seen.complex, rank="last") as connection:
            if (found := await self._match(connection, seen)) is None:
                return False
            await self._keep(connection, seen.complex, self._joining(seen, found), _MACHINE, _explained(seen, found))
        return True

    async def _match(self, connection: AsyncConnection, seen: DoubtView) -> Candidate | None:
        inside = await doubt_views.inside_at(connection, seen.complex, seen.occurred_at)
        found = sure_match(seen.plate, _color(seen.plate_color), inside)
        said = found is not None and await corrections.of(connection, [(seen.complex, seen.passage)])
        return None if said else found

    def _joining(self, seen: DoubtView, found: Candidate) -> Correction:
        identity = f"join-{seen.passage.hex()}"
        plate = found.session.plate
        return Correction(id=identity, passage=seen.passage, what="plate", at=self._now(), plate=plate)

    async def run(self) -> None:
        """Join now and then, until cancelled."""
        await look_every(LOOK_EVERY_S, "joins", self.join_sure)


def _color(text: str) -> PlateColor:
    return text if text in COLORS else "unknown"


def _explained(seen: DoubtView, found: Candidate) -> Word:
    pieces = [
        {"text": one.text, "read": one.other, "how": one.how} for one in compared(seen.plate, found.session.plate)
    ]
    why: dict[str, Any] = {"distance": found.distance, "session": found.session.id.decode(), "pieces": pieces}
    why |= {"read": seen.plate, "plate": found.session.plate, "color": seen.plate_color}
    return Word(AUTOMATIC, "the only car inside that it can be, and of the same colour", why)

"""What time alone brings: the next person, the next level, a change of shift, an end. One process does it at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.words import RECENT_WITHIN
from domain.duty.acts import Expire
from domain.duty.state import State, Step
from server.cells import moves
from server.duty.duties import Duties, Machine
from server.duty.ladder import changed
from server.duty.spots import Spots
from server.rounds import look_every
from server.rule_book import RuleBook
from server.store import delivery_rows, duty_alerts, duty_rows, silence_rows
from server.store.duty_rows import Matter, Moved
from server.store.engine import Database, stamp
from server.store.live_rows import announce_all

LOOK_EVERY_S = 1.0
_AT_ONCE = 200
_MOST_MOVES = 20  # of one matter in one look: a bound, not a rule
_AGAIN_EVERY = 15  # looks: so often what was muted is judged anew
_MAY_RING_LATER = frozenset({"silenced", "cooldown"})


class Climber:
    """Moves what is due, a complex at a time, each in its turn."""

    def __init__(
        self,
        db: Database,
        duties: Duties,
        now: Callable[[], datetime],
        ring: Callable[[], None],
    ) -> None:
        self._db, self._duties, self._now, self._ring, self._book = db, duties, now, ring, RuleBook()
        self._looks, self._looked_at = 0, now()

    async def run(self) -> None:
        """Look every second, until cancelled."""
        await look_every(LOOK_EVERY_S, "duty", self.look)

    async def look(self) -> int:
        """Everything that is due now; how many matters moved."""
        now = self._now()
        async with self._db.read(at_once=True) as connection:
            away = await moves.away(connection)  # nobody writes for those
            complexes = [one for one in await duty_rows.due_in(connection, now) if one not in away]
            is_heard_again = await silence_rows.is_one_over(connection, min(self._looked_at, now), now)
        moved = 0
        for complex_id in complexes:
            moved += await self._climb(complex_id)
        if is_heard_again or self._looks % _AGAIN_EVERY == 0:
            moved += await self.look_again()
        self._looks, self._looked_at = self._looks + 1, now
        return moved

    async def look_again(self) -> int:
        """What did not ring, for a silence or because something was just told, may ring now that this is over."""
        async with self._db.write(at_once=True) as connection:
            await delivery_rows.look_again(connection, self._now() - RECENT_WITHIN)
        async with self._db.read(at_once=True) as connection:
            away = await moves.away(connection)
            muted = await duty_alerts.muted_spots(connection, _MAY_RING_LATER, self._now() - RECENT_WITHIN)
        moved = 0
        for complex_id in sorted({spot.complex for spot in muted} - set(away)):
            async with self._db.write(complex_id, at_once=True) as connection:
                rules = await self._book.at(connection, complex_id, self._now())
                spots = Spots(connection, self._duties, rules.known, self._now())
                moved += len(await spots.look(complex_id, (), {spot for spot in muted if spot.complex == complex_id}))
                await announce_all(connection, "alert", spots.judged, stamp(self._now()))
            self._ring()
        return moved

    async def _climb(self, complex_id: str) -> int:
        moved = 0
        while True:
            async with self._db.write(complex_id, at_once=True) as connection:
                due = await duty_rows.due_of(connection, complex_id, self._now(), _AT_ONCE)
                moved += await self._move_all(connection, complex_id, due)
            self._ring()
            if len(due) < _AT_ONCE:
                return moved

    async def _move_all(self, connection: AsyncConnection, complex_id: str, due: list[Matter]) -> int:
        now = self._now()
        machine = await self._duties.of(connection, complex_id)
        moved = [await self._move(connection, machine, matter, now) for matter in due]
        await duty_rows.keep(connection, moved, now)
        really = [after for after, before in zip(moved, due, strict=True) if after.matter != before]
        await announce_all(connection, "alert", changed(really), stamp(now))
        return len(really)

    async def _move(self, connection: AsyncConnection, machine: Machine, matter: Matter, now: datetime) -> Moved:
        """One move after another until none is due; nobody is asked about what is over already."""
        state, steps = matter.state, list[Step]()
        if (why := await self._is_over(connection, state)) is not None:
            return machine.moved(matter, machine.duty.apply(state, why, now)[0], now)
        for _ in range(_MOST_MOVES):
            after, told = machine.duty.due(state, now)
            if after == state:
                break
            state, steps = after, [*steps, *told]
        return machine.moved(matter, state, now, steps=tuple(steps))

    async def _is_over(self, connection: AsyncConnection, state: State) -> Expire | None:
        """Its alerts were closed one by one, or were let go."""
        alerts = [one.alert.id for one in await duty_alerts.of_incident(connection, state.incident)]
        if not alerts:
            return Expire(key=f"retention:{state.revision}", why="retention")
        handled = await duty_alerts.handled(connection, alerts)
        return Expire(key=f"cleared:{state.revision}", why="cleared") if handled.done >= set(alerts) else None

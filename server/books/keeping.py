"""What the ledger has to be reminded of: charges from before it, debts of cars that left, days of passes gone by,
passes entered late, and what gateways must know of coupons."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from server.books.catching_up import catch_up
from server.books.coupons import tell
from server.books.debts import sweep
from server.books.pass_income import earn
from server.rounds import look_every
from server.store.engine import Database

LOOK_EVERY_S = 20.0
Round = Callable[[Database, datetime], Awaitable[int]]
ROUNDS: Sequence[Round] = (catch_up, sweep, earn, tell)


class Keeper:
    """Looks again and again. What it books is booked once, whoever else looks."""

    def __init__(self, db: Database, now: Callable[[], datetime], more: Sequence[Round] = ()) -> None:
        """``more``: rounds that need more than the database."""
        self._db, self._now, self._rounds = db, now, (*more, *ROUNDS)

    async def run(self) -> None:
        """Until cancelled."""
        await look_every(LOOK_EVERY_S, "ledger", self.look)

    async def look(self) -> int:
        """One round of each; how much was booked."""
        return sum([await one(self._db, self._now()) for one in self._rounds])

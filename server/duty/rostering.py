"""Changes of a rota: each gives the rota after it, or says why it cannot be."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import msgspec

from domain.duty.plan import BadPlan, Level
from domain.duty.rota import Rota, Swap, Turn, read_rota
from domain.places import Place
from server.duty.week import Shift, week_of

KEEP_SWAPS = timedelta(days=7)


class NotPossible(Exception):
    """A change that cannot be; ``reason`` names it for the page."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def added(rota: Rota, turn: dict[str, object], people: Collection[str]) -> Rota:
    """With one more turn. Raises NotPossible."""
    if turn.get("person") not in people:
        raise NotPossible("nobody", "whoever is on duty needs an account that reaches the complex, of the level's role")
    said = msgspec.to_builtins(rota)
    try:
        return read_rota({**said, "turns": [*said["turns"], turn]})
    except BadPlan as error:
        raise NotPossible("bad_hours", str(error)) from error


def removed(rota: Rota, index: int) -> Rota:
    """Without a turn. Raises NotPossible."""
    if not 0 <= index < len(rota.turns):
        raise NotPossible("no_turn", "there is no such turn; load the page again")
    turns = tuple(turn for number, turn in enumerate(rota.turns) if number != index)
    return msgspec.structs.replace(rota, turns=turns)


def swapped(rota: Rota, shift: Shift, instead: str, people: Collection[str], now: datetime) -> Rota:
    """Somebody else comes for one shift; who gave it away gets it back by taking it. Raises NotPossible."""
    turn = rota.turns[shift.turn]
    if shift.until <= now:
        raise NotPossible("over", "this shift is over")
    if instead and instead not in people:
        raise NotPossible("nobody", "whoever is on duty needs an account that reaches the complex, of the level's role")
    swap = Swap(turn.person, instead, shift.since, shift.until)
    kept = [
        one
        for one in rota.swaps
        if one.until > now - KEEP_SWAPS and (one.person, one.since, one.until) != (swap.person, swap.since, swap.until)
    ]
    new = [] if instead == turn.person else [swap]
    return msgspec.structs.replace(rota, swaps=(*kept, *new))


def shift_of(rota: Rota, place: Place, index: int, since: datetime) -> Shift:
    """A turn's shift that begins then. Raises NotPossible."""
    day = since.astimezone(place.zone).date()
    for level in week_of(rota, place, day):
        for shift in level.days[0].shifts:
            if (shift.turn, shift.since) == (index, since):
                return shift
    raise NotPossible("no_turn", "there is no such shift; load the page again")


def level_of(rota: Rota, index: int) -> Level:
    """Of a turn. Raises NotPossible."""
    if not 0 <= index < len(rota.turns):
        raise NotPossible("no_turn", "there is no such turn; load the page again")
    return rota.turns[index].level


def words_of(turn: Turn) -> str:
    """A turn in a line of the history."""
    return f"{turn.person} {turn.hours}"

"""What figures ask of a matter, told from its state, so that a sum over many matters opens none of them."""

from __future__ import annotations

from datetime import datetime

from domain.duty.plan import LEVELS
from domain.duty.state import State


def figures(state: State, opened_at: datetime) -> dict[str, str | int | None]:
    """The columns of ``duty_state`` that sums are made of."""
    ended = state.ended
    return {
        "climbed_to": _climbed_to(state),
        "taken_s": _since(opened_at, _taken_at(state)),
        "ended_s": _since(opened_at, None if ended is None else ended.at),
        "ended_why": None if ended is None else ended.why,
    }


def _climbed_to(state: State) -> str | None:
    levels = [one.owner.level for one in state.tenures if one.why == "climbed"]
    return max(levels, key=LEVELS.index, default=None)


def _taken_at(state: State) -> datetime | None:
    """When the first person took it, or ended it; None where nobody has. What was given back was taken."""
    taken = [one.since for one in state.tenures if one.why == "acknowledged"]
    if state.ended is not None and state.ended.why in ("closed", "false"):
        taken.append(state.ended.at)
    return min(taken, default=None)


def _since(opened_at: datetime, at: datetime | None) -> int | None:
    return None if at is None else max(0, int((at - opened_at).total_seconds()))

"""What a matter does next if nobody does anything: by the machine itself, run ahead."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from domain.duty.state import Owner, State
from server.duty.duties import Machine

_MOST_LOOKS = 64


class Next(NamedTuple):
    """When, why, and whose it is then."""

    at: datetime
    why: str
    owner: Owner
    unit: str = ""


def next_move(machine: Machine, state: State, now: datetime) -> Next | None:
    """None where it has ended, or where nothing is in sight."""
    at = now
    for _ in range(_MOST_LOOKS):
        look_at = machine.look_at(state, at)
        if look_at is None:
            return None
        at = max(look_at, at)
        after, steps = machine.duty.due(state, at)
        if after.ended is not None:
            return Next(at, "ended", after.owner)
        if steps:
            return Next(at, steps[0].why, after.owner, steps[0].unit)
        if look_at <= now:
            return None  # a clock that was set back is only noted
    return None

"""What an alert's page says of its matter: who had it, who was called, and how it ended."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from domain.duty.state import State


class Line(NamedTuple):
    """Something that happened on the ladder: ``why`` and ``level`` are our words' names."""

    at: datetime
    why: str
    level: str = ""
    person: str = ""
    unit: str = ""
    words: str = ""


def lines_of(state: State) -> list[Line]:
    """In order of time."""
    lines = [Line(one.since, one.why, one.owner.level, one.owner.person) for one in state.tenures]
    for joint in state.joints:
        lines.append(Line(joint.called_at, "called", unit=joint.unit))
        if joint.reported_at is not None:
            lines.append(Line(joint.reported_at, "reported_in", person=joint.by, unit=joint.unit))
    if state.ended is not None:
        lines.append(Line(state.ended.at, f"ended_{state.ended.why}", person=state.ended.by, words=state.ended.words))
    return sorted(lines, key=lambda line: line.at)

"""From matters to the ladder: a matter that may ring comes onto it, one that grows worse is asked anew, two that turn
out to be one are one there too, and what only follows from something else comes off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from domain.alerts.incidents import Change, Incident
from domain.alerts.ringing import Verdict
from domain.alerts.words import rank
from domain.duty.acts import Expire, Worsen
from domain.duty.machine import Duty, Matter
from domain.duty.state import State, Step

_BY_PEOPLE = frozenset({"closed", "false"})


class Followed(NamedTuple):
    """The states that changed, each under its name, and whom to tell."""

    states: tuple[State, ...]
    steps: tuple[Step, ...] = ()


def follow(duty: Duty, states: Mapping[str, State], change: Change, verdict: Verdict, now: datetime) -> Followed:
    """What a matter that changed does on the ladder, or one whose verdict did and to which nothing was added.

    ``states``: by name, of which those count that came onto the ladder by one of its alerts. Asked again, it changes
    nothing."""
    known = [states[alert.id] for alert in change.incident.alerts if alert.id in states]
    best = _one_of(known)
    if best is None or _is_news(best, change, verdict):
        state, steps = _opened(duty, states, change.incident, verdict, now)
    else:
        state, steps = _went_on(duty, best, verdict, now)
    others = [one for one in known if one.status != "ended" and one is not best]
    joined = [duty.apply(one, _expired(one, "joined"), now)[0] for one in others]
    changed = [] if state is None or state is best else [state]
    return Followed((*changed, *joined), steps)


def _one_of(known: Sequence[State]) -> State | None:
    """Of several that turn out to be one: the worst that goes on, and of those rather the one that somebody has."""
    return max(known, key=lambda one: (one.status != "ended", rank(one.severity), one.status != "open"), default=None)


def _is_news(state: State, change: Change, verdict: Verdict) -> bool:
    """Whether what rings goes beyond what was ended: it then comes onto the ladder anew."""
    if state.ended is None or not verdict.rings or verdict.severity is None:
        return False
    is_new = any(alert.id in verdict.alerts for alert in change.added)
    return is_new and (state.ended.why not in _BY_PEOPLE or rank(verdict.severity) > rank(state.severity))


def _opened(
    duty: Duty, states: Mapping[str, State], incident: Incident, verdict: Verdict, now: datetime
) -> tuple[State | None, tuple[Step, ...]]:
    """On its first rung, where it rings, under the name of an alert that rings."""
    name = next((alert for alert in verdict.alerts if alert not in states), None)
    if not verdict.rings or verdict.severity is None or name is None:
        return None, ()
    spot = incident.spot
    return duty.opened(Matter(name, spot.complex, spot.category, verdict.severity), now)


def _went_on(duty: Duty, state: State, verdict: Verdict, now: datetime) -> tuple[State, tuple[Step, ...]]:
    """What follows from something else and nobody has taken comes off; what grew worse is asked anew."""
    if state.status == "open" and verdict.why == "inhibited":
        return duty.apply(state, _expired(state, "inhibited"), now)
    is_worse = verdict.severity is not None and rank(verdict.severity) > rank(state.severity)
    if state.status != "ended" and verdict.rings and is_worse and verdict.severity is not None:
        key = f"worse:{verdict.severity}:{state.revision}"
        return duty.apply(state, Worsen(key=key, severity=verdict.severity), now)
    return state, ()


def _expired(state: State, why: Literal["joined", "inhibited"]) -> Expire:
    return Expire(key=f"{why}:{state.revision}", why=why)

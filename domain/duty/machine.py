"""The ladder as a machine: a state, an act, the state after it, and who is to be told."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from domain.alerts.words import Category, Severity, rank
from domain.duty import acts
from domain.duty.acts import Act, NotPossible
from domain.duty.asking import Asking, Moved, ended, replace, revised, told
from domain.duty.plan import Plan
from domain.duty.rota import Rota
from domain.duty.state import MOST_KEYS, Joint, Owner, State
from domain.places import Place


class Matter(msgspec.Struct, frozen=True):
    """What comes onto the ladder."""

    incident: str
    complex: str
    category: Category
    severity: Severity


class Duty:
    """``opened``, ``apply`` and ``due`` are all there is to it: pure, they remember nothing. The state and its steps
    are kept in one transaction; each step is held against the state by ``state.may_send`` when it is sent."""

    def __init__(self, plan: Plan, rota: Rota, place: Place) -> None:
        self._asking = Asking(plan, rota, place)

    def opened(self, matter: Matter, now: datetime) -> Moved:
        """A matter comes onto its first rung."""
        state = State(**msgspec.structs.asdict(matter), tenures=(), rung_at=now, asked_at=now, due_at=now)
        return self._asking.ask_rung(state, 0, "opened", now)

    def due(self, state: State, now: datetime) -> Moved:
        """What time alone brings: the next person, the next level, a change of shift, an end. One move a call; none is
        due where the state comes back as it was and nobody is told."""
        return self._asking.due(state, now)

    def next_at(self, state: State, now: datetime) -> datetime | None:
        """When to ask again what is due, once it is nothing; None where nothing will be."""
        return self._asking.next_at(state, now)

    def apply(self, state: State, act: Act, now: datetime) -> Moved:
        """The state after an act, and who is to be told. Raises NotPossible; an act that was done changes nothing."""
        if act.key in state.keys:
            return state, ()
        if state.status == "ended":
            raise NotPossible("this has ended; if it goes on, it comes anew")
        after, steps = self._done(state, act, now)
        return replace(after, keys=(*after.keys, act.key)[-MOST_KEYS:]), steps

    def _done(self, state: State, act: Act, now: datetime) -> Moved:
        match act:
            case acts.Acknowledge():
                return self._acknowledge(state, act, now)
            case acts.Undo():
                return self._undo(state, act, now)
            case acts.HandOver():
                return self._hand_over(state, act, now)
            case acts.Call():
                return _call(state, act, now)
            case acts.ReportIn():
                return _report_in(state, act, now), ()
            case acts.Close():
                return ended(state, "false" if act.is_false else "closed", now, act.by, act.words), ()
            case acts.Worsen():
                return self._worsen(state, act, now)
            case acts.Expire():
                return ended(state, act.why, now), ()

    def _acknowledge(self, state: State, act: acts.Acknowledge, now: datetime) -> Moved:
        """Somebody has taken it: every step until now is void, and no other comes of itself."""
        if state.status == "acknowledged":
            if state.owner.person == act.by:
                return state, ()
            raise NotPossible(f"{state.owner.person or state.owner.level} has it; ask them to hand it over")
        taken = self._asking.given(revised(state), Owner(act.level, act.by), "acknowledged", now)
        return replace(taken, status="acknowledged"), ()

    def _undo(self, state: State, act: acts.Undo, now: datetime) -> Moved:
        """Back to who was asked before, who is told again: what was queued for them is void."""
        last = state.tenures[-1]
        if state.status != "acknowledged" or (last.why, last.owner.person) != ("acknowledged", act.by):
            raise NotPossible("only who took it can give it back; whoever has it now can hand it over")
        before = state.tenures[-2].owner
        open_again = replace(revised(state), status="open", rung_at=now, asked=(), at_top=False)
        return self._asking.ask(open_again, before, "undone", now)

    def _hand_over(self, state: State, act: acts.HandOver, now: datetime) -> Moved:
        if act.to == state.owner:
            raise NotPossible("it is theirs already; name somebody else")
        rung = self._asking.plan.ladder(state.category).rung_of(act.to.level)
        if rung is None:
            raise NotPossible(f"{act.to.level} is not on the ladder of {state.category}; name another level")
        open_again = replace(revised(state), status="open", rung=rung, rung_at=now, asked=(), at_top=False)
        if not act.to.person:
            return self._asking.ask_rung(open_again, rung, "handed_over", now)
        return self._asking.ask(open_again, act.to, "handed_over", now)

    def _worsen(self, state: State, act: acts.Worsen, now: datetime) -> Moved:
        """Who has it is asked anew: they took something milder."""
        if rank(act.severity) <= rank(state.severity):
            return state, ()
        worse = replace(revised(state), severity=act.severity, status="open", rung_at=now, asked=(), at_top=False)
        return self._asking.ask(worse, state.owner, "worse", now)


def _call(state: State, act: acts.Call, now: datetime) -> Moved:
    if any(one.unit == act.unit for one in state.joints):
        raise NotPossible(f"{act.unit} is called already; telephone, or call another unit")
    joint = Joint(act.unit, now, now + timedelta(seconds=act.within_s))
    return told(replace(state, joints=(*state.joints, joint)), "called", now, unit=act.unit)


def _report_in(state: State, act: acts.ReportIn, now: datetime) -> State:
    """The first word of it counts: a time that was written down is not written over."""
    if all(one.unit != act.unit for one in state.joints):
        raise NotPossible(f"{act.unit} was not called; call it first")
    joints = tuple(
        replace(one, reported_at=now, by=act.by) if one.unit == act.unit and one.reported_at is None else one
        for one in state.joints
    )
    return replace(state, joints=joints)

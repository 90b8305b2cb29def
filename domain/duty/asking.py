"""Who is asked next, and until when: the moves that a matter makes by itself as time passes."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from domain.duty.hours import end_of_wait
from domain.duty.plan import EMERGENCY, Ladder, Plan, Rung
from domain.duty.rota import Rota
from domain.duty.state import Ended, EndedBy, Joint, Owner, State, Step, StepWhy, Tenure, Why
from domain.places import Place

Moved = tuple[State, tuple[Step, ...]]
replace = msgspec.structs.replace


class Asking:
    """A plan and a rota at a place: pure, they remember nothing."""

    def __init__(self, plan: Plan, rota: Rota, place: Place) -> None:
        self.plan, self.rota, self.place = plan, rota, place

    def due(self, state: State, now: datetime) -> Moved:
        """One move at most, counted from when it is made: after an outage nobody is passed over."""
        if state.status == "ended":
            return state, ()
        state = _turned_back(state, now)
        if (late := _late_joint(state, now)) is not None:
            joints = tuple(replace(one, is_overdue=True) if one is late else one for one in state.joints)
            return told(replace(state, joints=joints), "not_reported", now, unit=late.unit)
        if (relief := self._relief(state, now)) is not None:
            return self._relieve(state, relief, now)
        return self._climb(state, now) if state.status == "open" and state.due_at <= now else (state, ())

    def next_at(self, state: State, now: datetime) -> datetime | None:
        """Before then nothing is due, as long as nobody acts and the clock is not set back; None: never."""
        if state.status == "ended":
            return None
        waits = [one.due_at for one in state.joints if not one.reported_at and not one.is_overdue]
        waits += [state.due_at] if state.status == "open" else []
        change = self.rota.next_change(now, self.place)
        return min([*waits, *([change] if change else [])], default=None)

    def ask_rung(self, state: State, rung: int, why: Why, now: datetime) -> Moved:
        """The first on duty at a rung, or its desk."""
        state = replace(state, rung=rung, rung_at=now, asked=(), at_top=False)
        return self.ask(state, self._owner_at(state, now), why, now)

    def ask(self, state: State, owner: Owner, why: Why, now: datetime) -> Moved:
        """It is the owner's now, who is told; the time for the answer begins."""
        state = self.given(state, owner, why, now)
        state = replace(state, asked=(*state.asked, owner.person), asked_at=now)
        return told(replace(state, due_at=self._deadline(state, now)), why, now)

    def _climb(self, state: State, now: datetime) -> Moved:
        """To the next person, the next level, the top, and at last to the end."""
        rung = state.rung + 1
        if (person := self._next_person(state, now)) is not None and now < self._level_ends(state):
            return self.ask(state, Owner(self._rung(state).level, person), "next_person", now)
        if self._has_time_left(state, now):  # whoever might have been next is no longer on duty
            return replace(state, due_at=self._level_ends(state)), ()
        if rung < len(self._ladder(state).rungs):
            return self.ask_rung(state, rung, "climbed", now)
        if state.at_top:
            return ended(state, "unanswered", now), ()
        expires = now + timedelta(seconds=self._ladder(state).expire_s)
        return told(replace(state, at_top=True, asked_at=now, due_at=expires), "unanswered", now)

    def _has_time_left(self, state: State, now: datetime) -> bool:
        return state.severity == EMERGENCY and not state.at_top and now < self._level_ends(state)

    def given(self, state: State, owner: Owner, why: Why, now: datetime) -> State:
        """It is another's from now on. The tenure before ends where the new one begins: one is open at any time."""
        by_rota = owner.person == "" or owner.person in self._on_duty(owner, now)
        if not state.tenures:
            return replace(state, tenures=(Tenure(owner, now, why, by_rota),))
        *before, last = state.tenures
        at = max(now, last.since)  # a clock that was set back makes no tenure of less than nothing
        return replace(state, tenures=(*before, replace(last, until=at), Tenure(owner, at, why, by_rota)))

    def _relief(self, state: State, now: datetime) -> Owner | None:
        """Who takes over by the rota; None where the owner stays. Whoever was not on duty when it became theirs keeps
        it: they took it themselves, or were given it."""
        owner, persons = state.owner, self._on_duty(state.owner, now)
        if not state.tenures[-1].by_rota or owner.person in persons or not (persons or owner.person):
            return None
        return Owner(owner.level, persons[0] if persons else "")

    def _relieve(self, state: State, owner: Owner, now: datetime) -> Moved:
        """What was taken stays taken, by the next shift; what is open goes on being asked, its time running."""
        state = self.given(revised(state), owner, "shift_change", now)
        return told(replace(state, asked=(*state.asked, owner.person)), "shift_change", now)

    def _on_duty(self, owner: Owner, now: datetime) -> tuple[str, ...]:
        return self.rota.on_duty(owner.level, now, self.place)

    def _owner_at(self, state: State, now: datetime) -> Owner:
        desk = Owner(self._rung(state).level)
        return Owner(desk.level, next(iter(self._on_duty(desk, now)), ""))

    def _next_person(self, state: State, now: datetime) -> str | None:
        """In an emergency, somebody at this level who has not been asked."""
        if state.severity != EMERGENCY or state.at_top:
            return None
        persons = self._on_duty(Owner(self._rung(state).level), now)
        return next((person for person in persons if person not in state.asked), None)

    def _deadline(self, state: State, now: datetime) -> datetime:
        ends = self._level_ends(state)
        if self._next_person(state, now) is None:
            return ends
        return min(ends, now + timedelta(seconds=self._ladder(state).person_s))

    def _level_ends(self, state: State) -> datetime:
        if state.severity == EMERGENCY:
            return state.rung_at + timedelta(seconds=self._ladder(state).level_s)
        rung = self._rung(state)
        return end_of_wait(state.rung_at, getattr(rung.waits, state.severity), rung.hours, self.place)

    def _ladder(self, state: State) -> Ladder:
        return self.plan.ladder(state.category)

    def _rung(self, state: State) -> Rung:
        rungs = self._ladder(state).rungs
        return rungs[min(state.rung, len(rungs) - 1)]  # a plan may have become shorter


def revised(state: State) -> State:
    """Who has to act has changed: every step until now is void."""
    return replace(state, revision=state.revision + 1)


def told(state: State, why: StepWhy, now: datetime, *, unit: str = "") -> Moved:
    """The owner is to be told, or a unit that is called."""
    state = replace(state, told=state.told + 1)
    return state, (Step(state.incident, state.revision, state.told, state.owner, why, now, unit),)


def _late_joint(state: State, now: datetime) -> Joint | None:
    """A unit that was called, has not reported in by its time, and of which the owner has not been told."""
    waits = (one for one in state.joints if not one.reported_at and not one.is_overdue)
    return next((one for one in waits if one.due_at <= now), None)


def ended(state: State, why: EndedBy, now: datetime, by: str = "", words: str = "") -> State:
    """Nothing more is to be done; whose it was last stays written, and closed."""
    *before, last = state.tenures
    closed = (*before, replace(last, until=max(now, last.since)))
    return replace(revised(state), status="ended", tenures=closed, ended=Ended(now, why, by, words))


def _turned_back(state: State, now: datetime) -> State:
    """The clock was set back before the last move: what waits is moved with it, and stands still no longer."""
    back = state.asked_at - now
    if back <= timedelta():
        return state
    joints = tuple(replace(one, called_at=one.called_at - back, due_at=one.due_at - back) for one in state.joints)
    moved = {"rung_at": state.rung_at - back, "asked_at": now, "due_at": state.due_at - back}
    return replace(state, **moved, joints=joints)

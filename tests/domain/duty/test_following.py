"""From alerts to the ladder as a machine of states: one matter on it per cause, and all that does not ring by name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from domain.alerts.incidents import Change, Incident, Spot, changes, cut_of, incidents
from domain.alerts.inhibition import inhibited
from domain.alerts.ringing import Known, Sent, Verdict, verdict
from domain.alerts.rules import Inhibition
from domain.alerts.words import Alert
from domain.duty import following
from domain.duty.acts import Acknowledge, Close
from domain.duty.following import Followed
from domain.duty.machine import Duty
from domain.duty.plan import BUILT_IN
from domain.duty.state import State, decode_state, encode_state
from tests.domain.alerts.told import NOON, told
from tests.domain.duty.ladder_rig import PLACE, ROTA

FIRE = Inhibition(by=("alarm_fire",), of=("door_forced",))
SORTS: dict[str, dict[str, Any]] = {
    "door_forced": {"severity": "critical", "category": "security"},
    "door_held_open": {"severity": "medium", "category": "security"},
    "person_at_night": {"severity": "high", "category": "security", "device": "frigate:1", "looks": 2},
    "alarm_fire": {"severity": "critical", "category": "fire", "device": "z2m:1"},
}


class MattersMachine(RuleBasedStateMachine):
    """What the server will do, with everything in memory."""

    follow = staticmethod(following.follow)

    def __init__(self) -> None:
        super().__init__()
        self.now, self.duty = NOON, Duty(BUILT_IN, ROTA, PLACE)
        self.alerts: list[Alert] = []
        self.closed: dict[Spot, list[Any]] = {}
        self.states: dict[str, State] = {}
        self.sent: list[Sent] = []

    @rule(sort=st.sampled_from(sorted(SORTS)), place=st.sampled_from(["gate", "yard"]), ago=st.integers(-5, 700))
    def an_alert_comes(self, sort: str, place: str, ago: int) -> None:
        at = self.now - timedelta(seconds=ago)
        lateness = "live" if ago <= 60 else "recent"
        name = f"{sort}/{place}/{at.isoformat()}"
        self._learn(told(name, rule=sort, place=place, occurred_at=at, lateness=lateness, reach_s=200, **SORTS[sort]))

    @rule(at=st.integers(0, 50))
    def an_alert_comes_twice(self, at: int) -> None:
        if self.alerts:
            before = dict(self.states)
            self._learn(self.alerts[at % len(self.alerts)])
            assert self.states == before

    @rule(place=st.sampled_from(["gate", "yard"]), take=st.booleans())
    def two_matters_turn_out_to_be_one(self, place: str, take: bool) -> None:
        for pause in (300, 300):
            self.time_passes(pause)
            self.an_alert_comes("door_forced", place, 0)
            if take:
                self.somebody_acts(0, is_closed=False)
        self.an_alert_comes("door_held_open", place, 150)

    @rule(seconds=st.sampled_from([2, 61, 190, 700, 4_000, -30]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        for one in self._matters():
            self._followed(Change(one, (one.id,), ()))
        for name, state in self.states.items():
            self.states[name] = self.duty.due(state, self.now)[0]

    @rule(at=st.integers(0, 20), is_closed=st.booleans())
    def somebody_acts(self, at: int, is_closed: bool) -> None:
        running = [state for state in self.states.values() if state.status == "open" or is_closed]
        running = [state for state in running if state.status != "ended"]
        if running:
            self._done(running[at % len(running)], is_closed=is_closed)

    @rule()
    def the_server_starts_again(self) -> None:
        self.states = {name: decode_state(encode_state(state)) for name, state in self.states.items()}
        self.alerts = list(reversed(self.alerts))

    @invariant()
    def one_cause_is_one_matter_on_the_ladder(self) -> None:
        running = [name for name, state in self.states.items() if state.status != "ended"]
        for one in self._matters():
            mine = [alert.id for alert in one.alerts if alert.id in running]
            assert len(mine) <= 1, f"on the ladder more than once: {mine}"
            running = [name for name in running if name not in mine]
        assert running == []

    @invariant()
    def what_rings_is_on_the_ladder_and_asking_again_changes_nothing(self) -> None:
        for one in self._matters():
            said = self._verdict(one)
            assert self.follow(self.duty, self.states, Change(one, (one.id,), ()), said, self.now) == Followed(())
            assert not said.rings or any(alert.id in self.states for alert in one.alerts)

    def _learn(self, alert: Alert) -> None:
        before = self._matters()
        self.alerts.append(alert)
        for change in changes(before, self._matters()):
            self._followed(change)
        # What inhibits stands at another spot than what it inhibits.
        for one in self._matters():
            self._followed(Change(one, (one.id,), ()))

    def _followed(self, change: Change) -> None:
        found = self.follow(self.duty, self.states, change, self._verdict(change.incident), self.now)
        self.states |= {state.incident: state for state in found.states}
        self.sent += [Sent(change.incident.spot, "high", step.at) for step in found.steps]

    def _done(self, state: State, *, is_closed: bool) -> None:
        key = f"{state.incident}/{self.now.isoformat()}/{state.revision}"
        act = Close(key=key, by="wang") if is_closed else Acknowledge(key=key, by="wang", level="complex")
        if is_closed:
            (one,) = [one for one in self._matters() if any(alert.id == state.incident for alert in one.alerts)]
            self.closed.setdefault(one.spot, []).append(cut_of(one, self.now))
        self.states[state.incident] = self.duty.apply(state, act, self.now)[0]

    def _matters(self) -> tuple[Incident, ...]:
        return incidents(self.alerts, self.closed)

    def _verdict(self, one: Incident) -> Verdict:
        return verdict(one, Known(inhibited=inhibited(self.alerts, [FIRE]), sent=self.sent), self.now)


_QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much]


def test_matters_and_the_ladder() -> None:
    thorough = settings(max_examples=30, stateful_step_count=15, deadline=None, suppress_health_check=_QUIET)
    run_state_machine_as_test(MattersMachine, settings=thorough)


def _forgets_to_join(*asked: Any) -> Followed:
    """Two matters turn out to be one, and both stay on the ladder."""
    found = following.follow(*asked)
    return Followed(tuple(one for one in found.states if not one.ended or one.ended.why != "joined"), found.steps)


def test_a_ladder_that_forgets_to_join_is_caught() -> None:
    broken: Any = type("Broken", (MattersMachine,), {"follow": staticmethod(_forgets_to_join)})
    searching = settings(
        max_examples=60,
        stateful_step_count=10,
        deadline=None,
        phases=[Phase.generate],
        derandomize=True,
        suppress_health_check=_QUIET,
    )
    with pytest.raises(AssertionError, match="more than once"):
        run_state_machine_as_test(broken, settings=searching)

"""The ladder as a machine of states, over clocks that jump, restarts and whatever comes twice; and broken ladders, of
which the same machine must say that they are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from domain.duty import acts, asking
from domain.duty.acts import Act
from domain.duty.asking import Moved, replace
from domain.duty.machine import Duty
from domain.duty.plan import BUILT_IN
from domain.duty.state import Owner, State, Tenure, Why
from tests.domain.duty.ladder_rig import PLACE, ROTA, LadderMachine

_QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much]
THOROUGH = settings(max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=_QUIET)
SEARCHING = settings(
    max_examples=300,
    stateful_step_count=30,
    deadline=None,
    phases=[Phase.generate],
    derandomize=True,
    report_multiple_bugs=False,
    suppress_health_check=_QUIET,
)


def test_the_ladder() -> None:
    run_state_machine_as_test(LadderMachine, settings=THOROUGH)


class LeavesQueuedSteps(Duty):
    """Its acknowledgement is kept, and forgets that steps are queued."""

    def apply(self, state: State, act: Act, now: datetime) -> Moved:
        after, steps = super().apply(state, act, now)
        return (replace(after, revision=state.revision) if isinstance(act, acts.Acknowledge) else after), steps


class TwoOwners(asking.Asking):
    """Gives a matter to the next without taking it from the last."""

    def given(self, state: State, owner: Owner, why: Why, now: datetime) -> State:
        return replace(state, tenures=(*state.tenures, Tenure(owner, now, why, by_rota=True)))


class StandsStill(asking.Asking):
    """Waits for a moment that a clock that was set back takes a day to reach again."""

    def due(self, state: State, now: datetime) -> Moved:
        return super().due(state, now) if now >= state.asked_at else (state, ())


def _with(asks: type[asking.Asking]) -> Duty:
    duty = Duty(BUILT_IN, ROTA, PLACE)
    duty._asking = asks(BUILT_IN, ROTA, PLACE)  # pyright: ignore[reportPrivateUsage]
    return duty


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (LeavesQueuedSteps(BUILT_IN, ROTA, PLACE), "was sent after somebody had taken it"),
        (_with(TwoOwners), "owners at once"),
        (_with(StandsStill), "stands still"),
    ],
)
def test_a_broken_ladder_is_caught(broken: Duty, says: str) -> None:
    machine: Any = type("Broken", (LadderMachine,), {"duty": broken})
    with pytest.raises(AssertionError, match=says):
        run_state_machine_as_test(machine, settings=SEARCHING)

"""Two that keep the same pace take the same frames: who is shown few loses none of those it would have taken."""

from __future__ import annotations

from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.vision.pace import Pace
from edge.vision.streams.thin import Thin

steps = st.lists(st.floats(0.005, 0.4), min_size=1, max_size=200)


@given(st.sampled_from((1.0, 3.0, 5.0, 12.0, 30.0)), steps)
def test_a_gate_of_the_same_pace_takes_nothing_from_who_is_behind_it(looks_per_s: float, steps_s: list[float]) -> None:
    gate, behind, alone = Pace(looks_per_s), Pace(looks_per_s), Pace(looks_per_s)
    moments = list(accumulate(steps_s))
    shown = [moment for moment in moments if gate.takes(moment)]
    assert [moment for moment in shown if behind.takes(moment)] == [moment for moment in moments if alone.takes(moment)]


def test_control_a_gate_of_another_tolerance_halves_what_is_seen() -> None:
    gate, behind, alone = Thin(5.0), Pace(5.0), Pace(5.0)
    moments = [number * 0.08 for number in range(250)]
    shown = [moment for moment in moments if gate.takes(moment)]
    through = sum(behind.takes(moment) for moment in shown)
    assert through < 0.7 * sum(alone.takes(moment) for moment in moments)


@given(st.floats(0.5, 30.0), steps)
def test_no_more_are_taken_than_there_may_be(looks_per_s: float, steps_s: list[float]) -> None:
    pace, moments = Pace(looks_per_s), list(accumulate(steps_s))
    taken = [moment for moment in moments if pace.takes(moment)]
    apart = [later - earlier for earlier, later in pairwise(taken)]
    assert taken[0] == moments[0] and all(each >= 1 / looks_per_s - 0.021 for each in apart)

"""Crowds: begun once, over once, however people come and go in between."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.scenes.crowds import GAP_S, Crowds
from domain.scenes.geometry import WHOLE
from domain.scenes.sightings import Sighting, Told
from tests.domain.scenes.paths import moment

MANY, STAY_S, OVER_S = 3, 5.0, 10.0


def everybody(_: Sighting) -> bool:
    return True


def told_of(counts: list[int]) -> list[tuple[int, Told]]:
    crowds = Crowds(WHOLE, everybody, at_least=MANY, stay_s=STAY_S, over_s=OVER_S)
    at = [{f"p{number}": (0.1 + number / 20, 0.5) for number in range(count)} for count in counts]
    return [(tick, one) for tick, where in enumerate(at) for one in crowds.look(moment(tick, where))]


@given(st.lists(st.integers(0, 6), max_size=80))
def test_starts_and_ends_take_turns_and_each_had_its_reason(counts: list[int]) -> None:
    told = told_of(counts)
    assert [one.phase for _, one in told] == ["start", "end"] * (len(told) // 2) + ["start"] * (len(told) % 2)
    for index, (tick, one) in enumerate(told):
        if one.phase == "start":
            assert counts[tick] == one.count >= MANY
            began = tick - int(STAY_S)
            assert began >= 0 and max(counts[max(0, began - int(GAP_S)) : began + 1]) >= MANY
        else:
            assert one.about == told[index - 1][1].about
            assert max(counts[tick - int(OVER_S) : tick + 1]) < MANY


def test_a_crowd_is_told_when_it_has_stayed() -> None:
    told = told_of([0, 3, 3, 3, 2, 3, 3, 3, 3])  # one stood behind another for a second
    assert [(tick, one.phase, one.count) for tick, one in told] == [(6, "start", 3)]


def test_those_who_merely_pass_are_no_crowd() -> None:
    assert not told_of([3, 3, 3, 0, 0, 0, 0, 0, 0, 3, 3, 3])

"""Crossings of a line: once a track, to the side it went to."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scenes.crossings import MARGIN, Crossings
from domain.scenes.geometry import Side, crossed
from domain.scenes.sightings import Sighting, Told
from tests.domain.scenes.paths import moment

LINE = ((0.0, 0.5), (1.0, 0.5))
heights = st.lists(st.integers(0, 100).map(lambda number: number / 100), min_size=1, max_size=30)


class Forgetful(Crossings):
    """Does not remember whom it told of."""

    def look(self, moment_: object) -> list[Told]:
        self._told.clear()
        return super().look(moment_)  # pyright: ignore[reportArgumentType]


def everybody(_: Sighting) -> bool:
    return True


def sides(crossings: Crossings, way: list[float]) -> list[Side | None]:
    return [one.side for tick, y in enumerate(way) for one in crossings.look(moment(tick, {"a": (0.5, y)}))]


def expected(way: list[float], to: Side | None) -> list[Side]:
    """The first crossing that counts between two places off the line, whatever was on the line between them."""
    sure = [(0.5, y) for y in way if abs(y - 0.5) > MARGIN]
    passed = [side for start, end in pairwise(sure) if (side := crossed(LINE, start, end))]
    return [side for side in passed if to in (None, side)][:1]


@given(heights, st.sampled_from([None, "left", "right"]))
def test_a_track_is_told_once_with_its_direction(way: list[float], to: Side | None) -> None:
    assert sides(Crossings(LINE, everybody, to=to), way) == expected(way, to)


def test_the_law_sees_a_machine_that_tells_twice() -> None:
    way = [0.2, 0.8, 0.2]
    assert sides(Forgetful(LINE, everybody), way) == ["right", "left"] != expected(way, None)


def test_who_trembles_on_the_line_has_not_crossed_it() -> None:
    assert sides(Crossings(LINE, everybody), [0.4, 0.495, 0.505, 0.495, 0.505, 0.4]) == []


@pytest.mark.parametrize("there", [0.2, 0.8])
def test_a_new_track_beyond_the_line_has_not_crossed(there: float) -> None:
    assert sides(Crossings(LINE, everybody), [there, there]) == []


def test_a_number_that_was_gone_begins_anew() -> None:
    crossings = Crossings(LINE, everybody)
    assert not crossings.look(moment(0, {"a": (0.5, 0.2)})) and not crossings.look(moment(1, {}))
    assert not crossings.look(moment(2, {"a": (0.5, 0.8)}))


def test_outside_the_hours_a_crossing_is_seen_and_not_told() -> None:
    crossings = Crossings(LINE, everybody, at_hours=lambda at: at.second >= 2)
    assert sides(crossings, [0.2, 0.8, 0.8, 0.2]) == ["left"]

"""Zones and lines: the laws that hold for any of them."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.scenes.geometry import WHOLE, area, around, beyond, contains, crossed, is_flat, likeness, shared

shares = st.integers(0, 1_000).map(lambda number: number / 1_000)
points = st.tuples(shares, shares)
lines = st.tuples(points, points).filter(lambda line: math.dist(*line) > 0.05)
boxes = st.tuples(shares, shares, shares, shares).map(
    lambda one: (min(one[0], one[2]), min(one[1], one[3]), max(one[0], one[2]), max(one[1], one[3]))
)
L_SHAPE = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.5), (0.5, 0.5), (0.5, 0.9), (0.1, 0.9))


@pytest.mark.parametrize(
    ("point", "inside"), [((0.3, 0.8), True), ((0.8, 0.3), True), ((0.8, 0.8), False), ((0.05, 0.3), False)]
)
def test_a_zone_may_have_a_corner_that_points_inwards(point: tuple[float, float], inside: bool) -> None:
    assert contains(L_SHAPE, point) is inside


@given(boxes, points)
def test_a_rectangle_contains_what_lies_between_its_sides(
    box: tuple[float, float, float, float], point: tuple[float, float]
) -> None:
    left, top, right, bottom = box
    x, y = point
    assume(left < right and top < bottom and x not in (left, right) and y not in (top, bottom))
    polygon = ((left, top), (right, top), (right, bottom), (left, bottom))
    assert contains(polygon, point) == (left < x < right and top < y < bottom)
    assert contains(tuple(reversed(polygon)), point) == contains(polygon, point)  # drawn either way round


@given(points)
def test_of_zones_side_by_side_each_point_is_in_one(point: tuple[float, float]) -> None:
    """What stands on the border of two is in one of them, never in both."""
    assume(point[0] < 1 and point[1] < 1)
    left = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    right = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
    assert contains(left, point) + contains(right, point) == 1 == contains(WHOLE, point)


@given(lines, points, points)
def test_back_over_a_line_is_to_its_other_side(
    line: tuple[tuple[float, float], tuple[float, float]], start: tuple[float, float], end: tuple[float, float]
) -> None:
    assume(abs(beyond(line, start)) > 1e-6 and abs(beyond(line, end)) > 1e-6)
    there, back = crossed(line, start, end), crossed(line, end, start)
    assert (there, back) in {(None, None), ("left", "right"), ("right", "left")}
    assert crossed((line[1], line[0]), start, end) == back  # drawn the other way, its sides are swapped


def test_right_is_right_of_who_walks_along_the_line() -> None:
    """From left to right over the picture, the right hand is below."""
    line = ((0.1, 0.5), (0.9, 0.5))
    assert crossed(line, (0.5, 0.2), (0.5, 0.8)) == "right"
    assert crossed(line, (0.95, 0.2), (0.95, 0.8)) is None  # past its end


@given(st.lists(points, min_size=2, max_size=12))
def test_who_crosses_an_endless_line_is_on_the_side_crossed_to_last(way: list[tuple[float, float]]) -> None:
    line = ((0.5, -10.0), (0.5, 10.0))
    passed = [side for start, end in pairwise(way) if (side := crossed(line, start, end))]
    began = "right" if beyond(line, way[0]) > 0 else "left"
    assert all(one != other for one, other in zip([began, *passed], passed, strict=False))  # to and fro, in turn
    assert ([began, *passed])[-1] == ("right" if beyond(line, way[-1]) > 0 else "left")


@given(boxes, boxes)
def test_likeness_is_a_share_and_the_same_both_ways(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> None:
    assert 0 <= likeness(one, other) <= 1 and likeness(one, other) == pytest.approx(likeness(other, one))
    assert shared(one, around([one, other])) == pytest.approx(area(one))
    if area(one) > 0:
        assert likeness(one, one) == pytest.approx(1)


def test_what_encloses_nothing_is_flat() -> None:
    assert is_flat(((0.1, 0.1), (0.5, 0.5), (0.9, 0.9))) and not is_flat(L_SHAPE)

"""Whose openings by hand stand out."""

from __future__ import annotations

from domain.openings import Opened, tallies


def opened(by: str, count: int, reason: str = "入场未识别") -> list[Opened]:
    return [Opened(by, reason, f"2026-03-0{1 + number % 3}") for number in range(count)]


def test_who_opens_three_times_what_others_do_stands_out() -> None:
    made = [*opened("wang", 3), *opened("li", 2), *opened("sun", 9, "朋友"), *opened("sun", 1)]
    found = {one.by: one for one in tallies(made, opened("sun", 4), 100)}
    assert {name for name, one in found.items() if one.is_outlier} == {"sun"}
    sun = found["sun"]
    assert (sun.count, sun.trend, sun.share) == (10, 6, 0.1)
    assert sun.reasons == [("朋友", 9), ("入场未识别", 1)]
    assert sum(count for _, count in sun.days) == 10


def test_few_are_no_pattern_and_all_alike_is_none() -> None:
    assert not any(one.is_outlier for one in tallies([*opened("wang", 4), *opened("li", 1)], [], 10))
    assert not any(one.is_outlier for one in tallies([*opened("wang", 8), *opened("li", 8)], [], 0))


def test_who_is_alone_is_held_against_the_period_before_and_nobody_always_stands_out() -> None:
    assert not tallies(opened("wang", 9), opened("wang", 8), 50)[0].is_outlier
    assert tallies(opened("wang", 9), opened("wang", 2), 50)[0].is_outlier
    assert tallies(opened("", 1), [], 50)[0].is_outlier

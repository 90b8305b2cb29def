"""So many within a while, and what a clock that is set back does to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from server.few import Few

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def test_so_many_within_a_while_and_again_after_it() -> None:
    few = Few(2, 60)
    assert [few.may("a", NOON + timedelta(seconds=second)) for second in (0, 1, 2, 59)] == [True, True, False, False]
    assert few.may("b", NOON)
    assert few.may("a", NOON + timedelta(seconds=61))


def test_a_clock_that_was_set_back_locks_nobody_out() -> None:
    few = Few(2, 60)
    assert [few.may("a", NOON) for _ in range(3)] == [True, True, False]
    earlier = NOON - timedelta(hours=3)
    assert [few.may("a", earlier) for _ in range(3)] == [True, True, False], "and it counts from there"

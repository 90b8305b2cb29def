"""The agent's clock: who vouches for it, what a step does to it, and what it corrects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edge.clock import RELEASED_AT, Clock
from tests.edge.hands import Hands

DAY_S = 86_400.0
NEAR = timedelta(milliseconds=50)


def near(clock: Clock, hands: Hands) -> bool:
    return abs(clock.now() - hands.true) < NEAR


def test_a_clock_is_unsynced_until_the_centre_or_the_kernel_vouches_for_it() -> None:
    hands = Hands()
    clock = hands.clock()
    assert (clock.confirmed, clock.state, clock.offset, clock.trusted_now()) == (False, "unsynced", None, None)
    hands.hello(clock)
    assert (clock.confirmed, clock.state, clock.trusted_now()) == (True, "confirmed", hands.true)
    assert Hands(kernel=True).clock().confirmed


def test_a_known_skew_is_corrected_and_shown() -> None:
    hands = Hands(off_s=-DAY_S)
    clock = hands.clock()
    assert clock.now() == hands.true - timedelta(days=1)
    hands.hello(clock)
    assert near(clock, hands)
    assert clock.confirmed
    assert clock.described()["offset_ms"] == pytest.approx(86_400_000, abs=50)


def test_a_clock_within_two_seconds_is_left_alone() -> None:
    hands = Hands(off_s=1.5)
    clock = hands.clock()
    hands.hello(clock)
    assert clock.now() == hands.true + timedelta(seconds=1.5)
    assert clock.described()["offset_ms"] == pytest.approx(-1_500, abs=50)


def test_a_kernel_that_is_synchronised_is_not_overruled_but_the_distance_is_shown() -> None:
    hands = Hands(kernel=True)
    clock = hands.clock()
    hands.hello(clock, centre_off_s=90.0)
    assert clock.now() == hands.true
    assert clock.described()["offset_ms"] == pytest.approx(90_000, abs=50)
    assert abs(clock.centre_now() - hands.true - timedelta(seconds=90)) < NEAR, "tokens bear the centre's time"


@pytest.mark.parametrize("step_s", [DAY_S, -DAY_S, 365 * DAY_S, -3.0])
def test_a_step_is_told_forgets_who_vouched_and_moves_no_time(step_s: float) -> None:
    hands = Hands()
    clock = hands.clock()
    hands.hello(clock)
    hands.off_s += step_s
    hands.passed_s += 0.5
    assert near(clock, hands), "seen at the very next look, not a second later"
    assert (clock.confirmed, clock.state) == (False, "unsynced")
    assert clock.take_steps() == [timedelta(seconds=step_s)]
    assert clock.take_steps() == []
    hands.hello(clock)
    assert clock.confirmed and near(clock, hands)


def test_the_step_of_a_clock_that_nobody_vouched_for_is_believed() -> None:
    """The box boots in 1970, and something sets its clock."""
    hands = Hands(off_s=-20_000 * DAY_S)
    clock = hands.clock()
    assert clock.state == "wrong"
    hands.off_s = 0.0
    clock.tick()
    assert (clock.now(), clock.state) == (hands.true, "unsynced")
    hands.kernel = True
    clock.tick()
    assert clock.confirmed


def test_a_kernel_that_steps_its_clock_right_is_believed_over_what_was() -> None:
    hands = Hands(off_s=600.0, kernel=True)
    clock = hands.clock()
    hands.off_s, hands.kernel = 0.0, False
    clock.tick()
    assert clock.now() == hands.true + timedelta(seconds=600), "what was last vouched for"
    hands.kernel = True
    clock.tick()
    assert clock.now() == hands.true


def test_slow_slewing_is_no_step() -> None:
    hands = Hands()
    clock = hands.clock()
    for _ in range(100):
        hands.off_s += 0.1
        hands.passed_s += 5
        hands.hello(clock)
        clock.tick()
    assert clock.take_steps() == []
    assert near(clock, hands)


def test_a_process_that_was_held_up_between_two_looks_saw_no_step() -> None:
    hands = Hands()
    held_s = iter([0.0, 30.0])

    def monotonic_s() -> float:
        hands.passed_s += next(held_s, 0.0)
        return hands.passed_s

    clock = Clock(lambda: hands.true.timestamp(), monotonic_s, lambda: False)
    clock.now()
    assert clock.take_steps() == []


def test_the_quickest_answer_counts_and_a_slow_one_vouches_for_nothing() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.hello(clock, round_trip_s=9.0)
    assert not clock.confirmed
    hands.hello(clock, round_trip_s=0.02)
    hands.hello(clock, round_trip_s=1.0, centre_off_s=0.4)
    assert clock.confirmed
    assert clock.offset is not None
    assert abs(clock.offset) < NEAR


def test_a_centre_that_changes_its_mind_is_followed_at_once() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.hello(clock)
    hands.hello(clock, round_trip_s=0.5, centre_off_s=3_600.0)
    assert abs(clock.centre_now() - hands.true - timedelta(hours=1)) < timedelta(seconds=1)


def test_a_refusal_corrects_tokens_at_once_and_vouches_for_nothing() -> None:
    hands = Hands(off_s=-DAY_S)
    clock = hands.clock()
    clock.told(hands.true)
    assert abs(clock.centre_now() - hands.true) < NEAR
    assert not clock.confirmed
    assert clock.now() == hands.true - timedelta(days=1)


def test_a_clock_before_the_newest_record_is_wrong_unless_someone_vouches() -> None:
    hands = Hands()
    clock = hands.clock(floor=hands.true + timedelta(hours=1))
    assert clock.state == "wrong"
    hands.hello(clock)
    assert clock.state == "confirmed"


def test_a_moment_on_the_monotonic_clock_keeps_its_time_over_a_step() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.hello(clock)
    then_s, then = hands.passed_s, hands.true
    hands.off_s += DAY_S
    hands.passed_s += 100.0
    assert abs(clock.at(then_s) - then) < NEAR


def test_the_release_lies_in_the_past() -> None:
    assert datetime(2026, 1, 1, tzinfo=UTC) <= RELEASED_AT < datetime.now(UTC)

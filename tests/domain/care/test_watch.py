"""Care: hours that count, movements in any order, and that silence is never taken for well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.care.watch import HEARD_WITHIN, BadTerms, Movement, State, Terms, Watch, check, due_at, latest, state

ZONE = ZoneInfo("Asia/Shanghai")
NIGHT = Terms(12, "22:00", "06:00")
EIGHT = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)  # 20:00 there
HOUR = timedelta(hours=1)
WATCH = Watch(NIGHT, EIGHT, EIGHT + timedelta(days=90))


def test_quiet_hours_do_not_count() -> None:
    assert due_at(NIGHT, EIGHT, ZONE) == EIGHT + 20 * HOUR, "two until 22:00, ten from 06:00"
    assert due_at(Terms(12), EIGHT, ZONE) == EIGHT + 12 * HOUR
    assert due_at(NIGHT, EIGHT + 3 * HOUR, ZONE) == EIGHT + 22 * HOUR, "from within the night: from 06:00"
    siesta = Terms(4, "12:00", "14:00")
    assert due_at(siesta, EIGHT + 15 * HOUR, ZONE) == EIGHT + 21 * HOUR, "from 11:00: one, and three from 14:00"


def test_nobody_is_due_before_everything_until_then_was_heard() -> None:
    due = due_at(NIGHT, EIGHT, ZONE)
    silent = msgspec.structs.replace(WATCH, heard_at=due - HOUR)
    assert state(silent, ZONE, due + HOUR) == "unknown", "the gateway is silent: perhaps a door moved"
    assert state(msgspec.structs.replace(WATCH, heard_at=due), ZONE, due) == "due"
    assert state(msgspec.structs.replace(WATCH, heard_at=due - HOUR), ZONE, due - HOUR) == "fine"
    assert state(WATCH, ZONE, EIGHT) == "unknown", "nothing was ever heard"
    late = msgspec.structs.replace(WATCH, heard_at=due)
    assert state(late, ZONE, due + 9 * HOUR) == "due", "what was known to be due stays so when the gateway falls silent"


def test_a_movement_a_visit_or_the_switch_begins_the_hours_anew() -> None:
    due = due_at(NIGHT, EIGHT, ZONE)
    watch = msgspec.structs.replace(WATCH, heard_at=due, moved_at=due - HOUR)
    assert state(watch, ZONE, due) == "fine"
    assert state(msgspec.structs.replace(WATCH, heard_at=due, counts_from=due - HOUR), ZONE, due) == "fine"
    assert state(msgspec.structs.replace(WATCH, heard_at=due, is_off=True), ZONE, due) == "off"
    assert state(msgspec.structs.replace(WATCH, heard_at=due, until=due), ZONE, due) == "over"


moments = st.integers(-3_000, 8_000).map(lambda minute: EIGHT + timedelta(minutes=minute))
terms = st.builds(
    lambda n, at, long: Terms(n, f"{at:02}:00", f"{(at + long) % 24:02}:00") if long else Terms(n),
    st.integers(4, 72),
    st.integers(0, 23),
    st.integers(0, 16),
)
movements = st.lists(st.builds(Movement, moments, moments), max_size=8)


@given(movements, st.data())
def test_any_order_and_any_repeats_of_movements_give_the_same(told: list[Movement], data: st.DataObject) -> None:
    again = data.draw(st.permutations(told * 2))
    assert latest(again) == latest(told)
    half = len(again) // 2
    assert latest(again[half:], latest(again[:half])) == latest(told), "in pieces too"


@given(terms, moments, moments)
def test_a_later_movement_is_never_due_earlier_and_the_hours_are_whole(
    said: Terms, one: datetime, two: datetime
) -> None:
    assert check(said) == said
    first, second = sorted((one, two))
    assert due_at(said, first, ZONE) <= due_at(said, second, ZONE)
    due = due_at(said, first, ZONE)
    assert first + said.hours * HOUR <= due
    counted = sum(_counts(said, first + timedelta(minutes=n)) for n in range(int((due - first) / timedelta(minutes=1))))
    assert abs(counted - said.hours * 60) <= 1


def _counts(said: Terms, at: datetime) -> bool:
    return said.quiet is None or not said.quiet.hold(at.astimezone(ZONE).time())


def trusting(watch: Watch, zone: ZoneInfo, now: datetime) -> State:
    """The broken variant: what was not heard did not happen, and nothing is wrong before it is due."""
    return "due" if now >= due_at(watch.terms, watch.since, zone) else "fine"


def lies(judge: object, watch: Watch, now: datetime) -> bool:
    """Whether it says "fine" of what nobody heard, or "due" of hours that nobody heard."""
    said = judge(watch, ZONE, now)  # type: ignore[operator]
    heard = watch.heard_at
    is_silent = heard is None or now - heard > HEARD_WITHIN
    due = due_at(watch.terms, watch.since, ZONE)
    return (said == "fine" and is_silent) or (said == "due" and (heard is None or heard < due))


watches = st.builds(
    Watch, terms, moments, st.just(EIGHT + timedelta(days=90)), st.none() | moments, st.none() | moments
)


@given(watches, moments)
def test_silence_is_never_taken_for_well_nor_for_a_fall(watch: Watch, now: datetime) -> None:
    assert not lies(state, watch, now)


def test_the_law_sees_a_rule_that_trusts_silence() -> None:
    silent = msgspec.structs.replace(WATCH, heard_at=EIGHT)
    assert lies(trusting, silent, EIGHT + HOUR) and lies(trusting, silent, EIGHT + 40 * HOUR)


def test_a_clock_that_is_ahead_moves_no_door_tomorrow() -> None:
    assert latest([Movement(EIGHT + 24 * HOUR, EIGHT)]) == EIGHT


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (Terms(3), "hours"),
        (Terms(73), "hours"),
        (Terms(24, "22:00"), "quiet"),
        (Terms(24, "", "06:00"), "quiet"),
        (Terms(24, "6am", "7am"), "quiet"),
        (Terms(24, "22:00", "22:00"), "quiet"),
        (Terms(24, "22:00", "15:00"), "quiet"),
    ],
)
def test_terms_that_cannot_be_are_refused_by_their_field(bad: Terms, word: str) -> None:
    with pytest.raises(BadTerms, match=f"^{word}: "):
        check(bad)

"""Laws of telling people: their order, the cap that never mutes what is worse, quiet hours, and none is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.alerts.words import SEVERITIES, Severity, rank, worst
from domain.delivery import (
    HOUR,
    MOST_AN_HOUR,
    MOST_ATTEMPTS,
    PASSING,
    REFUSALS,
    WAITS,
    Decision,
    Known,
    Push,
    Way,
    Wishes,
    decide,
    left,
    next_at,
    retry_in,
    summary_due,
)
from domain.places import hours

NOON = datetime(2026, 11, 27, 4, tzinfo=UTC)  # 12:00 in Shanghai
WAYS = (Way("screen", "screen"), Way("group", "robot"), Way("push", "web_push"), Way("call", "phone", "high"))
WISHES = Wishes(WAYS)
severities = st.sampled_from(SEVERITIES)
pushes = st.lists(st.builds(Push, severities, st.integers(-100, 60).map(lambda at: NOON + timedelta(minutes=at))))
knowns = st.builds(Known, pushes, st.lists(severities, max_size=8), st.booleans())
quick = settings(max_examples=40, deadline=None)
Decide = Callable[[Wishes, Severity, set[str], Known, datetime], Decision]


@quick
@given(severities, knowns, st.permutations(WAYS))
def test_channels_come_in_the_persons_order_each_once(severity: Severity, known: Known, ways: list[Way]) -> None:
    wishes, tried = Wishes(tuple(ways)), list[str]()
    while (way := decide(wishes, severity, tried, known, NOON).way) is not None:
        tried.append(way.channel)
    fits = [one for one in ways if rank(severity) >= rank(one.least) and (known.has_screen or one.means != "screen")]
    assert tried == [one.channel for one in fits]


@quick
@given(severities, knowns, pushes)
def test_what_is_milder_never_mutes_what_is_worse(severity: Severity, known: Known, more: list[Push]) -> None:
    milder = [one for one in more if rank(one.severity) < rank(severity)]
    assert left(known.sent, severity, NOON) == left([*known.sent, *milder], severity, NOON)
    held = [one for one in known.held if rank(one) >= rank(severity)]
    but_worse = decide(WISHES, severity, (), known._replace(held=held), NOON)
    assert decide(WISHES, severity, (), known, NOON) == but_worse


@quick
@given(knowns, st.sampled_from([None, hours("00:00", "24:00")]))
def test_an_emergency_is_never_held(known: Known, quiet: object) -> None:
    wishes = Wishes(WAYS, quiet if quiet is None else hours("00:00", "24:00"))
    assert decide(wishes, "critical", (), known, NOON).verdict == "send"


@quick
@given(st.sampled_from(SEVERITIES[1:]), knowns)
def test_who_sleeps_is_not_pushed_and_an_open_screen_still_shows(severity: Severity, known: Known) -> None:
    asleep = Wishes(WAYS, hours("11:00", "13:00"))
    closed = decide(asleep, severity, (), known._replace(has_screen=False), NOON)
    assert closed.verdict == "quiet"
    assert decide(asleep, severity, (), known._replace(has_screen=True), NOON).verdict == "send"
    assert not summary_due(asleep, known._replace(held=[severity]), NOON)
    assert summary_due(asleep, Known(held=[severity]), NOON + 2 * HOUR), "it goes out once they are awake"


def pushed(arrivals: list[tuple[int, Severity]], rule: Decide) -> tuple[list[Push], int, list[Severity]]:
    """A night of one person: what went out, how many of those it told of, and what is held at the end."""
    sent, held, told, now = list[Push](), list[Severity](), 0, NOON
    for minutes, severity in arrivals:
        now += timedelta(minutes=minutes)
        if summary_due(WISHES, Known(sent, held), now):
            sent.append(Push(worst(held), now))
            told, held = told + len(held), []
        if rule(WISHES, severity, set(), Known(sent, held), now).verdict == "send":
            sent.append(Push(severity, now))
            told += 1
        else:
            held.append(severity)
    return sent, told, held


def most_in_an_hour(sent: list[Push], least: Severity = "low") -> int:
    counted = [one for one in sent if rank(one.severity) >= rank(least)]
    return max((sum(timedelta() <= two.at - one.at < HOUR for two in counted) for one in counted), default=0)


def night(severity: st.SearchStrategy[Severity]) -> st.SearchStrategy[list[tuple[int, Severity]]]:
    return st.lists(st.tuples(st.integers(0, 15), severity), max_size=60)


@quick
@given(st.data())
def test_at_most_six_pushes_an_hour_and_none_is_lost(data: st.DataObject) -> None:
    severity = data.draw(st.sampled_from(SEVERITIES[1:]))
    arrivals = data.draw(night(st.just(severity)))
    sent, told, held = pushed(arrivals, decide)
    assert most_in_an_hour(sent) <= MOST_AN_HOUR
    assert told + len(held) == len(arrivals)


@quick
@given(night(severities))
def test_of_mixed_ones_each_severity_has_its_six_of_as_bad(arrivals: list[tuple[int, Severity]]) -> None:
    sent, told, held = pushed(arrivals, decide)
    without = [one for one in sent if one.severity != "critical"]
    assert most_in_an_hour(without, "high") <= MOST_AN_HOUR
    assert "critical" not in held
    assert told + len(held) == len(arrivals)


def test_control_a_rule_without_the_cap_is_caught() -> None:
    """A steady night, one every five minutes."""

    def without_a_cap(_1: Wishes, _2: Severity, _3: set[str], _4: Known, _5: datetime) -> Decision:
        return Decision("send")

    arrivals: list[tuple[int, Severity]] = [(5, "medium")] * 30
    assert most_in_an_hour(pushed(arrivals, without_a_cap)[0]) > MOST_AN_HOUR
    sent, told, held = pushed(arrivals, decide)
    assert (most_in_an_hour(sent), told + len(held)) == (6, 30)
    assert len(sent) >= 12, "after an hour it goes on, with summaries"


@pytest.mark.parametrize("why", REFUSALS)
def test_retries_are_bounded_and_only_for_what_passes(why: str) -> None:
    for severity in SEVERITIES:
        waits = [retry_in(severity, why, attempts) for attempts in range(1, MOST_ATTEMPTS + 1)]  # pyright: ignore
        assert waits[-1] is None
        assert (waits[0] is not None) == (why in PASSING)
        assert all(wait < WAITS[severity] for wait in waits if wait is not None)
    assert retry_in("critical", "rate_limited", 1, timedelta(minutes=10)) is None, "the next channel is sooner"
    assert next_at("critical", NOON) < NOON + timedelta(minutes=1), "before the next person is asked"


def test_every_order_of_two_is_kept() -> None:
    for first, second in permutations(("group", "push")):
        ways = tuple(Way(name, "robot") for name in (first, second))
        assert decide(Wishes(ways), "low", {first}, Known(), NOON) == Decision("send", ways[1])

"""The ladder by the clock: a minute to the next person, three to the next level; offices, holidays, shifts, 报到."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from domain.duty.acts import Acknowledge, Call, Close, HandOver, NotPossible, ReportIn, Undo, Worsen
from domain.duty.asking import Moved
from domain.duty.hours import end_of_wait
from domain.duty.machine import Duty, Matter
from domain.duty.plan import BUILT_IN, BadPlan, read_plan
from domain.duty.rota import Rota, Swap, Turn, read_rota
from domain.duty.state import Owner, State, may_send
from domain.places import Place, hours
from domain.tariff.calendar import Calendar
from tests.domain.duty.ladder_rig import PLACE, ROTA, START

EVENING = START.replace(hour=1, minute=0)  # 09:00 at the site
OFFICE = (hours("08:30", "12:00"), hours("14:00", "18:00"))
DUTY = Duty(BUILT_IN, ROTA, PLACE)
TAKE = Acknowledge(key="a", by="li", level="complex")


def opened(severity: Any = "critical", category: Any = "security", at: datetime = EVENING) -> Moved:
    return DUTY.opened(Matter("m", "garden", category, severity), at)


def story(state: State, seconds: int, at: datetime = EVENING) -> list[tuple[int, str, str, str]]:
    """Who is told when, looked at each second."""
    found: list[tuple[int, str, str, str]] = []
    for second in range(seconds):
        state, steps = DUTY.due(state, at + timedelta(seconds=second))
        found += [(second, step.why, step.to.level, step.to.person) for step in steps]
    return found


def test_an_emergency_goes_to_the_next_after_a_minute_and_up_after_three() -> None:
    state, steps = opened()
    assert [(step.to, step.why) for step in steps] == [(Owner("complex", "wang"), "opened")]
    assert story(state, 1_000) == [
        (60, "next_person", "complex", "li"),
        (180, "climbed", "community", "chen"),
        (360, "climbed", "street", ""),
        (540, "climbed", "department", "fire-1"),
        (720, "unanswered", "department", "fire-1"),
    ]


def test_whoever_looks_only_when_something_may_be_due_misses_nothing() -> None:
    for first, at in ((opened()[0], EVENING), (opened("high", at=START)[0], START), (opened("low")[0], EVENING)):
        told: list[tuple[int, str, str, str]] = []
        state = first
        now: datetime | None = at
        while now is not None and now < at + timedelta(hours=1):
            after, steps = DUTY.due(state, now)
            told += [((now - at).seconds, step.why, step.to.level, step.to.person) for step in steps]
            now = DUTY.next_at(after, now) if after == state else now
            state = after
        assert told == story(first, 3_600, at)


def test_an_acknowledgement_stops_what_is_queued_and_what_would_come() -> None:
    state, queued = opened()
    taken, steps = DUTY.apply(state, TAKE, EVENING)
    assert steps == ()
    assert [may_send(state, queued[0]), may_send(taken, queued[0])] == [True, False]
    assert story(taken, 1_000) == []
    again, steps = DUTY.apply(taken, Undo(key="u", by="li"), EVENING)
    assert [may_send(again, step) for step in (*queued, *steps)] == [False, True]
    assert again.owner == Owner("complex", "wang")


def test_what_was_taken_is_theirs() -> None:
    taken, _ = DUTY.apply(opened()[0], TAKE, EVENING)
    with pytest.raises(NotPossible, match="li has it"):
        DUTY.apply(taken, Acknowledge(key="b", by="wang", level="complex"), EVENING)
    with pytest.raises(NotPossible, match="only who took it"):
        DUTY.apply(taken, Undo(key="c", by="wang"), EVENING)
    with pytest.raises(NotPossible, match="theirs already"):
        DUTY.apply(taken, HandOver(key="d", by="li", to=Owner("complex", "li")), EVENING)
    with pytest.raises(NotPossible, match="was not called"):
        DUTY.apply(taken, ReportIn(key="e", by="x", unit="power"), EVENING)
    closed, _ = DUTY.apply(taken, Close(key="f", by="li"), EVENING)
    with pytest.raises(NotPossible, match="has ended"):
        DUTY.apply(closed, Acknowledge(key="g", by="li", level="complex"), EVENING)


def test_the_next_shift_takes_over_what_was_taken_and_what_was_not() -> None:
    at = START  # five minutes before 20:00
    taken, _ = DUTY.apply(opened("high", at=at)[0], TAKE, at)
    for state in (taken, opened("high", at=at)[0]):
        ((second, why, _, person),) = story(state, 600, at)
        assert (second, why, person) == (300, "shift_change", "zhao")
    by_someone, _ = DUTY.apply(opened(at=at)[0], Acknowledge(key="x", by="off-duty", level="complex"), at)
    assert story(by_someone, 600, at) == []


def test_what_is_handed_over_is_asked_and_climbs_until_it_is_taken() -> None:
    taken, _ = DUTY.apply(opened()[0], TAKE, EVENING)
    state, steps = DUTY.apply(taken, HandOver(key="h", by="li", to=Owner("community")), EVENING)
    assert [(step.to.person, step.why) for step in steps] == [("chen", "handed_over")]
    assert state.status == "open"
    assert [row[0] for row in story(state, 400)] == [180, 360]
    assert [one.owner.person for one in state.tenures] == ["wang", "li", "chen"]


def test_a_unit_that_is_called_reports_in_or_the_owner_hears_of_it() -> None:
    state, steps = DUTY.apply(opened()[0], Call(key="c", by="wang", unit="power", within_s=30), EVENING)
    assert [(step.why, step.unit) for step in steps] == [("called", "power")]
    taken, _ = DUTY.apply(state, TAKE, EVENING)
    assert may_send(taken, steps[0])  # whoever took it still wants them
    assert [row[:2] for row in story(taken, 200)] == [(30, "not_reported")]
    at = EVENING + timedelta(seconds=20)
    there, _ = DUTY.apply(taken, ReportIn(key="r", by="driver", unit="power"), at)
    assert (there.joints[0].reported_at, there.owner.person) == (at, "li")
    assert story(there, 200) == []
    assert not may_send(there, steps[0])
    later, _ = DUTY.apply(there, ReportIn(key="s", by="other", unit="power"), at + timedelta(hours=1))
    assert later.joints == there.joints


def test_what_grows_worse_is_asked_anew() -> None:
    taken, _ = DUTY.apply(opened("high")[0], TAKE, EVENING)
    assert DUTY.apply(taken, Worsen(key="w", severity="low"), EVENING)[1] == ()
    worse, steps = DUTY.apply(taken, Worsen(key="v", severity="critical"), EVENING)
    assert (worse.status, steps[0].to.person, steps[0].why) == ("open", "li", "worse")


def test_offices_count_their_hours_and_holidays_not_at_all() -> None:
    friday = EVENING.replace(day=19, hour=8)  # 16:00 at the site
    assert end_of_wait(friday, 3 * 3_600, OFFICE, PLACE) == EVENING.replace(day=22, hour=1, minute=30)
    holiday = Place(calendar=Calendar({"2026-06-22": "restday", "2026-06-21": "workday"}))
    assert end_of_wait(friday, 3 * 3_600, OFFICE, holiday) == EVENING.replace(day=21, hour=1, minute=30)
    assert end_of_wait(friday, 3 * 3_600, (), PLACE) == friday + timedelta(hours=3)


def test_after_an_outage_nobody_is_passed_over() -> None:
    """A server that was away asks one after another from now on, not all at once."""
    late = EVENING + timedelta(minutes=40)
    state, steps = DUTY.due(opened()[0], late)
    assert [step.to.level for step in steps] == ["community"]
    assert DUTY.due(state, late + timedelta(seconds=179)) == (state, ())


def test_the_rota_knows_nights_swaps_and_holes() -> None:
    rota = Rota(
        turns=(
            Turn("wang", "complex", "20:00-08:00", days=("mon",)),
            Turn("li", "complex", "08:00-20:00", ("restday",)),
        ),
        swaps=(Swap("wang", "zhao", EVENING.replace(hour=13), EVENING.replace(hour=14)),),
    )
    monday, night = EVENING.replace(hour=12), EVENING.replace(hour=23)  # 20:00 Monday, 07:00 Tuesday
    assert rota.on_duty("complex", monday, PLACE) == rota.on_duty("complex", night, PLACE) == ("wang",)
    assert rota.on_duty("complex", EVENING.replace(hour=13), PLACE) == ("zhao",)
    assert rota.on_duty("complex", night + timedelta(days=1), PLACE) == ()
    assert rota.holes("complex", EVENING, EVENING + timedelta(days=1), PLACE) == [
        (EVENING, monday),
        (EVENING + timedelta(hours=23), EVENING + timedelta(days=1)),
    ]


@pytest.mark.parametrize(
    ("rota", "says"),
    [
        ({"turns": [{"person": "w", "level": "complex", "hours": "8-20"}]}, r"turns\[0\]\.hours: '8' is not a time"),
        ({"turns": [{"person": "w", "level": "city", "hours": "08:00-20:00"}]}, r"turns\[0\]\.level"),
        ({"turn": []}, "^turn: unknown"),
        (
            {"swaps": [{"person": "w", "instead": "", "since": "2026-06-15T08:00:00", "until": "2026-06-15T09:00:00"}]},
            r"swaps\[0\]\.since: times want a zone",
        ),
    ],
)
def test_a_rota_that_is_wrong_says_where(rota: Any, says: str) -> None:
    with pytest.raises(BadPlan, match=says):
        read_rota(rota)


@pytest.mark.parametrize(
    ("rungs", "says"),
    [
        ([], r"security\.rungs"),
        ([{"level": "street"}, {"level": "complex"}], r"security\.rungs: each level once, in the order complex"),
        (
            [{"level": "street", "working": ["18:00-08:00"]}],
            r"rungs\[0\]\.working: '18:00-08:00' ends before it begins",
        ),
    ],
)
def test_a_plan_that_is_wrong_says_where(rungs: Any, says: str) -> None:
    fine = {"rungs": [{"level": "complex", "waits": {"high": 600, "medium": 3600, "low": 7200}}]}
    plan = {"security": fine, "fire": fine, "safety": fine, "device": fine}
    assert read_plan(plan).security.rungs[0].waits.high == 600
    with pytest.raises(BadPlan, match=says):
        read_plan({**plan, "security": {"rungs": rungs}})


def test_a_plan_of_before_there_was_care_has_the_usual_ladder_for_it() -> None:
    old = msgspec.to_builtins(BUILT_IN)
    del old["care"]
    assert read_plan(old) == BUILT_IN

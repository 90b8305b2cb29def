"""Laws of hours, days and versions: a span and its rest make a day, a day is of one kind, and what was judged stays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.alerts.built_in import BUILT_IN, KNOWN
from domain.alerts.conditions import During
from domain.alerts.document import document_of, published_rules, read_rules
from domain.alerts.rules import Dated, Rules, RuleSet, Versions
from domain.events import Event
from domain.places import Place
from domain.tariff.calendar import Calendar, DayKind

START = datetime(2026, 1, 1, tzinfo=UTC)
ZONES = ("Asia/Shanghai", "Asia/Urumqi", "Europe/Berlin")
moments = st.integers(0, 400 * 86_400).map(lambda seconds: START + timedelta(seconds=seconds))
minutes = st.integers(0, 1_439)
places = st.sampled_from(ZONES).map(lambda name: Place(ZoneInfo(name)))
kinds: st.SearchStrategy[DayKind] = st.sampled_from(["workday", "restday"])
law = settings(deadline=None)  # how long one takes is of the machine
calendars = st.dictionaries(st.dates(date(2026, 1, 1), date(2027, 2, 1)).map(date.isoformat), kinds, max_size=20)


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@law
@given(moments, minutes, minutes, places)
def test_a_span_and_the_one_from_its_end_to_its_start_make_a_day(
    at: datetime, start: int, end: int, place: Place
) -> None:
    one = During(hours=(f"{clock(start)}-{clock(end)}",)).holds(at, place)
    other = During(hours=(f"{clock(end)}-{clock(start)}",)).holds(at, place)
    assert (one != other) if start != end else not (one or other)


@law
@given(moments, minutes, minutes, places)
def test_a_span_over_midnight_is_its_two_halves(at: datetime, start: int, end: int, place: Place) -> None:
    if start <= end:
        return
    whole = During(hours=(f"{clock(start)}-{clock(end)}",))
    halves = During(hours=(f"{clock(start)}-24:00", f"00:00-{clock(end)}"))
    assert whole.holds(at, place) == halves.holds(at, place)


def door_rule(days: str, calendar: dict[str, DayKind]) -> Rules:
    rule = {"id": "own", "severity": "critical", "category": "security", "when": {"kind": "door"}}
    said = {"schema": "alert-rules/1", "rules": [{**rule, "during": {"days": days}}], "calendar": calendar}
    return Rules(read_rules(said))


@law
@given(moments, calendars, places)
def test_each_moment_is_of_a_workday_or_a_day_of_rest_by_the_rules_own_calendar(
    at: datetime, calendar: dict[str, DayKind], place: Place
) -> None:
    event = Event(kind="door", device="x:1", state="open", time=at)
    fires = {days: door_rule(days, calendar).fired(event, place) is not None for days in ("workday", "restday")}
    assert fires["workday"] != fires["restday"]
    day = at.astimezone(place.zone).date()
    kind = calendar.get(day.isoformat()) or ("restday" if day.weekday() >= 5 else "workday")
    assert fires[kind]


@law
@given(moments, calendars, places)
def test_without_a_calendar_of_their_own_the_place_has_the_word(
    at: datetime, calendar: dict[str, DayKind], place: Place
) -> None:
    event = Event(kind="door", device="x:1", state="open", time=at)
    there = Place(place.zone, calendar=Calendar(calendar))
    by_place = door_rule("restday", {}).fired(event, there)
    assert by_place == door_rule("restday", calendar or {"2020-01-01": "restday"}).fired(event, place)


dated = st.lists(moments, max_size=8).map(
    lambda sinces: [Dated(since, number + 1, Rules(KNOWN)) for number, since in enumerate(sinces)]
)


@law
@given(dated, moments, st.randoms())
def test_the_highest_version_that_has_begun_counts_in_whatever_order_they_are_read(
    versions: list[Dated], received_at: datetime, chance: object
) -> None:
    begun = [one for one in versions if one.since <= received_at]
    shuffled = sorted(versions, key=lambda _: chance.random())  # type: ignore[attr-defined]
    chosen = Versions(BUILT_IN, shuffled)
    assert chosen.at(received_at) is (begun[-1].rules if begun else BUILT_IN)
    assert chosen.dated(received_at) is (begun[-1] if begun else None)


@law
@given(dated, moments, st.integers(1, 10**6))
def test_what_was_judged_stays_when_a_version_is_published_after_it(
    versions: list[Dated], received_at: datetime, later_s: int
) -> None:
    before = Versions(BUILT_IN, versions).at(received_at)
    new = Dated(received_at + timedelta(seconds=later_s), len(versions) + 1, Rules(KNOWN))
    assert Versions(BUILT_IN, [*versions, new]).at(received_at) is before
    assert Versions(BUILT_IN, [*versions, new]).at(new.since) is new.rules


@law
@given(calendars)
def test_a_document_with_a_calendar_is_read_back_as_it_was(calendar: dict[str, DayKind]) -> None:
    known = RuleSet(rules=KNOWN.rules, inhibitions=KNOWN.inhibitions, calendar=calendar)
    assert read_rules(document_of(known)) == published_rules(document_of(known)) == known


def test_what_no_longer_fits_a_newer_program_gives_way() -> None:
    """A document that was published once is never a reason for the readers of the log to stand still."""
    fire = {"id": "alarm_fire", "severity": "low", "category": "fire", "when": {"kind": "alarm", "alarm": "fire"}}
    said = {"schema": "alert-rules/1", "without": ["alarm_sos", "of_an_older_program", "crowd"], "rules": [fire]}
    found = {rule.id: rule.severity for rule in published_rules(said).rules}
    assert (found["alarm_fire"], found["alarm_sos"], "crowd" in found) == ("critical", "critical", False)

"""Matters are told from the set of their alerts: any order, any repeats, any pieces give the same."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.alerts.built_in import BUILT_IN
from domain.alerts.incidents import Incident, Spot, changes, cut_of, incidents
from domain.alerts.inhibition import inhibited
from domain.alerts.rules import Fact, Inhibition
from domain.alerts.words import Alert
from domain.events import Event
from domain.places import Place
from tests.domain.alerts.told import NOON, told

SPOT = Spot("garden", "security", "gate")
FIRE = Inhibition(by=("alarm_fire",), of=("door_forced",), before_s=10, after_s=600)

alerts = st.builds(
    lambda second, reach, place, severity: told(
        f"{second}-{reach}-{place}-{severity}", second, reach_s=reach, place=place, severity=severity
    ),
    st.integers(0, 900),
    st.sampled_from([60, 200]),
    st.sampled_from(["gate", "yard"]),
    st.sampled_from(["low", "critical"]),
)
some_twice = st.lists(alerts, max_size=12).flatmap(
    lambda some: st.tuples(st.just(some), st.permutations([*some, *some]))
)
cuts = st.lists(st.integers(0, 900).map(lambda second: NOON + timedelta(seconds=second)), max_size=2)


@settings(max_examples=60, deadline=None)
@given(some_twice, cuts)
def test_any_order_and_repeats_give_the_same_matters(
    told_: tuple[list[Alert], list[Alert]], closed: list[datetime]
) -> None:
    once, often = told_
    found = incidents(once, {SPOT: closed})
    assert incidents(often, {SPOT: closed}) == found
    assert incidents(_through_the_store(often), {SPOT: closed}) == found
    assert sorted(alert.id for one in found for alert in one.alerts) == sorted({alert.id for alert in once})
    assert [one.id for one in found if one.spot == SPOT] == _reckoned([a for a in once if a.place == "gate"], closed)


def _through_the_store(some: list[Alert]) -> list[Alert]:
    return msgspec.json.decode(msgspec.json.encode(some), type=list[Alert])


def _reckoned(here: list[Alert], closed: list[datetime]) -> list[str]:
    """The first alerts of matters, each told by looking at all alerts before it."""
    found: list[str] = []
    ordered = sorted({alert.id: alert for alert in here}.values(), key=lambda one: (one.occurred_at, one.id))
    for index, alert in enumerate(ordered):
        reached = [
            one
            for one in ordered[:index]
            if alert.occurred_at <= one.occurred_at + timedelta(seconds=one.reach_s)
            and not any(one.occurred_at <= cut < alert.occurred_at for cut in closed)
        ]
        found += [] if reached else [alert.id]
    return found


def test_what_comes_after_a_matter_was_closed_is_another() -> None:
    first = incidents([told("a"), told("b", 20)])
    cut = cut_of(first[0], NOON)  # by the server's clock even before the last alert
    assert [one.id for one in incidents([told("a"), told("b", 20), told("c", 30)], {SPOT: [cut]})] == ["a", "c"]


def test_an_alert_between_two_matters_makes_them_one() -> None:
    before = incidents([told("a"), told("c", 500)])
    after = incidents([told("a"), told("b", 250), told("c", 500)])
    (change,) = changes(before, after)
    assert (change.incident.id, change.was, [alert.id for alert in change.added]) == ("a", ("a", "c"), ["b"])


def test_a_matter_shows_each_cause_once_with_how_often() -> None:
    camera = told("p", 3, "person_at_night", device="frigate:yard", severity="medium")
    (matter,) = incidents([told("a"), told("b", 5), told("c", 9), camera])
    assert [(row.rule, row.times) for row in matter.causes] == [("door_forced", 3), ("person_at_night", 1)]
    assert matter.severity == "high"


def test_ten_thousand_in_a_minute_are_a_few_matters_and_all_there() -> None:
    flood = [told(f"{n}", n % 60, place=f"gate {n % 7}") for n in range(10_000)]
    found = incidents(flood)
    assert len(found) == 7
    assert sum(len(one.alerts) for one in found) == 10_000


def _mute(*some: Alert, rule: Inhibition = FIRE) -> set[str]:
    return set(inhibited(some, [rule]))


def test_a_fire_alarm_mutes_the_doors_it_freed_in_either_order() -> None:
    fire = told("fire", 2, "alarm_fire", severity="critical", category="fire", place="hall")
    assert _mute(told("door"), fire) == _mute(fire, told("door")) == {"door"}
    assert _mute(told("before", -60), fire) == _mute(told("after", 900), fire) == set()
    assert _mute(told("elsewhere", complex="other"), fire) == set()


def test_nothing_mutes_what_is_worse_or_newer_than_itself() -> None:
    mild = told("fire", 0, "alarm_fire", severity="medium")
    late = told("fire", 0, "alarm_fire", severity="critical", lateness="late")
    assert _mute(told("door", severity="critical"), mild) == _mute(told("door"), late) == set()


def test_a_silent_gateway_mutes_its_own_devices_alone() -> None:
    rule = Inhibition(by=("alarm_gateway_silent",), of=("device_offline",), scope="gateway", before_s=600)
    silent = told("s", 300, "alarm_gateway_silent", gateway="g1")
    own = told("own", 0, "device_offline", gateway="g1", severity="low")
    other, unsaid = (told(n, 0, "device_offline", gateway=n, severity="low") for n in ("g2", ""))
    assert _mute(silent, own, other, unsaid, rule=rule) == {"own"}


def test_an_incident_is_named_by_its_first_alert() -> None:
    assert Incident((told("x"), told("y", 1))).id == "x"


@pytest.mark.parametrize(
    ("rule", "label", "zones", "matters"),
    [("vehicle_in_fire_lane", "car", ["fire_lane"], 1), ("crowd", "crowd", [], 5)],
    ids=["a car that stays in a fire lane", "the control: what does not stay"],
)
def test_what_stays_and_is_found_again_and_again_is_one_matter(
    rule: str, label: str, zones: list[str], matters: int
) -> None:
    """Each time the camera takes it for another one, forty minutes after it saw it last."""
    found: list[Alert] = []
    for number in range(5):
        at = NOON + timedelta(minutes=40 * number)
        seen = Event(kind="detection", device="camera:yard", label=label, phase="start", zones=zones, time=at)
        alert = BUILT_IN.alert(seen, Place(), Fact(bytes([number]) * 16, "garden", "live"))
        assert alert is not None and alert.rule == rule
        found.append(alert)
    assert len(incidents(found)) == matters

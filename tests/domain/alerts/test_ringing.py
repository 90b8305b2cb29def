"""What rings and what does not, and by which name; silences, noise, the cooldown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.alerts.incidents import Incident, incidents
from domain.alerts.noise import WITHIN, Judged, ends_at, noisy, rates, source_of
from domain.alerts.ringing import Known, Sent, verdict
from domain.alerts.silences import BadSilence, Silence, check
from domain.alerts.words import Alert
from tests.domain.alerts.told import NOON, told

SOON = NOON + timedelta(seconds=5)


def matter(*some: Alert) -> Incident:
    (found,) = incidents(some)
    return found


def silence(**changes: Any) -> Silence:
    fields: dict[str, Any] = {"id": "s", "complex": "garden", "by": "wang", "reason": "门磁坏了"}
    return Silence(**{**fields, "since": NOON, "until": NOON + timedelta(hours=8), **changes})


def why(one: Incident, at: Any = SOON, **known: Any) -> str:
    return verdict(one, Known(**known), at).why


def test_only_live_ones_ring_and_each_other_has_a_name() -> None:
    assert why(matter(told("a"))) == "rings"
    assert why(matter(told("a", lateness="recent"))) == why(matter(told("a", lateness="late"))) == "late"
    assert why(matter(told("a")), at=NOON + timedelta(hours=2)) == "late"  # nobody was there to ring it
    assert why(matter(told("a")), inhibited={"a": "fire"}) == "inhibited"
    assert why(matter(told("a")), silences=[silence()]) == "silenced"
    assert why(matter(told("a", looks=2))) == "unsure"


def test_a_second_look_or_a_door_makes_sure() -> None:
    camera = told("a", 0, "person_at_night", device="frigate:yard", looks=2)
    assert why(matter(camera, told("b", 4, "person_at_night", device="frigate:yard", looks=2))) == "rings"
    assert why(matter(camera, told("d", 3, "door_held_open", severity="medium"))) == "rings"
    door = told("d", 3, severity="high")
    assert why(matter(camera, door), inhibited={"d": "fire"}) == "unsure"  # what only follows proves nothing


def test_the_cooldown_counts_what_was_sent_and_mutes_nothing_worse() -> None:
    one = matter(told("a"))
    sent = Sent(one.spot, "high", NOON - timedelta(minutes=3))
    assert why(one, sent=[sent]) == "cooldown"
    assert why(one, sent=[sent._replace(severity="medium")]) == "rings"
    assert why(one, sent=[sent._replace(at=NOON - timedelta(minutes=11))]) == "rings"
    assert why(one, sent=[sent._replace(at=NOON + timedelta(hours=1))]) == "rings"  # the clock was set back
    assert why(matter(told("a", severity="critical")), sent=[sent._replace(severity="critical")]) == "rings"


def test_a_silence_is_of_what_it_names_and_ends() -> None:
    alert = told("a")
    assert silence(device="uhppoted:1").covers(alert, SOON)
    assert not silence(device="uhppoted:2").covers(alert, SOON)
    assert not silence(complex="other").covers(alert, SOON)
    assert not silence().covers(alert, NOON + timedelta(hours=8))
    assert not silence().covers(told("a", severity="critical"), SOON)
    by_name = silence(up_to="critical", device="uhppoted:1")
    assert by_name.covers(told("a", severity="critical"), SOON)
    assert not by_name.covers(told("a", severity="critical", category="fire"), SOON)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"reason": "  "}, "reason"),
        ({"until": NOON}, "later end"),
        ({"until": NOON + timedelta(hours=25)}, "at most 24 hours"),
        ({"up_to": "critical"}, "name it"),
    ],
)
def test_a_silence_that_is_not_allowed_says_what_would_be(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(BadSilence, match=says):
        check(silence(**changes), on_a_phone=True)
    check(silence(until=NOON + timedelta(hours=24)), on_a_phone=True)


def test_a_source_that_cries_wolf_is_taken_less_seriously_and_that_is_told_once() -> None:
    alert = told("a")
    source = source_of(alert)
    said = [Judged(source, f"a{n}", NOON - timedelta(hours=10 - n), n != 0) for n in range(6)]
    notices = noisy([*said, *said], NOON)
    assert rates([*said, *said], NOON)[source] == (6, 5)
    assert notices[source].since == said[4].at  # four of five are enough
    assert verdict(matter(alert), Known(noisy=notices), SOON).severity == "medium"
    later = [*said, Judged(source, "a9", NOON - timedelta(minutes=1), True)]
    assert noisy(later, NOON)[source].since == said[4].at
    assert noisy([*said, Judged(source, "a5", NOON, False)], NOON) == {}  # on a second look it was one
    assert noisy(said, NOON + timedelta(days=15)) == {}
    ends = ends_at(source, said, NOON)
    assert noisy(said, ends) == {} and noisy(said, ends - timedelta(seconds=1)).keys() == {source}
    assert ends == said[1].at + WITHIN  # four are too few
    assert ends_at(source, [*said, Judged(source, "a9", NOON, True)], NOON) == said[2].at + WITHIN
    fire = told("f", severity="critical", category="fire")
    of_fire = {source_of(fire): notices[source]}
    assert verdict(matter(fire), Known(noisy=of_fire), SOON).severity == "critical"

"""What a legal basis covers: nothing without one, nothing outside its classes and time, nobody's name unless said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import Event, Kind, Media, Subject
from domain.feeds.basis import BadBasis, Basis, check, cover
from domain.feeds.classes import CLASSES, class_of, is_urgent
from domain.gb28181.alarms import BUILT_IN
from domain.viid.capture import LABELS

NOW = datetime(2026, 11, 27, 4, tzinfo=UTC)
BASIS = Basis(
    unit="市公安局",
    document="公函2026-7",
    classes=frozenset({"alarm", "vehicle", "door"}),
    since=NOW - timedelta(days=1),
    until=NOW + timedelta(days=30),
)
HOURS = st.integers(-2_000, 2_000).map(lambda hours: NOW + timedelta(hours=hours))
EVENTS = st.builds(
    Event,
    kind=st.sampled_from(get_args(Kind)),
    device=st.just("x:1"),
    time=HOURS,
    label=st.sampled_from(["person", "car", "bicycle", "face", "loitering", "cat", None]),
    state=st.sampled_from(["forced_open", "closed", None]),
)
BASES = st.builds(
    Basis,
    unit=st.just("u"),
    document=st.just("d"),
    classes=st.frozensets(st.sampled_from(CLASSES)),
    since=HOURS,
    until=HOURS,
    identity_fields=st.booleans(),
    ended_at=st.none() | HOURS,
)


def swipe(**more: Any) -> Event:
    subject = Subject(type="card", id="123", name="王小明", person_id="7", facility=1, number=2)
    media = [Media(role="face", sha256="f"), Media(role="scene", sha256="s")]
    said: dict[str, Any] = {"subject": subject, "media": media, "ext": {"card": "c", "box": 1}} | more
    return Event(kind="access", device="x:1", time=NOW, result="granted", **said)


@given(EVENTS, st.lists(BASES, max_size=3), st.frozensets(st.sampled_from(CLASSES)), HOURS)
def test_nothing_goes_but_on_a_basis(event: Event, bases: list[Basis], off: frozenset[str], now: datetime) -> None:
    data_class = class_of(event)
    if data_class is None:
        return
    cut = cover(bases, off, now).cut(event, data_class)
    held = [one for one in bases if one.since <= now < one.until and not (one.ended_at and now >= one.ended_at)]
    fits = [one for one in held if data_class in one.classes and one.since <= event.occurred_at < one.until]
    assert (cut is not None) == (bool(fits) and data_class not in off)


def test_with_no_basis_nothing_is_covered() -> None:
    assert cover([], (), NOW).cut(swipe(), "door") is None
    assert not cover([], (), NOW).classes


def test_who_somebody_is_goes_only_where_the_basis_says_so() -> None:
    cut = cover([BASIS], (), NOW).cut(swipe(), "door")
    assert cut is not None
    assert cut.subject == Subject(type="card")
    assert cut.ext == {"box": 1}
    whole = cover([msgspec.structs.replace(BASIS, identity_fields=True)], (), NOW).cut(swipe(), "door")
    assert whole is not None
    assert whole.subject == swipe().subject
    assert whole.ext == swipe().ext


def test_a_plate_is_what_the_class_is_about() -> None:
    car = Event(kind="plate", device="x:1", time=NOW, subject=Subject(type="plate", id="京A12345", name="王小明"))
    cut = cover([BASIS], (), NOW).cut(car, "vehicle")
    assert cut is not None
    assert cut.subject == Subject(type="plate", id="京A12345")


def test_faces_are_a_class_of_their_own() -> None:
    cut = cover([BASIS], (), NOW).cut(swipe(), "door")
    assert cut is not None
    assert [one.role for one in cut.media] == ["scene"]
    faces = msgspec.structs.replace(BASIS, classes=BASIS.classes | {"face"})
    with_faces = cover([faces], (), NOW).cut(swipe(), "door")
    assert with_faces is not None
    assert len(with_faces.media) == 2
    switched = cover([faces], {"face"}, NOW).cut(swipe(), "door")
    assert switched is not None
    assert len(switched.media) == 1


def test_an_alarm_goes_before_all_else() -> None:
    assert is_urgent(Event(kind="alarm", device="x:1"))
    assert class_of(Event(kind="door", device="x:1", state="forced_open")) == "alarm"
    assert not is_urgent(Event(kind="plate", device="x:1"))
    assert is_urgent(Event(kind="detection", device="x:1", label="intrusion"))
    assert not is_urgent(Event(kind="detection", device="x:1", label="loitering"))


def test_what_libraries_below_saw_has_the_class_of_what_it_is() -> None:
    """A car at a camera without a lane is a vehicle; a picture of nobody knows what is owed to nobody."""
    found = {name: class_of(Event(kind="detection", device="x:1", label=label)) for name, label in LABELS.items()}
    assert found == {
        "MotorVehicle": "vehicle",
        "NonMotorVehicle": "nonmotor",
        "Face": "face",
        "Person": "person",
        "Image": None,
    }


def test_a_basis_ends_with_its_last_day() -> None:
    """The moment at which it ends is the first at which nothing goes."""
    last = BASIS.until - timedelta(milliseconds=1)
    assert BASIS.is_in_force(last) and not BASIS.is_in_force(BASIS.until)
    assert BASIS.covers("alarm", last) and not BASIS.covers("alarm", BASIS.until)


def test_every_detection_that_is_an_alarm_above_has_a_class_and_not_that_of_fire() -> None:
    """A basis for alarms written before does not carry what somebody was seen doing."""
    rows = [row for row in BUILT_IN if row.when.kind == ("detection",)]
    labels = {label for row in rows for label in row.when.label}
    assert {"intrusion", "loitering", "line_crossed"} <= labels
    assert {class_of(Event(kind="detection", device="x:1", label=label)) for label in labels} == {"behaviour"}
    alarms_only = msgspec.structs.replace(BASIS, classes=frozenset({"alarm"}))
    seen = Event(kind="detection", device="x:1", label="loitering", time=NOW)
    assert cover([alarms_only], (), NOW).cut(seen, "behaviour") is None


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"unit": " "}, "unit"),
    ({"document": ""}, "document"),
    ({"classes": frozenset()}, "classes"),
    ({"classes": frozenset({"salary"})}, "classes"),
    ({"until": NOW - timedelta(days=2)}, "until"),
    ({"since": NOW - timedelta(days=9), "until": NOW - timedelta(days=2)}, "until"),
]


@pytest.mark.parametrize(("wrong", "word"), WRONG)
def test_a_basis_that_leaves_something_open_is_refused(wrong: dict[str, Any], word: str) -> None:
    with pytest.raises(BadBasis, match=word):
        check(msgspec.structs.replace(BASIS, **wrong), NOW)
    assert check(BASIS, NOW) is BASIS

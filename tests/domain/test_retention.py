"""Terms, holds and what is due: laws that hold for every setting and every record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.desired_bodies import Erasure
from domain.events import Event, Media, Subject, encode_event
from domain.places import Place
from domain.retention import BOUNDS, LOG_CLASSES, BadRetention, Hold, Judge, Terms, class_of, is_held
from domain.subjects import ErasureList, erased_by, forms_in, key_of
from domain.subjects import Subject as Whom
from domain.tombstones import TOMBSTONE, rewritten, tombstone, without_pictures
from domain.wire import check_events, pack, split_events, unpack

NOW = datetime(2026, 11, 26, tzinfo=UTC)
ALWAYS = Place()
names = st.sampled_from(sorted(BOUNDS))


def event(kind: str, **fields: object) -> Event:
    made = Event(kind=kind, device="x:1", recorded_at=NOW)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


EVENTS = [
    event("detection", label="car"),
    event("plate", subject=Subject(type="plate", id="京A12345")),
    event("access", result="granted"),
    event("access", result="denied"),
    event("door", state="forced_open"),
    event("alarm", alarm="smoke", state="active"),
    event("measurement"),
    event("something_new"),
]


@given(names, st.integers(min_value=-10, max_value=20_000))
def test_a_term_is_taken_exactly_within_its_bounds(name: str, days: int) -> None:
    bounds = BOUNDS[name]  # type: ignore[index]
    given_terms = {name: days, **({"alarm": 730} if name in ("vehicle", "door") else {})}
    if bounds.floor <= days <= bounds.ceiling and not (name == "alarm" and days < 90):
        if name != "alarm":
            assert msgspec.convert(given_terms, Terms).days(name) == days  # type: ignore[arg-type]
        return
    with pytest.raises(msgspec.ValidationError, match=f"retention.{name} = {days}"):
        msgspec.convert(given_terms, Terms)


def test_the_defaults_are_the_issues() -> None:
    assert [Terms().days(name) for name in (*LOG_CLASSES, "audit")] == [30, 90, 90, 180, 1_095]
    with pytest.raises(BadRetention, match="as long as what they lean on"):
        Terms(alarm=90, door=120)


@given(st.sampled_from(EVENTS), st.integers(0, 400), st.integers(0, 400))
def test_what_is_due_stays_due_and_never_before_its_floor(what: Event, age: int, later: int) -> None:
    judge = Judge(Terms(), ALWAYS, NOW)
    found = judge.due(what, NOW - timedelta(days=age), ())
    if found is not None:
        assert age > BOUNDS[found].floor - 1
        assert judge.due(what, NOW - timedelta(days=age + later), ()) == found
    if age > Terms().alarm:
        assert found == class_of(what, ALWAYS)


def test_what_raised_an_alert_is_an_alarm_and_so_is_the_picture_it_shows() -> None:
    assert class_of(event("access", result="denied"), ALWAYS) == "alarm"
    assert class_of(event("availability", state="offline"), ALWAYS) == "alarm"
    assert class_of(event("availability", state="online"), ALWAYS) == "door"
    seen = event("detection", media=[Media(role="scene", sha256="a" * 64)])
    judge = Judge(Terms(), ALWAYS, NOW)
    old = NOW - timedelta(days=60)
    assert judge.due(seen, old, ()) == "video_index"
    assert judge.due(seen, old, {"a" * 64}) is None
    assert judge.due(seen, NOW - timedelta(days=181), {"a" * 64}) == "alarm"


def test_a_hold_fits_all_its_criteria() -> None:
    car = event("plate", subject=Subject(type="plate", id="京A12345"))
    for hold, held in [
        (Hold(plate="京a·12345"), True),
        (Hold(plate="京A12345", complex="other"), False),
        (Hold(complex="garden"), True),
        (Hold(device="x:2"), False),
        (Hold(since=NOW + timedelta(seconds=1)), False),
        (Hold(since=NOW, until=NOW), True),
        (Hold(card="12345"), False),
        (Hold(card="99345"), False),
    ]:
        assert is_held([hold], "garden", car, NOW) is held, hold
    with pytest.raises(ValueError, match="names a complex"):
        Hold()


@pytest.mark.parametrize(
    ("kind", "value", "content"),
    [
        ("plate", "京A12345", {"subject": {"id": "京A·12345"}}),
        ("plate", "京A12345", {"text": "车牌：京A12345，入场"}),
        ("plate", "京AD12345", {"ext": {"deep": [{"license": "京ad12345"}]}}),
        ("plate", "使014578", {"subject": {"id": "使014578"}}),
        ("card", "8165538", {"subject": {"id": "0008165538"}}),
        ("card", "8165538", {"raw_codes": {"card-number": 8165538}}),
        ("card", "8165538", {"text": "card 8165538 at door 1"}),
        ("person", "王小明", {"subject": {"name": "王小明"}}),
        ("person", "王小明", {"text": "访客 王小明 登记"}),
        ("person", "Li Lei", {"subject": {"name": "LI  LEI"}}),
    ],
)
def test_a_subject_is_found_wherever_it_stands(kind: str, value: str, content: object) -> None:
    assert Whom(kind, value).form in forms_in(content)  # type: ignore[arg-type]
    other = {"plate": "沪B99999", "card": "777", "person": "李四"}[kind]
    assert Whom(kind, other).form not in forms_in(content)  # type: ignore[arg-type]


def test_a_list_of_erasures_names_nobody_and_ends_where_it_was_asked_for() -> None:
    whom = Whom("plate", "京A12345")
    assert "12345" not in repr(whom)
    salt = b"s" * 16
    erasures = ErasureList(salt.hex(), (Erasure("erasure-1", key_of(salt, whom.form), NOW),))
    assert "12345" not in str(erasures)
    car = event("plate", subject=Subject(type="plate", id="京A12345"))
    assert erased_by(encode_event(car), erasures) == "erasure-1"
    car.recorded_at = NOW + timedelta(milliseconds=1)
    assert erased_by(encode_event(car), erasures) is None, "what it does later is another matter"


@given(st.lists(st.sampled_from(EVENTS), min_size=1, max_size=30), st.data())
def test_a_rewritten_batch_keeps_its_origin_its_count_and_its_days(events: list[Event], data: st.DataObject) -> None:
    header, unpacked = unpack(pack("gw", "routine", "e1", 7, [encode_event(one) for one in events]))
    bodies = split_events(unpacked)
    gone = data.draw(st.sets(st.sampled_from(range(len(bodies)))))
    again, there = unpack(rewritten(header, bodies, {index: tombstone(bodies[index], "erased") for index in gone}))
    check_events(again, there)
    assert (again.gateway, again.stream, again.epoch, again.first, again.last) == (
        "gw",
        "routine",
        "e1",
        7,
        header.last,
    )
    for index, (before, after) in enumerate(zip(bodies, split_events(there), strict=True)):
        said = msgspec.json.decode(after, type=Event)
        assert said.recorded_at == NOW
        assert after == before if index not in gone else said.kind == TOMBSTONE


def test_a_picture_is_taken_out_of_the_events_that_name_it() -> None:
    body = encode_event(
        event("detection", media=[Media(role="scene", sha256="a" * 64), Media(role="plate", sha256="b" * 64)])
    )
    assert b"a" * 64 not in without_pictures(body, {"a" * 64}) and b"b" * 64 in without_pictures(body, {"a" * 64})
    assert without_pictures(body, {"c" * 64}) is body

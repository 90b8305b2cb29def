"""The same fact has the same id; two different facts never share one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from domain.events import Event, Subject, decode_event, encode_event
from domain.ids import Origin, event_id, fact_id

AT = datetime(2026, 3, 1, 0, 15, 30, tzinfo=UTC)
ORIGIN = Origin("gw-1", "routine", "e1", 7)
SWIPE = Event(kind="access", device="uhppoted:1", point="door/1", source_event_id="69", time=AT, recorded_at=AT)


def changed(event: Event, **fields: object) -> Event:
    return msgspec.structs.replace(event, **fields)


def test_a_numbered_fact_is_named_by_its_number_whenever_and_however_it_comes() -> None:
    later = changed(SWIPE, recorded_at=AT + timedelta(hours=3), time_quality="replay", retained=True)
    other_clock = changed(SWIPE, time=AT + timedelta(seconds=1))
    assert fact_id(SWIPE) == fact_id(later) == fact_id(other_clock)
    assert event_id(SWIPE, ORIGIN) == event_id(SWIPE, Origin("gw-9", "urgent", "e5", 1))


@pytest.mark.parametrize(
    "fields",
    [
        {"device": "uhppoted:2"},
        {"kind": "door"},
        {"point": "door/2"},
        {"phase": "end"},
        {"state": "open"},
        {"source_event_id": "70"},
        {"subject": Subject(type="card", id="5")},
    ],
)
def test_another_fact_has_another_id(fields: dict[str, object]) -> None:
    assert fact_id(changed(SWIPE, **fields)) != fact_id(SWIPE)


def test_where_counters_restart_the_time_tells_facts_apart() -> None:
    restarted = changed(SWIPE, counter_restarts=True)
    assert fact_id(restarted) != fact_id(changed(restarted, time=AT + timedelta(days=1)))


def test_updates_repeat_their_number_and_are_facts_of_their_own() -> None:
    update = changed(SWIPE, phase="update")
    assert fact_id(update) != fact_id(changed(update, time=AT + timedelta(seconds=1)))


def test_two_values_of_one_second_are_two_facts() -> None:
    pressed = Event(kind="input", device="x:1", point="input/0", value=1, time=AT)
    assert fact_id(pressed) != fact_id(changed(pressed, value=0))
    assert fact_id(pressed) == fact_id(changed(pressed))


def test_without_number_and_time_the_origin_names_it() -> None:
    bare = Event(kind="detection", device="x:1", recorded_at=AT)
    assert fact_id(bare) is None
    assert event_id(bare, ORIGIN) != event_id(bare, Origin("gw-1", "routine", "e1", 8))
    assert event_id(bare, ORIGIN) == event_id(bare, ORIGIN)


def test_absent_parts_do_not_slide_into_each_other() -> None:
    one = Event(kind="door", device="x:1", point="a", source_event_id="b", time=AT)
    other = Event(kind="door", device="x:1", point=None, state="a", source_event_id="b", time=AT)
    assert fact_id(one) != fact_id(other)


def test_the_way_changes_no_id() -> None:
    arrived = decode_event(encode_event(SWIPE))
    assert fact_id(arrived) == fact_id(SWIPE)
    timed = Event(kind="input", device="x:1", value=1.0, time=AT.astimezone(tz=None))
    assert fact_id(decode_event(encode_event(timed))) == fact_id(timed)

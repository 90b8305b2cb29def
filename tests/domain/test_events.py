"""Which stream an event travels in, and how it is shown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.events import Event, Subject, stream_of, to_plain

AT = datetime(2026, 3, 1, 0, 15, 30, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("event", "stream"),
    [
        (Event(kind="alarm", device="x:1"), "urgent"),
        (Event(kind="command_result", device="x:1"), "urgent"),
        (Event(kind="door", device="x:1", state="forced_open"), "urgent"),
        (Event(kind="door", device="x:1", state="held_open"), "urgent"),
        (Event(kind="access", device="x:1", result="denied"), "urgent"),
        (Event(kind="plate", device="x:1"), "money"),
        (Event(kind="barrier", device="x:1"), "money"),
        (Event(kind="charging", device="x:1"), "money"),
        (Event(kind="access", device="x:1", result="granted"), "routine"),
        (Event(kind="door", device="x:1", state="open"), "routine"),
        (Event(kind="something new", device="x:1"), "routine"),
    ],
)
def test_no_backlog_stands_before_an_alarm(event: Event, stream: str) -> None:
    assert stream_of(event) == stream


def test_shown_in_milliseconds_with_null_time_said() -> None:
    shown = to_plain(Event(kind="plate", device="v:1", time=AT, subject=Subject(type="plate", id="粤B8K6Q2")))
    assert shown["time"] == "2026-03-01T00:15:30.123Z"
    assert shown["subject"] == {"type": "plate", "id": "粤B8K6Q2"}
    assert "zones" not in shown
    assert to_plain(Event(kind="plate", device="v:1"))["time"] is None


def test_an_event_without_any_time_says_so() -> None:
    with pytest.raises(ValueError, match="neither"):
        _ = Event(kind="plate", device="v:1").occurred_at

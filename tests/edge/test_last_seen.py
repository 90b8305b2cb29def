"""When each device was last heard: bounded, no ghosts, kept over a restart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from domain.events import Event
from edge.intake.last_seen import LastSeen

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def said(device: str, kind: str = "input", **more: object) -> Event:
    return msgspec.convert({"kind": kind, "device": device, **more}, Event)


def test_a_device_is_seen_by_whatever_it_says_new_or_not() -> None:
    seen = LastSeen()
    for minute in (0, 5):
        seen.note(said("a:1", "availability", state="online"), NOW + timedelta(minutes=minute))
    assert seen.shown([]) == {"a:1": {"at": "2026-03-01T00:05:00Z", "state": "online"}}


def test_what_a_broker_kept_or_says_for_a_dead_device_is_no_sign_of_life() -> None:
    seen = LastSeen()
    seen.note(said("a:1", retained=True), NOW)
    seen.note(said("a:2"), NOW)
    seen.note(said("a:2", "availability", state="offline"), NOW + timedelta(hours=1))
    assert seen.shown(["a:1", "a:2"]) == {
        "a:1": {"at": None, "state": None},
        "a:2": {"at": "2026-03-01T00:00:00Z", "state": "offline"},
    }


def test_the_one_silent_longest_is_forgotten_first() -> None:
    seen = LastSeen(max_devices=2)
    for device in ("a:1", "a:2", "a:1", "a:3"):
        seen.note(said(device), NOW)
    assert list(seen.shown([])) == ["a:3", "a:1"]


def test_listed_devices_are_always_shown_and_of_the_others_the_newest() -> None:
    seen = LastSeen()
    for number in range(1_000):
        seen.note(said(f"a:{number}"), NOW)
    shown = list(seen.shown(["a:0", "a:never"]))
    assert shown[:3] == ["a:0", "a:999", "a:998"]
    assert len(shown) == 201


def test_a_restart_keeps_it_and_passes_over_what_it_cannot_read() -> None:
    seen = LastSeen()
    for device in ("a:1", "a:2"):
        seen.note(said(device), NOW)
    left = msgspec.json.decode(msgspec.json.encode(seen.shown([])))
    again = LastSeen(max_devices=2)
    again.restore({**left, "a:3": "nonsense"})
    assert again.shown([]) == seen.shown([])
    again.note(said("a:4"), NOW)
    assert list(again.shown([])) == ["a:4", "a:2"]

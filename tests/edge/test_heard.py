"""What a hello says of the devices: at once where a state changed, once a minute where only times did, all of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from domain.events import Event
from edge.devices.driver import discover
from edge.intake.last_seen import LastSeen
from edge.status.heard import Heard

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DOOR = "uhppote:1"


class Bench:
    def __init__(self) -> None:
        self.seen, self.now_s = LastSeen(), 0.0
        self.heard = Heard(self.seen, lambda: [DOOR, "uhppote:never"], discover(), lambda: self.now_s)

    def say(self, device: str = DOOR, **fields: object) -> None:
        said = msgspec.convert({"kind": "input", "device": device, **fields}, Event)
        self.seen.note(said, NOW + timedelta(seconds=self.now_s))

    def hello(self, *, answered: bool = True) -> dict[str, dict[str, object]] | None:
        due = self.heard.due()
        if answered:
            self.heard.told({"version": "1", **due})
        return due["heard"]["devices"] if due else None


def test_times_go_once_a_minute_and_states_at_once() -> None:
    bench = Bench()
    bench.say()
    bench.say("uhppote:stranger")
    assert bench.hello() == {DOOR: {"at": NOW}}, "who is listed and was heard"
    assert bench.hello() is None
    bench.now_s = 30
    bench.say()
    assert bench.hello() is None, "a time alone waits"
    bench.say(kind="availability", state="offline")
    said = bench.hello()
    assert said and said[DOOR]["state"] == "offline"
    bench.now_s = 95
    bench.say()
    said = bench.hello()
    assert said and said[DOOR]["at"] == NOW + timedelta(seconds=95)


def test_what_was_not_answered_is_said_again_and_all_of_it_every_ten_minutes() -> None:
    bench = Bench()
    bench.say()
    assert bench.hello(answered=False) == bench.hello() != {}
    bench.now_s = 599
    assert bench.hello() is None
    bench.now_s = 600
    assert bench.hello() == {DOOR: {"at": NOW}}


def test_a_wrong_clock_is_a_fault_until_it_is_right() -> None:
    bench = Bench()
    for quality, fault in (("device_clock_bad", "clock"), ("replay", "clock"), ("assumed_zone", "zone"), ("ok", None)):
        bench.say(time_quality=quality)
        said = bench.hello()
        assert (said or {DOOR: {"fault": "clock"}})[DOOR].get("fault") == fault, quality


def test_every_kind_has_a_page_that_says_what_to_set() -> None:
    folder = Path(__file__).parents[2] / "docs" / "devices"
    assert {page for page in discover().pages.values() if not (folder / f"{page}.md").is_file()} == set()

"""What a camera does when something happens: which events count, which reaction goes first, and the way back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import KINDS, Event
from edge.config import mistakes
from edge.onvif.settings import Camera, Onvif, Reaction
from edge.onvif.turning import Turning

CAMERA, DOOR = "camera:dome", "uhppoted:405419896"
FORCED = Event(kind="door", device=DOOR, state="forced_open", place="3 号楼", phase="start", ext={"zone": "restricted"})


def reaction(**told: Any) -> Reaction:
    return msgspec.convert({"kinds": ["door"], "preset": "2", **told}, Reaction)


def turning(*reactions: Reaction, home: str = "") -> Turning:
    return Turning(CAMERA, Camera(home=home, reactions=reactions))


def like(event: Event = FORCED, **changes: Any) -> Event:
    return msgspec.structs.replace(event, **changes)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"devices": ["x:1", DOOR]},
        {"places": ["3 号楼"]},
        {"zones": ["restricted"]},
        {"words": ["forced_open"]},
        {"kinds": ["alarm", "door"], "devices": [DOOR], "zones": ["restricted"], "words": ["held_open", "forced_open"]},
    ],
)
def test_an_event_that_fits(told: dict[str, Any]) -> None:
    assert reaction(**told).fits(FORCED)


@pytest.mark.parametrize(
    ("told", "changes"),
    [
        ({"kinds": ["alarm"]}, {}),
        ({"devices": ["x:1"]}, {}),
        ({"places": ["东门"]}, {}),
        ({"zones": ["public"]}, {}),
        ({"words": ["held_open"]}, {}),
        ({}, {"phase": "end"}),
        ({}, {"phase": "update"}),
        ({}, {"retained": True}),
        ({}, {"time_quality": "replay"}),
        ({}, {"state": "cleared"}),
    ],
)
def test_an_event_that_does_not(told: dict[str, Any], changes: dict[str, Any]) -> None:
    assert not reaction(**told).fits(like(**changes))


def test_a_zone_may_be_one_that_is_drawn_in_a_picture() -> None:
    seen = Event(kind="detection", device="camera:yard", label="person", zones=["fire_lane"])
    assert reaction(kinds=["detection"], zones=["fire_lane"], words=["person"]).fits(seen)


def test_it_turns_once_stays_while_it_goes_on_and_turns_back() -> None:
    one = turning(reaction(hold_s=30), home="1")
    deed = one.seen(FORCED, 100.0)
    assert deed is not None and (deed.turns, deed.preset, deed.takes) == (True, "2", False)
    assert deed.trigger == f"door {DOOR} forced_open"
    assert one.seen(FORCED, 120.0) is None, "it looks there already; only for longer"
    assert one.due(149.9) is None
    back = one.due(150.0)
    assert back is not None and (back.preset, back.is_back, back.again) == ("1", True, False)
    assert one.due(1_000.0) is None


def test_what_stands_first_goes_first() -> None:
    first, second = reaction(words=["forced_open"], preset="1"), reaction(preset="2", hold_s=10)
    one = turning(first, second)
    assert getattr(one.seen(like(state="open"), 0.0), "preset", None) == "2"
    assert getattr(one.seen(FORCED, 1.0), "preset", None) == "1"
    assert one.seen(like(state="open"), 2.0) is None, "the lesser does not turn it away"
    assert one.due(12.0) is None
    assert one.due(31.0) is not None


def test_what_moves_because_it_turns_sets_nothing_off() -> None:
    motion = Event(kind="detection", device=CAMERA, label="motion", phase="start")
    one = turning(reaction(kinds=["detection", "door"], preset="2"), reaction(kinds=["detection"], preset="3"))
    assert one.seen(FORCED, 0.0) is not None
    assert one.seen(motion, 4.9) is None
    assert one.due(30.0) is not None
    assert one.seen(motion, 34.9) is None
    assert one.seen(motion, 35.0) is not None
    assert one.seen(like(motion, label="snapshot"), 99.0) is None


def test_pictures_are_taken_so_often_and_no_more() -> None:
    one = turning(reaction(preset="", snapshot=True))
    taken = [one.seen(FORCED, float(second)) is not None for second in range(12)]
    assert [second for second, was in enumerate(taken) if was] == [0, 5, 10]
    assert one.due(1_000.0) is None, "who did not turn has no way back"


def test_a_turn_that_failed_is_tried_with_the_next_event_and_the_way_back_until_it_is_done() -> None:
    one = turning(reaction(hold_s=30))
    deed = one.seen(FORCED, 0.0)
    assert deed is not None
    one.failed(deed, 1.0)
    assert one.seen(FORCED, 2.0) is not None
    back = one.due(32.0)
    assert back is not None
    one.failed(back, 33.0)
    assert one.due(47.9) is None
    again = one.due(48.0)
    assert again is not None and again.is_back and again.again
    assert one.due(1_000.0) is None


@given(st.lists(st.tuples(st.sampled_from(["door", "alarm", "input"]), st.floats(0.01, 60)), max_size=40))
def test_it_ends_at_home_and_never_turns_to_where_it_is(steps: list[tuple[str, float]]) -> None:
    one = turning(reaction(kinds=["alarm"], preset="1", hold_s=5), reaction(kinds=["door"], preset="2", hold_s=20))
    looks_at, now_s = "", 0.0
    for kind, pause_s in steps:
        now_s += pause_s
        for deed in (one.due(now_s), one.seen(like(kind=kind), now_s)):
            if deed is not None:
                assert deed.preset != looks_at
                looks_at = deed.preset
    if (back := one.due(now_s + 60)) is not None:
        looks_at = back.preset
    assert looks_at == ""


# --- settings ---


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"kinds": ["doors"], "preset": "1"}, "there is no 'doors'; there are"),
        ({"kinds": [], "preset": "1"}, "length"),
        ({"kinds": ["door"]}, "neither preset nor snapshot"),
        ({"kinds": ["command_result"], "preset": "1"}, "there is no 'command_result'"),
        ({"kinds": ["door"], "preset": "1", "hold_s": 0}, "hold_s"),
        ({"kinds": ["door"], "preset": "1", "device": ["x"]}, "device"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_its_path(told: dict[str, Any], said: str) -> None:
    found = mistakes({"onvif": {"cameras": {CAMERA: {"reactions": [told]}}}})
    assert len(found) == 1
    assert "onvif.cameras" in found[0]
    assert said in found[0]


def test_every_kind_but_our_own_deeds_may_set_something_off() -> None:
    for kind in set(KINDS) - {"command_result"}:
        assert reaction(kinds=[kind]).kinds == (kind,)


def test_whose_own_events_are_taken() -> None:
    told = Onvif({"camera:b": Camera(events="on"), "onvif:b": Camera(events="off")})
    wanted = [told.wants_events(device) for device in ("camera:a", "camera:b", "onvif:a", "onvif:b")]
    assert wanted == [False, True, True, False]

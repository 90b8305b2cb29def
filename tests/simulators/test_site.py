"""A site's story is the same for a seed, adds up in itself, and has what a demonstration needs."""

from __future__ import annotations

import itertools
import json
from base64 import b64decode
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.cars import make_car, misread
from simulators.devices.message import DeviceMessage
from simulators.estate import LANE_IN, LANE_OUT
from simulators.site import Site
from simulators.step import Step, Told, in_order
from simulators.truth import CardShown, CarPassed, DoorMoved, GroundTruth

BASE = datetime(2026, 3, 1, 0, 0, 0, tzinfo=UTC)


def played(site: Site, base: datetime = BASE) -> tuple[list[tuple[float, DeviceMessage]], GroundTruth]:
    """Everything a site sends, with the second at which it does, and what is true."""
    truth, sent = GroundTruth(), []
    for step in site.steps(site.estate(base)):
        told = step.build(base + timedelta(seconds=step.at_s))
        sent += [(step.at_s, message) for message in told.messages]
        truth.add(list(told.facts))
    return sent, truth


def site(seed: int = 1, minutes: float = 5, rate: float = 1.0) -> Site:
    return Site(seed, minutes, rate, drawn=False)


def test_the_same_seed_is_the_same_story() -> None:
    assert played(site(7)) == played(site(7))
    assert played(site(7))[0] != played(site(8))[0]


def test_only_the_base_time_comes_from_outside() -> None:
    _, one = played(site(7))
    _, other = played(site(7), BASE + timedelta(days=3))
    moved = [car.occurred_at + timedelta(days=3) for car in one.cars]
    assert [car.occurred_at for car in other.cars] == moved
    assert [(car.plate, car.direction) for car in other.cars] == [(car.plate, car.direction) for car in one.cars]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.5, 4))
def test_a_car_leaves_once_and_only_after_it_came(seed: int, minutes: float) -> None:
    _, truth = played(site(seed, minutes, rate=3))
    inside: set[str | None] = set()
    for car in (car for car in truth.cars if car.plate is not None):
        assert (car.plate in inside) == (car.direction == "out")
        (inside.add if car.direction == "in" else inside.remove)(car.plate)
    assert truth.inside == inside


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_steps_come_in_order_of_time(seed: int) -> None:
    times = [step.at_s for step in site(seed, 3).steps(site(seed).estate(BASE))]
    assert times == sorted(times)
    assert times[-1] < 180


def test_the_first_alert_comes_within_five_seconds_and_others_follow() -> None:
    _, truth = played(site())
    seconds = [(alarm.occurred_at - BASE).total_seconds() for alarm in truth.alarms]
    assert seconds[0] <= 5
    gaps = [later - earlier for earlier, later in itertools.pairwise(seconds)]
    assert all(10 <= gap <= 15 for gap in gaps)
    assert {alarm.cause for alarm in truth.alarms} == {"door_forced", "access_denied", "person_at_night"}


@pytest.mark.parametrize("rate", [0.5, 1.0, 4.0])
def test_facts_come_at_about_the_rate(rate: float) -> None:
    _, truth = played(site(3, 10, rate))
    of_alerts = [fact for fact in truth.facts if not isinstance(fact, CarPassed | CardShown | DoorMoved)]
    a_second = (len(truth.facts) - len(of_alerts)) / 600
    assert 0.6 * rate <= a_second <= 1.5 * rate


def test_kept_records_come_in_the_first_minute_and_their_cars_leave_during_the_run() -> None:
    sent, truth = played(site())
    kept = [car for car in truth.cars if car.kept]
    assert len(kept) == 20
    assert all(car.occurred_at < BASE - timedelta(minutes=25) for car in kept)
    assert all(at_s < 60 for at_s, message in sent if b'"isoffline":1' in message.payload)
    assert {car.plate for car in kept} - truth.inside
    charged = [stay for stay in truth.stays if stay.left_at - stay.entered_at > timedelta(minutes=20)]
    assert len(charged) >= 10


def test_there_is_a_misread_plate_and_a_car_without_one() -> None:
    _, truth = played(site())
    wrong = [car for car in truth.cars if car.read != car.plate]
    assert wrong
    for car in wrong:
        assert car.plate is not None
        assert car.read is not None
        assert sum(a != b for a, b in zip(car.plate, car.read, strict=True)) == 1
    assert {car.direction for car in truth.cars if car.plate is None} == {"in", "out"}


def test_both_lanes_speak_in_their_own_layout() -> None:
    sent, _ = played(site())
    topics = Counter(message.topic for _, message in sent)
    assert topics[f"device/{LANE_IN.sn}/message/up/ivs_result"] > 0
    assert topics[f"{LANE_OUT.sn}/device/message/up/ivs_result"] > 0
    assert topics["uhppoted/gateway/events"] == topics["uhppoted/gateway/events/live"] > 0


def test_a_forced_door_has_a_picture_from_the_same_place() -> None:
    sent, truth = played(Site(1, minutes=0.2, drawn=True))
    snapshots = [message for _, message in sent if message.topic == "frigate/lobby/person/snapshot"]
    places = {row["id"]: row["place"] for row in Site.devices()}
    assert places["uhppoted:405419896"] == places["frigate:lobby"] == truth.alarms[0].place
    assert snapshots[0].payload.startswith(b"\xff\xd8")
    [first, *_] = [message for _, message in sent if message.topic.endswith("ivs_result")]
    read = json.loads(first.payload)["payload"]["AlarmInfoPlate"]["result"]["PlateResult"]
    assert b64decode(read["full_image_content"]).startswith(b"\xff\xd8")


def test_events_go_on_being_numbered_in_a_later_run() -> None:
    one, other = site().estate(BASE), site().estate(BASE + timedelta(minutes=10))
    [first, _], _ = one.door(1, "open", BASE)
    [later, _], _ = other.door(1, "open", BASE)
    numbers = [json.loads(message.payload)["message"]["event"]["event"]["event-id"] for message in (first, later)]
    assert numbers[1] >= numbers[0] + 600


def test_the_device_list_names_every_device_that_speaks() -> None:
    rows = Site.devices()
    assert [set(row) for row in rows] == [{"id", "name", "place", "lane", "direction", "zone"}] * len(rows)
    assert {row["id"] for row in rows} == {
        f"vzenith:{LANE_IN.sn}",
        f"vzenith:{LANE_OUT.sn}",
        "uhppoted:405419896",
        "frigate:yard",
        "frigate:east_gate",
        "frigate:lobby",
        "z2m:1号楼/烟感",
        "z2m:1号楼/水浸",
    }


@given(st.integers())
def test_a_misread_plate_differs_in_one_character_of_its_serial(seed: int) -> None:
    chance = Random(seed)
    plate = make_car(chance).plate
    assert plate is not None
    read = misread(plate, chance)
    if read is not None:
        assert next(index for index, (a, b) in enumerate(zip(plate, read, strict=True)) if a != b) >= 3
        assert sum(a != b for a, b in zip(plate, read, strict=True)) == 1


@given(st.lists(st.tuples(st.floats(0, 100), st.lists(st.floats(0, 50), max_size=4))))
def test_overlapping_scenes_come_out_in_order(drawn: list[tuple[float, list[float]]]) -> None:
    def scene(start: float, offsets: list[float]) -> list[Step]:
        return [Step(start + offset, "x", lambda _now: Told([])) for offset in [0.0, *offsets]]

    scenes = [scene(start, offsets) for start, offsets in sorted(drawn, key=lambda entry: entry[0])]
    out = list(in_order(scenes))
    assert [step.at_s for step in out] == sorted(step.at_s for step in out)
    assert len(out) == sum(map(len, scenes))

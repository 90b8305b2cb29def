"""A lane tells each car once: with a reader that says what the test wants, over pictures that are only places."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from domain.plate_weighing import Candidate
from edge.vision.frames import Frame, Picture, Seen
from edge.vision.plates.corners import Found
from edge.vision.plates.lane import LaneLooker, LaneSettings
from edge.vision.plates.plate_reader import Plate

BEGAN = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
SETTINGS = LaneSettings(models=Path("nowhere"), registered={"粤B77777"})
PICTURE: Picture = np.zeros((360, 640, 3), np.uint8)
Says = dict[str, float]


def found(x: float, y: float = 200, wide: float = 100) -> Found:
    high = wide / 3
    corners = np.array([[x, y], [x + wide, y], [x + wide, y + high], [x, y + high]], np.float32)
    return Found(corners, 0.9)


class Script:
    """Where plates are at each look, and what is read there; nothing where it says nothing."""

    def __init__(self, looks: list[list[tuple[Found, Says]]]) -> None:
        self.looks, self.reads = iter(looks), 0
        self.now: list[tuple[Found, Says]] = []

    def find(self, picture: Picture) -> list[Found]:
        self.now = next(self.looks, [])
        return [place for place, _ in self.now]

    def read(self, picture: Picture, found: Found, province: str = "") -> Plate | None:
        self.reads += 1
        said = next(said for place, said in self.now if place is found)
        if not said:
            return None
        candidates = [Candidate(plate, weight) for plate, weight in said.items()]
        return Plate(candidates[0].plate, "blue", candidates[0].weight, 0.9, 1.0, candidates, found)


def told(looks: list[list[tuple[Found, Says]]], more: int = 20) -> tuple[list[Seen], Script]:
    script = Script(looks)
    looker = LaneLooker(script, SETTINGS)
    seen: list[Seen] = []
    for number in range(len(looks) + more):
        at = BEGAN + timedelta(seconds=number / 5)
        luma = PICTURE[:, :, 0]
        seen += looker.look(Frame(number, number * 0.2001, at, luma, lambda: PICTURE))
    return seen, script


def test_a_car_that_comes_is_told_once_however_long_it_stands() -> None:
    seen, script = told([[(found(200 + step, wide=80 + step), {"粤B12345": 0.99})] for step in range(60)])
    [car] = seen
    subject = car.fields["subject"]
    assert (subject.id, subject.plate_status, subject.plate_color, subject.valid) == ("粤B12345", "read", "blue", True)
    assert car.box is not None and car.crop is not None and car.picture is PICTURE
    assert script.reads < 10  # nobody reads on what is settled


def test_two_cars_are_two() -> None:
    looks = [[(found(50), {"粤B12345": 0.99}), (found(400), {"京A88888": 0.99})] for _ in range(6)]
    assert sorted(car.fields["subject"].id for car in told(looks)[0]) == ["京A88888", "粤B12345"]


def test_a_car_after_a_car_is_another() -> None:
    looks = [[(found(200), {"粤B12345": 0.99})]] * 5 + [[]] * 15 + [[(found(200), {"粤B12345": 0.99})]] * 5
    seen, _ = told(looks)
    assert len(seen) == 2 and seen[0].id != seen[1].id


def test_a_plate_at_the_rim_is_not_read() -> None:
    """粤B1234 at the rim is half of a plate: control, the same places within the picture are read."""
    assert told([[(found(0), {"粤B12341": 0.99})]] * 6)[0] == []
    assert len(told([[(found(40), {"粤B12341": 0.99})]] * 6)[0]) == 1


def test_doubt_is_told_as_doubt_when_the_car_is_gone() -> None:
    looks = [[(found(200), {"粤B12345": 0.5, "粤B12346": 0.5})] for _ in range(8)]
    [car] = told(looks)[0]
    subject = car.fields["subject"]
    assert (subject.id, subject.plate_status) == (None, "unreadable")
    assert {one["plate"] for one in car.fields["ext"]["candidates"]} == {"粤B12345", "粤B12346"}


def test_a_plate_that_was_never_read_is_told_as_unreadable() -> None:
    nothing: Says = {}
    [car] = told([[(found(200), nothing)] for _ in range(8)])[0]
    assert car.fields["subject"].plate_status == "unreadable"
    assert told([[(found(200), nothing)]])[0] == []  # a glimpse is nothing to tell


def test_a_list_of_cars_decides_the_province_and_it_is_said() -> None:
    [car] = told([[(found(200), {"闽B77777": 0.7, "粤B77777": 0.3})]] * 8)[0]
    assert car.fields["subject"].id == "粤B77777"
    assert car.fields["ext"]["province_by_list"] is True


def test_whether_it_comes_or_goes_is_told() -> None:
    [comes] = told([[(found(200, wide=60 + 20 * step), {"粤B12345": 0.8, "粤B12346": 0.2})] for step in range(5)])[0]
    assert comes.fields["travel"] == "approaching"
    [stands] = told([[(found(200), {"粤B12345": 0.99})]] * 5)[0]
    assert stands.fields["travel"] == "unknown"


class Gate:
    """A lane in which it moves at some looks; counts how often plates are looked for."""

    def __init__(self, moves: set[int], cars: dict[int, Says]) -> None:
        self.moves, self.cars, self.number, self.finds = moves, cars, -1, 0
        settings = LaneSettings(models=Path("nowhere"), looks_a_second=5, still_looks_a_second=1)
        self.looker = LaneLooker(self, settings, lambda _: self.number in self.moves)

    def find(self, picture: Picture) -> list[Found]:
        self.finds += 1
        return [found(200)] if self.number in self.cars else []

    def read(self, picture: Picture, found: Found, province: str = "") -> Plate:
        candidates = [Candidate(plate, weight) for plate, weight in self.cars[self.number].items()]
        return Plate(candidates[0].plate, "blue", candidates[0].weight, 0.9, 1.0, candidates, found)

    def watched(self, looks: int) -> list[Seen]:
        seen: list[Seen] = []
        for self.number in range(looks):
            at = BEGAN + timedelta(seconds=self.number / 5)
            seen += self.looker.look(Frame(self.number, self.number / 5, at, PICTURE[:, :, 0], lambda: PICTURE))
        return seen


def test_an_empty_lane_is_looked_at_once_a_second_and_a_moving_one_at_every_look() -> None:
    empty, moving = Gate(set(), {}), Gate(set(range(100)), {})
    assert (empty.watched(100), moving.watched(100)) == ([], [])
    assert 19 <= empty.finds <= 21 and moving.finds == 100


def test_a_car_that_nothing_moved_for_is_read_at_every_look_until_it_is_told_and_once_a_second_then() -> None:
    stands = Gate(set(), {number: {"粤B12345": 0.99} for number in range(20, 120)})
    assert [car.fields["subject"].id for car in stands.watched(140)] == ["粤B12345"]
    assert stands.finds <= 140 / 5 + 6, "read a few times, and then only looked after"


def test_looks_so_seldom_that_a_standing_car_would_be_gone_between_them_are_refused() -> None:
    with pytest.raises(ValueError, match="still_looks_a_second"):
        LaneSettings(models=Path("nowhere"), still_looks_a_second=0.5, gone_s=2)
    assert LaneSettings(models=Path("nowhere"), still_looks_a_second=0.5, gone_s=4).gone_s == 4


def test_numbers_of_cars_do_not_begin_anew_with_the_stream() -> None:
    """Frames are counted from one again after a stream was lost; two cars with no plate would be one fact."""

    def unread(begin: datetime) -> str:
        looker = LaneLooker(Script([[(found(200), {})] for _ in range(8)]), SETTINGS)
        frames = [
            Frame(n, n / 5, begin + timedelta(seconds=n / 5), PICTURE[:, :, 0], lambda: PICTURE) for n in range(30)
        ]
        [car] = [one for frame in frames for one in looker.look(frame)]
        return car.id

    assert unread(BEGAN) != unread(BEGAN + timedelta(hours=1))

"""Following: the same thing keeps its name, what stands is held, what has gone is let go."""

from __future__ import annotations

import numpy as np
import pytest

from domain.scenes.geometry import Box
from domain.scenes.looking import TrackSettings
from edge.vision.objects.found import Found
from edge.vision.tracks.blobs import Blobs
from edge.vision.tracks.tracks import Look, Tracks
from tests.edge.vision.clips import NOON

pytest.importorskip("similari", reason="there are wheels of it for Python 3.11 and 3.12 alone")

PICTURE = np.zeros((4, 4, 3), np.uint8)
ALL: Box = (0.0, 0.0, 1.0, 1.0)


def look(tracks: Tracks, seconds: float, *found: Found, where: Box = ALL, moving: tuple[Box, ...] = (ALL,)) -> None:
    tracks.take(found, Look(PICTURE, where, moving, seconds, NOON))


def person(left: float, confidence: float = 0.8, label: str = "person") -> Found:
    return Found(label, confidence, (left, 0.3, left + 0.06, 0.7))


def test_two_who_pass_each_other_keep_their_names() -> None:
    tracks = Tracks(TrackSettings())
    for step in range(20):
        look(
            tracks,
            step / 3,
            Found("person", 0.9, (0.03 * step, 0.2, 0.03 * step + 0.06, 0.5)),
            Found("person", 0.9, (0.6 - 0.03 * step, 0.55, 0.66 - 0.03 * step, 0.95)),
        )
    assert len(tracks.all) == 2
    assert {round(track.box[1], 2): round(track.first[1], 2) for track in tracks.all} == {0.2: 0.2, 0.55: 0.55}


def test_who_stops_short_is_not_another() -> None:
    tracks = Tracks(TrackSettings())
    for step, left in enumerate([0.1, 0.16, 0.22, 0.28, 0.3, 0.3, 0.3]):
        look(tracks, step / 3, person(left))
    assert len(tracks.all) == 1 and tracks.all[0].looks == 7


def test_a_person_and_a_car_in_one_place_are_two() -> None:
    tracks = Tracks(TrackSettings())
    for step in range(3):
        look(tracks, step / 3, person(0.4), person(0.4, label="car"))
    assert sorted(track.label for track in tracks.all) == ["car", "person"]


def test_what_is_taken_now_for_a_car_and_now_for_a_truck_is_one_thing() -> None:
    tracks = Tracks(TrackSettings())
    for step, label in enumerate(["car", "truck", "car"]):
        look(tracks, step / 3, person(0.4, label=label))
    (track,) = tracks.all
    assert track.label == "car"


def test_what_was_not_looked_at_is_held() -> None:
    tracks = Tracks(TrackSettings())
    for step in range(20):
        look(tracks, step / 3, person(0.1, label="car"))
    for step in range(20, 60):
        look(tracks, step / 3, where=(0.5, 0.0, 1.0, 1.0))
        assert not tracks.let_go(step / 3)
    look(tracks, 60 / 3, person(0.1, label="car"))
    (track,) = tracks.all
    assert track.looks == 21 and track.still_s == pytest.approx(20)


def test_who_has_gone_is_let_go_and_whoever_comes_then_is_another() -> None:
    tracks = Tracks(TrackSettings())
    look(tracks, 0, person(0.4))
    look(tracks, 0.3, person(0.4))
    for step in range(2, 16):
        look(tracks, step / 3)
    (gone,) = tracks.let_go(5)
    look(tracks, 5.3, person(0.4))
    assert tracks.all[0].id != gone.id


def test_what_stands_is_looked_at_again_ever_more_seldom() -> None:
    tracks = Tracks(TrackSettings())
    look(tracks, 0, person(0.4))
    assert tracks.due(0.3)
    for second in (0, 5, 100, 200):
        look(tracks, second, person(0.4))
    assert not tracks.due(215) and tracks.due(225)
    assert tracks.explains((0.41, 0.4, 0.45, 0.6)) and not tracks.explains((0.41, 0.4, 0.65, 0.6))


def test_a_post_that_looks_like_a_person_has_not_moved() -> None:
    tracks = Tracks(TrackSettings())
    for step in range(30):
        jitter = 0.005 * (step % 2)
        look(tracks, step / 3, person(0.4 + jitter), moving=((0.8, 0.1, 0.9, 0.5),))
    assert not tracks.all[0].moved
    look(tracks, 11, person(0.44), moving=())
    assert tracks.all[0].moved


def test_the_best_picture_is_sure_large_and_whole() -> None:
    tracks = Tracks(TrackSettings())
    for step, (confidence, box) in enumerate(
        [
            (0.5, (0.3, 0.3, 0.4, 0.6)),
            (0.9, (0.3, 0.3, 0.4, 0.6)),
            (0.9, (0.25, 0.7, 0.45, 1.0)),
            (0.6, (0.3, 0.3, 0.4, 0.6)),
        ]
    ):
        picture = np.full((4, 4, 3), step, np.uint8)
        tracks.take([Found("person", confidence, box)], Look(picture, ALL, (), step / 3, NOON))
    best = max((track.best for track in tracks.all if track.best), key=lambda one: one.worth)
    assert best.picture[0, 0, 0] == 1 and best.box == (0.3, 0.3, 0.4, 0.6)


def test_there_are_never_more_than_can_be_followed() -> None:
    tracks = Tracks(TrackSettings(most=5))
    look(tracks, 0, *(Found("person", 0.9, (x / 20, 0.1, x / 20 + 0.02, 0.2)) for x in range(20)))
    assert len(tracks.all) == 5


@pytest.mark.parametrize("box", [(0.5, 0.5, 0.5, 0.5), (0.6, 0.6, 0.5, 0.5)])
def test_boxes_without_extent_are_borne(box: Box) -> None:
    tracks = Tracks(TrackSettings())
    for step in range(3):
        look(tracks, step / 3, Found("person", 0.9, box), person(0.1))
    assert len(tracks.all) <= 2


def test_blobs_keep_their_names_side_by_side() -> None:
    """As two cars that pass each other on a drive, one entering while the other leaves."""
    blobs = Blobs(0.01)
    for step in range(12):
        down, up = step * 0.08, 1 - step * 0.08
        moving = [
            (0.6, max(0.0, up - 0.1), 0.9, min(1.0, up + 0.3)),
            (0.1, max(0.0, down - 0.3), 0.4, min(1.0, down + 0.1)),
        ]
        seen = blobs.take(moving if step % 2 else moving[::-1], step / 5, NOON)
    assert {one.track[-2:]: round(one.box[0], 1) for one in seen} in ({"m1": 0.1, "m2": 0.6}, {"m1": 0.6, "m2": 0.1})
    assert blobs.take((), 10, NOON) == ()

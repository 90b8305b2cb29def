"""The sample clips, with the real network: what was counted by eye is what is told. Nothing told is a failure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from edge.vision.frames import Frame, Seen
from edge.vision.objects.yolox import Yolox
from edge.vision.scene import Shared, make
from edge.vision.scene.scene import Scene
from tests.edge.vision.clips import CALM_PICTURES, YOLOX, clip, disturbed, lamp, needed, rain, read, tree

pytest.importorskip("similari", reason="there are wheels of it for Python 3.11 and 3.12 alone")

# Counted by eye on contact sheets of every seventh picture: each comes from below, stands at the table, leaves to the
# right. Pictures 60-198, 228-450, 502-702, 747-870, 922-1200, 1237-1362.
WALKERS = 6
# Every third picture: white up 57-108, silver down 181-249, red up 189-239 beside it, white down 315-347.
CARS_UP, CARS_DOWN = 2, 2
# Every tenth picture of the lawn below the path: one in red, one in black, from 505 on; they hide each other at 530.
ON_THE_LAWN = 2
LAWN = [[0.15, 0.72], [0.6, 0.72], [0.95, 0.9], [0.95, 1], [0.15, 1]]


@pytest.fixture(scope="module")
def yolox() -> Yolox:
    return Yolox(needed(YOLOX), 0.3)


def told(settings: dict[str, Any], frames: Iterable[Frame], finder: Yolox | None) -> list[Seen]:
    looker = make(settings, Shared(finder=finder))
    return [seen for one in frames for seen in looker.look(one) if seen.fields["phase"] != "end"]


def test_walkers_are_told_once_each(yolox: Yolox) -> None:
    seen = told({"rules": [{"kind": "person_in_zone"}]}, read(clip("one-by-one-person-detection.mp4")), yolox)
    assert abs(len(seen) - WALKERS) <= 1, [one.id for one in seen]
    assert len({one.id for one in seen}) == len(seen)
    for one in seen:
        assert one.picture is not None and one.box is not None and one.fields["confidence"] > 0.5
        (best, *_) = yolox.find(one.picture)
        assert best.label == "person"


def test_people_on_the_lawn_are_told_and_those_on_the_path_are_not(yolox: Yolox) -> None:
    settings = {"zones": {"lawn": LAWN}, "rules": [{"kind": "person_in_zone", "zone": "lawn"}]}
    seen = told(settings, read(clip("vtest.avi"), first=440, last=700), yolox)
    assert len(seen) >= 1 and abs(len(seen) - ON_THE_LAWN) <= 1, [one.id for one in seen]
    assert not told(settings, read(clip("vtest.avi"), last=100), yolox)
    assert told(
        {"rules": settings["rules"], "zones": {"lawn": [[0, 0], [1, 0], [1, 1], [0, 1]]}},
        read(clip("vtest.avi"), last=100),
        yolox,
    )


@pytest.mark.parametrize("looks_per_s", [5, 10])
def test_cars_from_above_are_counted_by_their_motion(looks_per_s: int) -> None:
    settings = {
        "motion": {"looks_per_s": looks_per_s},
        "lines": {"drive": [[0, 0.5], [1, 0.5]]},
        "rules": [{"kind": "motion_line", "line": "drive"}],
    }
    ways = [one.fields["travel"] for one in told(settings, read(clip("car-detection.mp4"), fps=12.5), None)]
    assert (ways.count("left"), ways.count("right")) == (CARS_UP, CARS_DOWN)


@pytest.mark.parametrize("disturb", [lamp, rain, tree])
def test_light_rain_and_leaves_over_an_empty_room_are_no_person(yolox: Yolox, disturb: Any) -> None:
    """The first 56 pictures, to and fro. With the bare average the network is asked again and again."""
    still = [one.picture() for one in read(clip("one-by-one-person-detection.mp4"), fps=10, last=56)]
    pictures = [still[number % 56 if number // 56 % 2 == 0 else 55 - number % 56] for number in range(100)]
    settings: dict[str, Any] = {"rules": [{"kind": "person_in_zone"}]}
    assert not told(settings, disturbed(pictures, disturb, CALM_PICTURES), yolox)
    off = make({**settings, "motion": {"resists": False}}, Shared(finder=yolox))
    assert isinstance(off, Scene)
    assert any(bool(off.look(one)) or bool(off.moves.fresh) for one in disturbed(pictures, disturb, CALM_PICTURES))

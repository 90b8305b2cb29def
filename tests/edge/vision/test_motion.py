"""Motion: things that move are seen, and light, rain and leaves are not taken for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from domain.scenes.geometry import Box, contains
from edge.vision.frames import Frame, Picture
from edge.vision.motion import Motion, MotionSettings, Moves
from tests.edge.vision.clips import CALM_PICTURES as CALM
from tests.edge.vision.clips import (
    DISTURBANCES,
    clip,
    disturbed,
    frame,
    lamp,
    noisy,
    read,
    room,
    tree,
    with_box,
)

LONG, LATE = 160, 90  # pictures: 32 s, disturbed from the 4th on, judged from the 18th on


def empty(count: int) -> Iterator[Picture]:
    still = room()
    return (noisy(still, number) for number in range(count))


def walker(number: int, count: int) -> Box:
    left = 0.9 * number / count
    return left, 0.55, left + 0.06, 0.85


def looks(frames: Iterable[Frame], settings: MotionSettings | None = None) -> list[tuple[int, Moves]]:
    motion = Motion(settings or MotionSettings())
    return [(one.number, motion.look(one.luma, one.seconds)) for one in frames]


def restless(frames: Iterable[Frame], *, resists: bool) -> float:
    """At which share of the later looks something seemed to move."""
    seen = [bool(moves.fresh) for number, moves in looks(frames, MotionSettings(resists=resists)) if number >= LATE]
    return sum(seen) / len(seen)


@pytest.mark.parametrize("name", DISTURBANCES)
def test_light_rain_and_leaves_are_no_motion(name: str) -> None:
    frames = list(disturbed(empty(LONG), DISTURBANCES[name], CALM))
    assert restless(frames, resists=True) <= 0.05
    assert restless(frames, resists=False) >= 0.5, "the control: the bare average takes them for motion"


@pytest.mark.parametrize("name", DISTURBANCES)
def test_who_walks_through_them_is_still_seen(name: str) -> None:
    still = room()
    pictures = [noisy(still, number) for number in range(LATE)]
    pictures += [with_box(noisy(still, number), walker(number, 60)) for number in range(60)]
    seen = {
        number: moves for number, moves in looks(disturbed(pictures, DISTURBANCES[name], CALM)) if number > LATE + 2
    }
    hits = [any(_covers(one, walker(number - LATE, 60)) for one in moves.fresh) for number, moves in seen.items()]
    assert sum(hits) / len(hits) >= 0.9


def test_on_a_real_room_light_and_leaves_are_no_motion_either() -> None:
    """The first 56 pictures of the clip show an empty room; they are shown to and fro."""
    still = [one.picture()[::2, ::2] for one in read(clip("one-by-one-person-detection.mp4"), fps=10, last=56)]
    pictures = [still[number % 56 if number // 56 % 2 == 0 else 55 - number % 56] for number in range(LONG)]
    for disturb, calm in ((lamp, CALM), (tree, CALM)):
        assert restless(disturbed(pictures, disturb, calm), resists=True) <= 0.05
        assert restless(disturbed(pictures, disturb, calm), resists=False) >= 0.5


def test_nothing_is_told_while_the_ground_is_learned() -> None:
    seen = looks(disturbed(empty(30), lambda picture, _: picture))
    states = [moves.state for _, moves in seen]
    assert states[0] == "calibrating" and states[-1] == "watching"
    assert states == sorted(states) and not any(moves.boxes for _, moves in seen)


def test_a_place_that_is_never_calm_is_learned_in_its_time() -> None:
    settings = MotionSettings(calibrate_s=8, resists=False)
    seen = looks(
        disturbed(
            empty(80), lambda picture, number: with_box(picture, (0.1, 0.1, 0.9, 0.9), 250 if number % 2 else 40)
        ),
        settings,
    )
    known_at = next(number for number, moves in seen if moves.state == "watching")
    assert 8 * 5 <= known_at <= 8 * 5 + 2


def test_masked_parts_are_not_looked_at() -> None:
    mask = ((0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (0.0, 1.0))
    still = room()
    pictures = [noisy(still, number) for number in range(CALM)]
    pictures += [with_box(noisy(still, number), walker(number, 50)) for number in range(50)]
    seen = looks((frame(number, one) for number, one in enumerate(pictures)), MotionSettings(masks=(mask,)))
    places = [((one[0] + one[2]) / 2, (one[1] + one[3]) / 2) for _, moves in seen for one in moves.boxes]
    assert places and not any(contains(mask, place) for place in places)


def test_what_stops_is_fresh_no_more_and_fades_slowly() -> None:
    settings = MotionSettings(fade_s=10)
    still = room()
    stopped = [noisy(still, number) for number in range(CALM)]
    stopped += [
        with_box(noisy(still, number), (min(number, 5) / 12, 0.5, min(number, 5) / 12 + 0.2, 0.8))
        for number in range(300)
    ]
    seen = dict(looks((frame(number, one) for number, one in enumerate(stopped)), settings))
    assert seen[CALM + 3].fresh and not any(seen[number].fresh for number in range(CALM + 10, CALM + 300))
    assert seen[CALM + 25].boxes, "gone before its time"
    assert not seen[CALM + 299].boxes, "never becomes ground"


def test_what_passes_leaves_no_trace() -> None:
    still = room()
    pictures = [noisy(still, number) for number in range(CALM)]
    pictures += [with_box(noisy(still, number), walker(number, 20)) for number in range(20)]
    pictures += [noisy(still, number) for number in range(20)]
    seen = looks(frame(number, one) for number, one in enumerate(pictures))
    assert any(moves.fresh for _, moves in seen) and not any(moves.boxes for _, moves in seen[-15:])


def test_another_scene_begins_anew() -> None:
    """A camera that turns shows another place altogether: that is no motion in this one."""
    tiles = np.random.default_rng(5).integers(0, 255, (12, 20, 3), np.uint8)
    elsewhere = np.repeat(np.repeat(tiles, 15, axis=0), 16, axis=1)
    pictures = [noisy(room(), number) for number in range(CALM)] + [noisy(elsewhere, number) for number in range(20)]
    seen = looks(frame(number, one) for number, one in enumerate(pictures))
    assert seen[CALM][1].state == "calibrating" and not any(moves.boxes for _, moves in seen)
    assert seen[-1][1].state == "watching"


def test_a_stream_that_changes_its_size_begins_anew() -> None:
    motion = Motion(MotionSettings())
    for number in range(20):
        motion.look(np.full((360, 640), 90, np.uint8), number / 5)
    assert motion.look(np.full((576, 704), 90, np.uint8), 4.0).state == "calibrating"
    assert motion.look(np.full((1, 1), 90, np.uint8), 4.2).state == "calibrating"


def test_time_that_stands_or_leaps_is_borne() -> None:
    motion = Motion(MotionSettings())
    for number, seconds in enumerate([0.0, 0.0, 5.0, 5.0, 4_000.0, 4_000.1]):
        motion.look(noisy(room(), number)[..., 0], seconds)


def _covers(box: Box, other: Box) -> bool:
    x, y = (other[0] + other[2]) / 2, (other[1] + other[3]) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]

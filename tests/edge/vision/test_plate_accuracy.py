"""Real pictures through each profile: what the product says of itself must hold."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from edge.vision.frames import Frame, Picture, Seen
from edge.vision.models.fetch import CannotFetch
from edge.vision.models.manifest import PROFILES, Profile
from edge.vision.plates.lane import LaneLooker, LaneSettings
from edge.vision.plates.picture_file import read_picture
from edge.vision.plates.plate_reader import PlateReader
from simulators.pictures.canvas import font
from tests.plate_pictures import PICTURES, REACH, SHARED, labelled, ready
from tests.plate_scores import scored

CLIPS = SHARED / "fixtures" / "video"
CLOCKS = (
    "2015/05/11 14:30:07", "2026-03-01 08:15:30 星期日", "14:30:07", "Camera 02", "11-27-2026", "00:00:00",
    "2015-05-11",
)  # fmt: skip

pytestmark = pytest.mark.skipif(not PICTURES.is_dir(), reason="no labelled pictures beside the repository")


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_reads_as_many_plates_and_colours_as_it_promises(profile: Profile) -> None:
    try:
        reader = ready(profile)
    except CannotFetch as error:
        pytest.skip(f"no weights: {error}")
    score = scored(reader)
    plates, colors = REACH[profile]
    assert score.count["all"] == 187
    assert score.exact >= plates, score.missed
    assert score.color >= colors, score.colors


@pytest.fixture(scope="module")
def fast() -> PlateReader:
    try:
        return ready("fast")
    except CannotFetch as error:
        pytest.skip(f"no weights: {error}")


def test_a_picture_upside_down_is_not_read_as_right(fast: PlateReader) -> None:
    """Control: the score falls when what is read is not what is labelled."""
    read = [
        any(plate.plate in label.plates for plate in fast(read_picture(label.file)[::-1, ::-1].copy()))
        for label in list(labelled())[:20]
    ]
    assert sum(read) <= 1


def frames_of_the_clips() -> Iterator[Picture]:
    for path in sorted(CLIPS.glob("*.*")):
        clip = cv2.VideoCapture(str(path)) if path.suffix in (".avi", ".mp4") else None
        number = 0
        while clip is not None and clip.grab():
            if number % 40 == 0:
                yield cast(Picture, clip.retrieve()[1])
            number += 1


def test_clocks_burnt_into_the_clips_are_no_plates(fast: PlateReader) -> None:
    rng, boxes, read = random.Random(3), 0, []
    for frame in itertools.islice(frames_of_the_clips(), 40):
        burnt = with_clocks(frame, rng)
        boxes += len(fast.find(burnt))
        read += [plate.plate for plate in fast(burnt)]
    assert boxes > 3  # the detector takes some for plates: it is not for lack of boxes that none is read
    assert read == []


def with_clocks(frame: Picture, rng: random.Random) -> Picture:
    image = Image.fromarray(frame[:, :, ::-1])
    height, width = frame.shape[:2]
    for share in (0.03, 0.9):
        place = (width * rng.uniform(0.02, 0.6), height * share)
        ink = rng.choice([(255, 255, 255), (255, 255, 0), (0, 0, 0)])
        size = rng.choice([18, 24, 32, 44, 60])
        ImageDraw.Draw(image).text(place, rng.choice(CLOCKS), ink, font(size))
    return np.array(image)[:, :, ::-1].copy()


def test_a_car_that_rolls_into_a_lane_is_told_once_and_right(fast: PlateReader) -> None:
    """A real picture, seen ever larger: what a lane's camera shows of a car that comes."""
    label = next(each for each in labelled() if each.is_standard and len(each.plates) == 1)
    picture, seen = read_picture(label.file), list[Seen]()
    looker = LaneLooker(fast, LaneSettings(models=Path("unused")))
    for number in range(30):
        shown = _larger(picture, 1.0 + min(number, 15) * 0.02) if number < 15 else np.zeros_like(picture)
        at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=number / 5)
        frame = Frame(number, number * 0.21, at, shown[:, :, 0], lambda shown=shown: shown)
        seen += looker.look(frame)
    assert [one.fields["subject"].id for one in seen] == [label.plates[0]]
    assert seen[0].fields["subject"].plate_color == label.color and seen[0].crop is not None


def _larger(picture: Picture, times: float) -> Picture:
    height, width = picture.shape[:2]
    wide, high = int(width / times), int(height / times)
    x, y = (width - wide) // 2, (height - high) // 2
    return cast(Picture, cv2.resize(picture[y : y + high, x : x + wide], (width, height)))

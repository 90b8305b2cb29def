"""Real pictures through each profile: what the product says of itself must hold."""

from __future__ import annotations

import pytest

from edge.vision.models.fetch import CannotFetch
from edge.vision.models.manifest import PROFILES, Profile
from edge.vision.plates.picture_file import read_picture
from tests.plate_pictures import PICTURES, REACH, labelled, ready, scored

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


def test_a_picture_upside_down_is_not_read_as_right() -> None:
    """Control: the score falls when what is read is not what is labelled."""
    reader = ready("fast")
    read = [
        any(plate.plate in label.plates for plate in reader(read_picture(label.file)[::-1, ::-1].copy()))
        for label in list(labelled())[:20]
    ]
    assert sum(read) <= 1

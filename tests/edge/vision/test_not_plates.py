"""What is no plate is not read as one: clocks, telephones, shops, notices, of seeds that no bound was looked up on."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.plates import classify
from edge.vision.models.fetch import CannotFetch
from edge.vision.plates.closer import Closer
from edge.vision.plates.own_reader import OwnReader
from edge.vision.plates.plate_reader import PlateReader
from tests.drawn_plates import drawn
from tests.not_plates import KINDS, not_a_plate, text_of, within
from tests.plate_pictures import ready

EACH = 6
BOXED = [(kind, f"{kind} {number}") for kind in KINDS for number in range(EACH)]


@pytest.fixture(scope="module")
def alone() -> PlateReader:
    return PlateReader(lambda picture: [], Closer(lambda picture: []), OwnReader(), None, (), (0.02, 0.04, 0.06))


def test_boxed_as_a_plate_hardly_any_passes_our_reader_alone(alone: PlateReader) -> None:
    """Each is cut out as if a detector had taken it for a plate; control: plates in the same scenes are read."""
    read = [alone.read(*not_a_plate(kind, random.Random(seed))[1:]) for kind, seed in BOXED]
    assert sum(plate is not None for plate in read) <= 0.05 * len(BOXED)
    plates = [drawn("yellow", random.Random(seed), tilt=0.05) for _, seed in BOXED[:20]]
    assert sum(alone.read(shot.scene, shot.found) is not None for shot in plates) >= 14


@settings(max_examples=25, deadline=None)
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 10_000), night=st.booleans(), tilt=st.floats(0.0, 0.15))
def test_whatever_is_read_out_of_it_has_the_form_of_a_plate(kind: str, seed: int, night: bool, tilt: float) -> None:
    reader = PlateReader(lambda picture: [], Closer(lambda picture: []), _OWN, None, (), (0.02, 0.04, 0.06))
    text, scene, found = not_a_plate(kind, random.Random(seed), night=night, tilt=tilt)
    got = reader.read(scene, found)
    assert got is None or (classify(got.plate) is not None and got.plate != text)
    assert got is None or all(classify(one.plate) is not None for one in got.candidates)


_OWN = OwnReader()


def test_none_of_the_texts_is_a_plate_by_itself() -> None:
    """Control: else the tests here would ask for the wrong thing."""
    texts = [text_of(kind, random.Random(seed)) for kind, seed in BOXED for seed in (seed, f"{seed}'")]
    assert [text for text in texts if classify(text) is not None] == []


def test_the_whole_product_reads_none_of_them() -> None:
    """The detector, from far and from close, and both readers."""
    try:
        reader = ready("fast")
    except CannotFetch as error:
        pytest.skip(f"no weights: {error}")
    boxes, read = 0, list[tuple[str, str]]()
    for kind, seed in BOXED[::2]:
        text, scene, _ = not_a_plate(kind, random.Random(seed))
        picture = within(scene)
        boxes += len(reader.find(picture))
        read += [(text, plate.plate) for plate in reader(picture)]
    assert boxes > len(BOXED) // 8  # it is not for lack of boxes
    assert read == []

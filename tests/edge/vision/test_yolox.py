"""The network's bytes: letterbox, strides, overlaps; and what it finds on real pictures, where it is at hand."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scenes.sightings import PERSON, VEHICLES
from edge.vision.frames import Picture
from edge.vision.objects.budget import Budget
from edge.vision.objects.found import CannotFind, Found
from edge.vision.objects.regions import find_in, region
from edge.vision.objects.yolox import Yolox
from edge.vision.onnx import Floats, Network
from tests.edge.vision.clips import YOLOX, clip, needed, read


@pytest.fixture(scope="module")
def yolox() -> Yolox:
    return Yolox(needed(YOLOX))


def first(name: str, number: int) -> Picture:
    return next(read(clip(name), fps=100, first=number)).picture()


def test_persons_and_cars_of_a_square_are_found(yolox: Yolox) -> None:
    """By eye: four walkers in front, one far on the left, and two cars behind the hedge at the upper right."""
    found = yolox.find(first("vtest.avi", 0))
    assert 4 <= sum(one.label == PERSON for one in found) <= 7
    assert 2 <= sum(one.label in VEHICLES for one in found) <= 3
    assert all(0 <= one.box[0] < one.box[2] <= 1 and 0 <= one.box[1] < one.box[3] <= 1 for one in found)


def test_an_empty_room_has_nobody(yolox: Yolox) -> None:
    assert not yolox.find(first("one-by-one-person-detection.mp4", 0))


def test_a_part_of_a_picture_shows_what_is_there_in_its_place(yolox: Yolox) -> None:
    picture = first("one-by-one-person-detection.mp4", 80)
    (whole,), (part,) = yolox.find(picture), find_in(yolox, picture, (0.3, 0.0, 0.9, 1.0))
    assert whole.label == part.label == PERSON
    assert part.box == pytest.approx(whole.box, abs=0.04)


def square(monkeypatch: pytest.MonkeyPatch) -> Yolox:
    """One whose network takes only what its file names, with grey around all that is wider."""
    monkeypatch.setattr(Network, "let_any_size", lambda _: False)
    return Yolox(needed(YOLOX))


def test_grey_that_is_not_shown_takes_nothing_away(yolox: Yolox, monkeypatch: pytest.MonkeyPatch) -> None:
    for picture in (first("vtest.avi", 0)[:324], first("one-by-one-person-detection.mp4", 80)):
        whole, less = square(monkeypatch).find(picture), yolox.find(picture)
        assert len(whole) == len(less) > 0
        for one, other in zip(*(sorted(found, key=lambda one: one.box) for found in (whole, less)), strict=True):
            assert one.label == other.label and one.box == pytest.approx(other.box, abs=0.02)


def test_a_wide_picture_is_less_to_look_at(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []
    ask = Network.__call__

    def asked(network: Network, pictures: Floats) -> list[Floats]:
        seen.append(pictures.shape)
        return ask(network, pictures)

    monkeypatch.setattr(Network, "__call__", asked)
    picture = np.zeros((360, 640, 3), np.uint8)
    Yolox(needed(YOLOX)).find(picture)
    square(monkeypatch).find(picture)
    assert seen == [(1, 3, 256, 416), (1, 3, 416, 416)]


def test_a_network_that_reshapes_to_numbers_keeps_its_size() -> None:
    """Its file says the size as ours does, and is read: what refuses is the network itself."""
    network = Network(needed(YOLOX.with_name("FastestDet.onnx")))
    side = network.shape[-1]
    assert isinstance(side, int) and not network.let_any_size()
    assert network(np.zeros((1, 3, side, side), np.float32))[0].size, "it works as before"


@pytest.mark.parametrize("shape", [(0, 0, 3), (0, 5, 3), (1, 1, 3), (1, 4_000, 3)])
def test_pictures_without_sense_have_nobody(yolox: Yolox, shape: tuple[int, int, int]) -> None:
    assert yolox.find(np.zeros(shape, np.uint8)) == []


def test_a_missing_or_broken_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotFind, match="models fetch"):
        Yolox(tmp_path / "yolox_nano.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"not a network")
    with pytest.raises(CannotFind, match=r"broken.onnx is no network"):
        Yolox(tmp_path / "broken.onnx")


def test_another_network_is_refused() -> None:
    with pytest.raises(CannotFind, match="no YOLOX of 80 classes"):
        Yolox(needed(YOLOX.with_name("FastestDet.onnx")))


def test_a_region_is_square_in_the_picture_and_holds_what_moves() -> None:
    left, top, right, bottom = region([(0.1, 0.1, 0.2, 0.3)], 640, 360)
    assert (
        (right - left) * 640 == pytest.approx((bottom - top) * 360) and left <= 0.1 and right >= 0.2 and bottom >= 0.3
    )
    assert region([(0.0, 0.0, 0.1, 0.1), (0.9, 0.9, 1.0, 1.0)], 640, 360) == (0, 0, 1, 1)


def test_a_part_is_placed_into_the_whole() -> None:
    class Whole:
        def find(self, picture: Picture) -> list[Found]:
            return [Found(PERSON, 0.9, (0.0, 0.0, 1.0, 0.5))]

    (found,) = find_in(Whole(), np.zeros((100, 200, 3), np.uint8), (0.25, 0.5, 0.75, 1.0))
    assert found.box == (0.25, 0.5, 0.75, 0.75)


def test_all_cameras_spend_from_one_budget() -> None:
    budget = Budget(2)
    taken = sum(
        budget.take(1, 1_000 + number / 100) for number in range(1_000)
    )  # ten seconds, a hundred asked for a second
    assert 20 <= taken <= 23 and budget.refused == 1_000 - taken


def test_each_camera_gets_its_share_though_one_always_asks_first() -> None:
    budget = Budget(3)
    taken = Counter(who for tick in range(500) for who in range(4) if budget.take(who, 1_000 + tick / 5))
    assert sum(taken.values()) >= 300 and max(taken.values()) - min(taken.values()) <= 2


def test_who_asks_no_more_holds_up_nobody() -> None:
    budget = Budget(1)
    assert budget.take(1, 1_000) and not budget.take(2, 1_000.1)
    assert budget.take(3, 1_001.2)


def test_a_clock_that_goes_back_gives_nothing_and_blocks_nothing() -> None:
    budget = Budget(1)
    assert budget.take(1, 1_000) and not budget.take(1, 1_000)
    assert not budget.take(1, 10) and budget.take(1, 11.5)


@given(st.floats(0.5, 20), st.lists(st.tuples(st.floats(0, 0.2), st.floats(0, 0.9)), min_size=1, max_size=300))
def test_many_threads_that_ask_with_times_of_their_own_get_no_more_than_there_is(
    rate: float, asked: list[tuple[float, float]]
) -> None:
    """Each step of time, and by how much the frame of who asks then is older."""
    budget, steps = Budget(rate), accumulate(step_s for step_s, _ in asked)
    times = [1_000.0 + now_s - older_s for now_s, (_, older_s) in zip(steps, asked, strict=True)]
    granted = sum(budget.take(1, at_s) for at_s in times)
    assert granted <= max(1.0, rate) + rate * (max(times) - times[0]) + 1e-6


def test_after_a_clock_was_set_back_there_is_a_budget_again() -> None:
    budget = Budget(1)
    assert budget.take(1, 5_000.0) and not budget.take(1, 5_000.1)
    assert not budget.take(1, 100.0), "a step back gives nothing"
    assert budget.take(1, 101.5)


def test_what_looks_cost_bounds_their_number() -> None:
    """Of a fifth of a core: ten a second at 20 ms each, and four at 50, however many were granted."""
    dear, cheap, unasked = Budget(50, cores=0.2), Budget(50, cores=0.2), Budget(50)
    for budget, cost_s in ((dear, 0.05), (cheap, 0.02), (unasked, 0.05)):
        for _ in range(10):
            budget.spent(cost_s)
    assert [round(budget.looks_per_s, 6) for budget in (dear, cheap, unasked)] == [4.0, 10.0, 50.0]
    taken = sum(dear.take(1, 1_000 + number / 100) for number in range(1_000))
    assert 40 <= taken <= 45


def test_one_dear_look_among_many_changes_little() -> None:
    budget = Budget(50, cores=0.2)
    for cost_s in (*[0.02] * 100, 0.4):
        budget.spent(cost_s)
    assert budget.looks_per_s > 5

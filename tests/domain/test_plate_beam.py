"""What can be spelled is a plate, whatever a reader saw; and the sums are those of CTC."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.plate_beam import Step, likelihood, spell
from domain.plate_shapes import SHAPES, grammar, spelled
from domain.plate_weighing import Candidate, Look, Weighed, by_registered, glanced, weigh
from domain.plates import classify

SIGNS = sorted({sign for shape in SHAPES for slot in shape.slots for sign in slot})
KINDS = {
    "small": "粤B12345", "office": "粤OA2160", "learner": "京A1234学", "police": "沪A1234警",
    "consulate": "沪A1707领", "trailer": "冀B1234挂", "hk": "粤ZR066港", "emergency": "京X1234应急",
    "nev_small": "粤BD12345", "nev_large": "粤B12345D",
    "embassy": "使198476", "embassy behind": "198476使", "armed_police": "WJ京12345", "military": "VA30093",
    "civil_aviation": "民航B1234",
}  # fmt: skip


def seen(text: str, sure: float = 0.9) -> list[Step]:
    """A reader that sees each sign for a step, and nothing between."""
    steps = [[Step(1 - sure, {sign: sure}), Step(0.99, {})] for sign in text]
    return [step for pair in steps for step in pair]


def drawn_steps() -> st.SearchStrategy[list[Step]]:
    sign = st.sampled_from(SIGNS)
    step = st.builds(Step, st.floats(0.01, 0.99), st.dictionaries(sign, st.floats(0.001, 0.99), max_size=6))
    return st.lists(step, max_size=24)


@settings(max_examples=150, deadline=None)
@given(drawn_steps(), st.sampled_from([1, 2]))
def test_whatever_is_seen_only_plates_are_spelled(steps: list[Step], rows: int) -> None:
    for spelling in spell(steps, grammar(rows)):
        assert classify(spelled(spelling.signs)) is not None


@pytest.mark.parametrize("text", KINDS.values(), ids=KINDS)
def test_every_kind_of_plate_can_be_spelled(text: str) -> None:
    signs = text if text[1] != "O" else f"{text[0]}0{text[2:]}"  # as a reader without an O sees it
    assert [spelled(one.signs) for one in spell(seen(signs), grammar(1))[:1]] == [text]


@pytest.mark.parametrize("text", ["20150511", "143007", "AB", "粤B1234", "1粤B2345", "粤粤12345"])
def test_what_is_no_plate_is_spelled_as_none_or_fits_badly(text: str) -> None:
    weighed = weigh([Look(seen(text))], grammar(1))
    assert weighed is None or weighed.fit < 0.01


def test_what_is_a_plate_fits() -> None:
    """Control of the one above."""
    weighed = weigh([Look(seen("粤B12345"))], grammar(1))
    assert weighed is not None and weighed.fit == 1.0 and weighed.plate == "粤B12345"


CHANCES = st.lists(st.tuples(*[st.floats(0.05, 0.9)] * 3), min_size=3, max_size=6)


def brute_force(steps: Sequence[Step], signs: str) -> float:
    """All ways to take a sign or nothing at each step that give these signs."""
    total = 0.0
    for way in itertools.product(["", *sorted(set(signs))], repeat=len(steps)):
        runs = "".join(sign for sign, _ in itertools.groupby(way))
        if runs == signs:
            chances = (
                step.signs.get(sign, 1e-6) if sign else step.blank for step, sign in zip(steps, way, strict=True)
            )
            total += math.prod(chances)
    return total


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(*[st.floats(0.05, 0.9)] * 3), min_size=3, max_size=6), st.sampled_from(["A", "AA", "AB", "ABA"])
)
def test_a_likelihood_is_the_sum_over_all_alignments(chances: list[tuple[float, float, float]], signs: str) -> None:
    steps = [Step(blank, {"A": a, "B": b}) for blank, a, b in chances]
    if brute_force(steps, signs) > 1e-9:
        assert math.exp(likelihood(steps, signs)) == pytest.approx(brute_force(steps, signs), rel=1e-6)


def test_two_looks_decide_what_one_leaves_open() -> None:
    open_ = [*seen("粤B1234"), Step(0.0, {"5": 0.45, "6": 0.55})]
    clear = [*seen("粤B1234"), Step(0.0, {"5": 0.95, "6": 0.05})]
    alone, both = weigh([Look(open_)], grammar(1)), weigh([Look(open_), Look(clear)], grammar(1))
    assert alone is not None and alone.plate == "粤B12346"
    assert both is not None and both.plate == "粤B12345"


def test_the_province_of_the_site_tips_the_scales_and_no_more() -> None:
    steps = [Step(0.0, {"闽": 0.4, "粤": 0.6}), Step(0.99, {}), *seen("B12345")]
    plain, there = weigh([Look(steps)], grammar(1)), weigh([Look(steps)], grammar(1), province="闽")
    assert plain is not None and plain.plate[0] == "粤"
    assert there is not None and there.plate[0] == "闽"
    sure = weigh([Look(seen("粤B12345"))], grammar(1), province="闽")
    assert sure is not None and sure.plate[0] == "粤"


def test_a_list_decides_the_province_and_says_so_and_nothing_else() -> None:
    read = Weighed([Candidate("闽B12345", 0.6), Candidate("粤B12345", 0.3), Candidate("闽B12346", 0.1)], 1.0)
    by_list = by_registered(read, {"粤B12345"})
    assert (by_list.plate, by_list.by_list) == ("粤B12345", True)
    assert by_registered(read, {"闽B12346"}) == read  # another serial is another car
    assert by_registered(read, {"闽B12345", "粤B12345"}) == read  # it was read as a car that is known
    assert by_registered(read, {"湘B12345"}) == read  # no reading said that


def surely(text: str, sure: float, instead: str = "") -> Look:
    """A step for each sign, and nothing between; ``instead``: what else it may be each time."""
    return Look([Step((1 - sure) / 2, {instead: (1 - sure) / 2} | {sign: sure}) for sign in text])


@settings(max_examples=300)
@given(
    st.sampled_from([*KINDS.values(), "20261128", "粤B1234", "使12345"]),
    st.lists(st.tuples(st.floats(0.9, 0.9999), st.sampled_from(SIGNS)), min_size=1, max_size=3),
    st.sampled_from((1, 2)),
)
def test_a_glance_says_what_a_whole_look_says(text: str, looks: list[tuple[float, str]], rows: int) -> None:
    shown = [surely(text, *look) for look in looks]
    found, weighed = glanced(shown, grammar(rows)), weigh(shown, grammar(rows))
    assert found is None or (weighed is not None and weighed.plate == found.plate)


def test_a_glance_is_sure_or_says_nothing() -> None:
    sure = surely("粤B12345", 0.996)
    found = glanced([sure, surely("粤B12345", 0.999)], grammar(1))
    assert found is not None and found.plate == "粤B12345" and found.confidence > 0.95
    assert glanced([sure, surely("粤B12345", 0.98)], grammar(1)) is None, "one of the two doubts"
    assert glanced([sure, surely("粤B12346", 0.999)], grammar(1)) is None, "they do not agree"
    assert glanced([surely("20261928", 0.999)] * 2, grammar(1)) is None, "no plate"
    assert glanced([Look([])] * 2, grammar(1)) is None, "nothing at all"
    assert glanced([surely("民航B1234", 0.996)] * 2, grammar(1)) is None, "rare: it must be surer"
    assert glanced([surely("民航B1234", 0.9999)] * 2, grammar(1)) is not None

"""Plates: one spelling, classes, distances. Laws by property, examples from public tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import plates
from domain.plates import (
    PROVINCES,
    SERIAL,
    canonical,
    classify,
    colors_agree,
    compare,
    is_valid,
    mask,
    normalise,
)

SPELLINGS = [
    ("京A·12345", "京A12345"),
    ("京Ａ•１２３４５", "京A12345"),
    ("粤b 8k6q2", "粤B8K6Q2"),
    ("蓝粤B8K6Q2", "粤B8K6Q2"),
    ("黄绿粤B12345D", "粤B12345D"),
    ("绿 粤BD12345", "粤BD12345"),
    ("黑使198476", "使198476"),
    ("白WJ京12345", "WJ京12345"),
    ("粤-Z.9065澳", "粤Z9065澳"),
    ("京AO1I34", "京A01134"),  # serial positions: neither O nor I can stand there
    ("粤OA2160", "粤OA2160"),  # an agency's issuer letter is no zero
    ("京AO12I警", "京A0121警"),
    ("WJ京123O4", "WJ京12304"),
    ("VA3OO93", "VA30093"),
    ("蓝天", "蓝天"),  # a colour word that no plate follows
    ("UNKNOWN", "UNKNOWN"),
    ("NOPLATE", "NOPLATE"),
    ("_无_", "_无_"),
    ("A¨", "Ä"),  # NFKC makes a space of which the rest may join the letter before
    ("", ""),
]

CLASSES = [
    ("京A12345", "small", "blue"),
    ("粤OA2160", "small", "blue"),
    ("粤BD12345", "nev_small", "green"),
    ("粤BK12345", "nev_small", "green"),  # letters beyond D and F, given out since
    ("粤B12345D", "nev_large", "yellow_green"),
    ("京A1234挂", "trailer", "yellow"),
    ("京A1234学", "coach", "yellow"),
    ("京A1234试", "test", "yellow"),
    ("京A0123警", "police", "white"),
    ("使198476", "embassy", "black"),
    ("198476使", "embassy", "black"),
    ("沪A1707领", "consulate", "black"),
    ("粤ZR066港", "hk", "black"),
    ("粤Z9065澳", "macao", "black"),
    ("WJ12345", "armed_police", "white"),
    ("WJ京1234X", "armed_police", "white"),
    ("VA30093", "military", "white"),
    ("京X1234应急", "emergency", "white"),
    ("民航A1234", "civil_aviation", "green"),
    ("皖1946673", "tractor", "green"),
]

readings = st.text(alphabet=PROVINCES[:4] + "0OQD1ITL2Z5S8B6GABC警挂使", max_size=9)


@pytest.mark.parametrize(("text", "plate"), SPELLINGS)
def test_every_spelling_comes_to_one(text: str, plate: str) -> None:
    assert normalise(text) == plate


@given(st.text(max_size=14) | st.text(alphabet="蓝黄绿京AOI01·使警W J", max_size=12))
def test_normalising_again_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert canonical(canonical(text)) == canonical(text)


@pytest.mark.parametrize(("plate", "plate_class", "color"), CLASSES)
def test_classes_and_their_colors(plate: str, plate_class: str, color: str) -> None:
    found = classify(plate)
    assert found is not None
    assert (found.plate_class, found.color) == (plate_class, color)
    assert 0 < found.confidence <= 1


@pytest.mark.parametrize(
    "text", ["2015/05/11", "EXIT", "NOPLATE", "无牌车", "京A1234", "京A123456", "京I12345", "使12345", ""]
)
def test_what_is_no_plate_has_no_class(text: str) -> None:
    assert classify(text) is None
    assert not is_valid(text)


def test_the_color_tells_large_from_small() -> None:
    assert [found.plate_class for color in ("blue", "yellow", "green") if (found := classify("皖A12345", color))] == [
        "small",
        "large",
        "tractor",
    ]


def test_an_embassy_plate_is_stored_in_one_form() -> None:
    assert canonical("198476 使") == canonical("使198476") == "使198476"


@given(st.sampled_from(PROVINCES), st.sampled_from("ABCDEFGH"), st.text(alphabet=SERIAL, min_size=5, max_size=5))
def test_every_ordinary_plate_is_valid(province: str, issuer: str, serial: str) -> None:
    assert is_valid(province + issuer + serial)


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [
        ("京A12345", "京A12345", 0.0),
        ("京AD2345", "京A02345", 0.3),  # look-alike
        ("京A1B345", "京A18345", 0.3),
        ("京A72345", "京A12345", 1.0),  # 7 and 1 are both near T, not near each other
        ("京A12345", "京A1234", 0.6),  # lost at the end
        ("京A12345", "京A2345", 1.0),  # lost inside
        ("沪A12345", "京A12345", 1.0),
        ("京AD12345", "京AD1234", 0.6),  # 8 to 7: a lost last character
        ("京AD1234S", "京A01234", 0.9),
    ],
)
def test_distances(a: str, b: str, distance: float) -> None:
    assert compare(a, b) == distance


def test_eight_characters_are_not_near_seven_by_a_loss_inside() -> None:
    assert compare("京AD12345", "京A12345") > 1


@given(readings, readings)
def test_distance_is_symmetric_and_zero_only_for_equals(a: str, b: str) -> None:
    assert compare(a, b) == compare(b, a)
    assert (compare(a, b) == 0) == (a == b)


@given(readings, st.integers(min_value=0, max_value=8), st.sampled_from("0OQD12Z京"))
def test_one_other_character_costs_at_most_one(plate: str, index: int, char: str) -> None:
    index = min(index, max(len(plate) - 1, 0))
    assert compare(plate, plate[:index] + char + plate[index + 1 :]) <= 1


def test_a_mask_leaves_head_and_tail() -> None:
    assert mask("京A12345") == "京A***45"
    assert mask("粤BD12345") == "粤B****45"


@given(st.text(max_size=12))
def test_a_mask_hides_at_least_the_middle(plate: str) -> None:
    masked = mask(plate)
    assert len(masked) == len(plate)
    assert not plate or "*" in masked


def test_an_unknown_color_agrees_with_each() -> None:
    assert colors_agree("unknown", "blue")
    assert colors_agree("blue", "unknown")
    assert not colors_agree("blue", "yellow")


def test_each_shape_is_one_group_of_all_together() -> None:
    """By the number of the group a plate's rule is known: a group within a shape would shift all behind it."""
    assert plates._SHAPES.groups == len(plates._RULES)  # pyright: ignore[reportPrivateUsage]

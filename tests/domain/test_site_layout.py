"""The schematic of a complex: everything within the drawing, nothing over anything else, whatever there is."""

from __future__ import annotations

from itertools import combinations

import pytest

from domain.site_layout import HEIGHT, WIDTH, Shape, lay_out


def overlap(one: Shape, other: Shape) -> bool:
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return across > 0.01 and down > 0.01


@pytest.mark.parametrize(("buildings", "gates"), [(0, 0), (1, 1), (3, 2), (12, 4), (47, 9), (230, 40)])
def test_all_is_within_and_nothing_lies_over_anything(buildings: int, gates: int) -> None:
    shapes = lay_out([f"{n}号楼" for n in range(buildings)], [f"{n}门" for n in range(gates)])
    assert len(shapes) == buildings + gates
    for shape in shapes:
        assert shape.x >= 0 and shape.x + shape.width <= WIDTH
        assert shape.y >= 0 and shape.y + shape.height <= HEIGHT
        assert all(0 < part < 1_000 for part in shape.middle)
    assert [pair for pair in combinations(shapes, 2) if overlap(*pair)] == []


def test_control_what_lies_over_another_is_seen() -> None:
    one = Shape("building", "甲", 10, 10, 100, 100)
    assert overlap(one, Shape("gate", "乙", 100, 60, 50, 20))
    assert not overlap(one, Shape("gate", "乙", 120, 60, 50, 20))


def test_thousands_of_buildings_are_no_drawing_and_do_not_become_one() -> None:
    assert len(lay_out([str(number) for number in range(5_000)], [])) == 400

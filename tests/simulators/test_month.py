"""Months from seeds: the same for the same seed, each fault in it, and no two cars at a lane at once."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import get_args

import pytest

from simulators.month.seed import make_month
from simulators.month.words import Fault

APART = timedelta(seconds=40)
BUSY = make_month(3)


def test_a_seed_is_one_month() -> None:
    assert make_month(3) == BUSY != make_month(4)


def test_no_two_cars_are_at_an_entrance_or_at_the_one_cashier_at_once() -> None:
    times = defaultdict[str, list[datetime]](list)
    for visit in BUSY.visits:
        times[visit.entrance].append(visit.entered_at)
        times["exits"].append(visit.left_at)
    for at, moments in times.items():
        assert all(later - earlier >= APART for earlier, later in pairwise(sorted(moments))), at


@pytest.mark.parametrize("cars", [12, 200])
def test_each_fault_is_in_a_month(cars: int) -> None:
    month = make_month(3, cars_a_day=cars)
    assert {visit.fault for visit in month.visits} - {None} == set(get_args(Fault))
    assert len(month.visits) == 30 * cars

"""Months from seeds: the same for the same seed, each fault in it, and no two cars at a lane at once."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import get_args

import pytest

from simulators.month.seed import make_month
from simulators.month.words import Fault

APART, FREE = timedelta(seconds=40), timedelta(minutes=30)  # of the class that is free for longest
BUSY = make_month(3)


def test_a_seed_is_one_month() -> None:
    assert make_month(3) == BUSY != make_month(4)


def test_no_two_cars_are_at_an_entrance_or_pay_at_once() -> None:
    times = defaultdict[str, list[datetime]](list)
    for visit in BUSY.visits:
        times[visit.entrance].append(visit.entered_at)
        times["exits"] += {visit.left_at, visit.left_at - timedelta(seconds=visit.paid_before_s)}
    for at, moments in times.items():
        assert all(later - earlier >= APART for earlier, later in pairwise(sorted(moments))), at


def test_who_pays_before_leaving_is_not_free_any_more() -> None:
    early = [visit for seed in range(1, 6) for visit in make_month(seed).visits if visit.paid_before_s]
    paid = [visit.left_at - timedelta(seconds=visit.paid_before_s) - visit.entered_at for visit in early]
    assert min(paid) > FREE


@pytest.mark.parametrize("cars", [12, 200])
def test_each_fault_is_in_a_month(cars: int) -> None:
    month = make_month(3, cars_a_day=cars)
    assert {visit.fault for visit in month.visits} - {None} == set(get_args(Fault))
    assert len(month.visits) == 30 * cars


@pytest.mark.parametrize("seed", range(1, 11))
def test_nobody_pays_by_phone_while_the_line_is_away(seed: int) -> None:
    month = make_month(seed)
    for visit in month.visits:
        if visit.way in ("wechat", "alipay", "before", "late"):
            paid = visit.left_at - timedelta(seconds=visit.paid_before_s)
            assert not any(cut.touches(paid, visit.left_at + APART) for cut in month.cuts), visit
    assert {"gate_cash", "gate_debt"} <= {visit.way for visit in month.visits}

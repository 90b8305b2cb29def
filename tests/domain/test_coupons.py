"""Coupons as laws: the explanation adds up, never below 0, never dearer, one use, the barrier asks as the book."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.desired_bodies import CouponOfStay, Coupons
from domain.lanes import decide as decide_module
from domain.lanes.decide import Known, decide
from domain.lanes.read import Read
from domain.lanes.register import Register
from domain.lanes.settings import Barrier, Lane, Reader
from domain.lanes.stays import Stays
from domain.passages import Passage
from domain.tariff import Coupon, Discount, LotTariff, counting, read_tariff
from domain.tariff.coupons import WAITS
from domain.tariff.discounts import Kind

NOW = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
PLATE = "粤B12345"
BANDS = [
    {"from": "08:00", "to": "20:00", "charge": {"kind": "unit", "unit_min": 30, "fen": 205}},
    {"from": "20:00", "to": "08:00", "charge": {"kind": "unit", "unit_min": 60, "fen": 90}, "cap_fen": 400},
]
CHARGES = (
    {"kind": "unit", "unit_min": 30, "fen": 205},
    {"kind": "bands", "bands": BANDS},
    {"kind": "tiers", "mode": "select", "tiers": [{"until_min": 120, "charge": {"kind": "flat", "fen": 900}},
     {"until_min": 99_999, "charge": {"kind": "flat", "fen": 500}}]},  # a longer stay costs less
)  # fmt: skip
LOTS = [
    LotTariff(read_tariff({"plans": {"small": {"free": {"minutes": 15}, "charge": charge}}}), "small")
    for charge in CHARGES
]
AMOUNTS: dict[Kind, tuple[int, int]] = {"minutes": (1, 600), "fen": (1, 3_000), "percent": (1, 100), "full": (0, 0)}
OUT = Lane(id="a", direction="out", readers=(Reader(device="c:1"),), barrier=Barrier(device="c:1"))


@st.composite
def coupons(draw: st.DrawFn) -> list[Coupon]:
    found: list[Coupon] = []
    for number in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(sorted(AMOUNTS)))
        discount = Discount(f"券{number}", kind, draw(st.integers(*AMOUNTS[kind])), f"merchant:m{number}")
        found.append(Coupon(f"c{number}", discount, NOW - timedelta(minutes=draw(st.integers(0, 60)))))
    return found


def price(lot: LotTariff, entered: datetime, given_: Iterable[Coupon]) -> tuple[int, int, list[int]]:
    stay = (entered, NOW)
    quote = lot.quote_parts("blue", PLATE, stay, (), [stay], "", counting(given_, NOW))
    off = [line.fen for line in quote.lines if line.account]
    return quote.fee_fen, sum(line.fen for line in quote.lines), off


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(LOTS), st.integers(1, 3 * 1_440), coupons(), st.randoms(use_true_random=False))
def test_the_explanation_adds_up_and_no_stay_is_dearer_or_below_nothing(
    lot: LotTariff, minutes: int, had: list[Coupon], chance: object
) -> None:
    entered = NOW - timedelta(minutes=minutes)
    whole, _, _ = price(lot, entered, ())
    fee, lines, off = price(lot, entered, had)
    assert fee == lines == whole + sum(off)
    assert 0 <= fee <= whole and all(fen <= 0 for fen in off)
    mixed = [*had, *had]
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert price(lot, entered, mixed) == (fee, lines, off), "told twice, in any order, it is one"


def at_the_barrier(lot: LotTariff, entered: datetime, had: list[Coupon], said_at: datetime | None = None) -> int | None:
    """What an exit asks by its document."""
    entry = Passage(id=b"1" * 16, plate=PLATE, lane="a", direction="in", occurred_at=entered, device="c:1")
    told = [
        CouponOfStay(one.id, PLATE, said_at or entered, one.given_at, d.name, d.kind, d.amount, d.account)
        for one in had
        for d in [one.discount]
    ]
    known = Known(Register(coupons=Coupons(tuple(told))), Stays([entry]), lot)
    return decide(OUT, Read(plate=PLATE, at=NOW, color="blue"), known).fee_fen


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(LOTS), st.integers(1, 3 * 1_440), coupons())
def test_the_barrier_asks_what_the_book_charges(lot: LotTariff, minutes: int, had: list[Coupon]) -> None:
    entered = NOW - timedelta(minutes=minutes)
    assert at_the_barrier(lot, entered, had) == price(lot, entered, had)[0]
    assert at_the_barrier(lot, entered, had, entered - timedelta(days=1)) == price(lot, entered, ())[0], (
        "another stay's"
    )


def off(fen: int, **more: datetime | None) -> Coupon:
    return Coupon("c1", Discount("超市", "fen", fen, "merchant:m"), more.get("given_at") or NOW, more.get("undone_at"))


def test_what_comes_after_the_car_left_or_was_taken_back_before_does_not_count() -> None:
    assert counting([off(5)], NOW) == (off(5).discount,)
    assert counting([off(5, given_at=NOW + WAITS)], NOW), "it waited at the exit"
    assert not counting([off(5, given_at=NOW + WAITS + timedelta(seconds=1))], NOW)
    assert not counting([off(5, undone_at=NOW)], NOW)
    assert counting([off(5, undone_at=NOW + timedelta(seconds=1))], NOW), "it left with it"


def _each_time(given_: Iterable[Coupon], left: datetime) -> tuple[Discount, ...]:
    return tuple(one.discount for one in given_ if one.counts(left))


@pytest.mark.parametrize(("rule", "off_fen"), [(counting, 205), (_each_time, 410)])
def test_a_coupon_that_is_told_twice_is_one_and_the_law_sees_a_rule_that_takes_it_twice(
    monkeypatch: pytest.MonkeyPatch, rule: Callable[..., tuple[Discount, ...]], off_fen: int
) -> None:
    monkeypatch.setattr(decide_module, "counting", rule)
    twice = [off(205, given_at=NOW - timedelta(minutes=1))] * 2
    entered, lot = NOW - timedelta(hours=2), LOTS[0]
    told = Register()
    told.coupons_of = lambda *_: twice  # type: ignore[method-assign]
    entry = Passage(id=b"1" * 16, plate=PLATE, lane="a", direction="in", occurred_at=entered, device="c:1")
    verdict = decide(OUT, Read(plate=PLATE, at=NOW, color="blue"), Known(told, Stays([entry]), lot))
    assert verdict.fee_fen == price(lot, entered, ())[0] - off_fen


def test_a_document_that_names_a_coupon_twice_is_refused_whole() -> None:
    one = CouponOfStay("c1", PLATE, NOW, NOW, "超市", "fen", 5)
    with pytest.raises(ValueError, match="c1"):
        Coupons((one, one))
    with pytest.raises(ValueError, match="percent"):
        CouponOfStay("c2", PLATE, NOW, NOW, "超市", "percent", 101)

"""Dated tariffs, lots within the lot, discounts, kinds of plates: laws, and a broken variant that each law catches."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from domain.tariff import (
    BadStay,
    BadTariff,
    Discount,
    LotTariff,
    Plan,
    Quote,
    Tariff,
    Within,
    discounted,
    document_of,
    fee,
    fee_within,
    lot_of,
    read_tariff,
    tariff_of,
)
from domain.tariff.coverage import faults, findings
from tests.domain.tariff_pricing import DAY_BAND, HOURLY, at, plan
from tests.domain.tariff_strategies import MONDAY, any_plan, charges, plans, stay

quick = settings(deadline=None, max_examples=40, phases=(Phase.explicit, Phase.reuse, Phase.generate))
plain = plans(charges())  # looks back at no earlier stay, but for free time limited per day
split_plans = plain.filter(lambda found: not found.looks_back)
cuts = st.lists(st.integers(1, 3 * 86_400), min_size=1, max_size=3, unique=True).map(sorted)


def dated(plans_: list[Plan], cuts_s: list[int], change: Any = "entry") -> LotTariff:
    """A lot whose plans follow each other at those seconds after Monday's midnight."""
    first, *rest = [Tariff(plans={"small": one}) for one in plans_]
    later = [
        LotTariff(one, "small", MONDAY + timedelta(seconds=cut), change) for one, cut in zip(rest, cuts_s, strict=False)
    ]
    return LotTariff(first, "small", later=tuple(later))


def cost(lot: LotTariff, start_s: int, length_s: int) -> Quote:
    return lot.quote("blue", *stay(start_s, length_s))


@quick
@given(any_plan, cuts, st.integers(0, 3 * 86_400), st.integers(0, 90_000))
def test_versions_that_say_the_same_change_nothing(one: Plan, cuts_s: list[int], start_s: int, length_s: int) -> None:
    for change in ("entry", "split"):
        lot = dated([one] * (1 + len(cuts_s)), cuts_s, change)
        assert cost(lot, start_s, length_s) == fee(one, *stay(start_s, length_s))


@quick
@given(split_plans, split_plans, st.integers(0, 86_400), st.integers(0, 90_000), st.integers(1, 86_400))
def test_a_version_that_comes_after_a_stay_or_before_it_changes_nothing(
    old: Plan, new: Plan, start_s: int, length_s: int, beyond_s: int
) -> None:
    after = dated([old, new], [start_s + length_s + beyond_s], "split")
    assert cost(after, start_s, length_s) == fee(old, *stay(start_s, length_s))
    before = dated([old, new], [start_s], "split")
    assert cost(before, start_s, length_s) == fee(new, *stay(start_s, length_s))


@quick
@given(split_plans, split_plans, st.integers(0, 86_400), st.integers(1, 90_000), st.data())
def test_a_split_stay_is_explained_whole_and_each_part_by_its_own_plan(
    old: Plan, new: Plan, start_s: int, length_s: int, data: st.DataObject
) -> None:
    cut_s = data.draw(st.integers(start_s, start_s + length_s))
    quote = cost(dated([old, new], [cut_s], "split"), start_s, length_s)
    assert sum(line.fen for line in quote.lines) == quote.fee_fen >= 0
    without = [msgspec.structs.replace(one, free=None) for one in (old, new)]
    parts = [
        fee(one, *stay(at_s, to_s - at_s))
        for one, at_s, to_s in ((without[0], start_s, cut_s), (without[1], cut_s, start_s + length_s))
    ]
    if old.version != new.version and start_s < cut_s < start_s + length_s:
        assert quote.fee_fen <= sum(part.fee_fen for part in parts) or old.free is not None


def test_free_time_is_had_once_over_a_split() -> None:
    free = {"minutes": 30}
    lot = dated(
        [plan(HOURLY, free=free), plan({"kind": "unit", "unit_min": 60, "fen": 900}, free=free)], [3_600], "split"
    )
    assert cost(lot, 3_000, 1_800).fee_fen == 0, "the whole stay is within it"
    assert cost(lot, 3_000, 1_860).fee_fen == 500 + 900, "10 min before the change are no stay of 10 min"
    deduct = {"minutes": 30, "mode": "deduct"}
    lot = dated([plan(HOURLY, free=deduct), plan({"kind": "unit", "unit_min": 60, "fen": 900})], [3_600], "split")
    assert cost(lot, 3_000, 3_600).fee_fen == 900, "20 min of it are left after the change"
    backward = dated([plan(HOURLY), plan({"kind": "free"}, window_cap={"hours": 24, "fen": 1})], [3_600], "split")
    with pytest.raises(BadStay, match="cannot be split"):
        cost(backward, 3_000, 3_600)


def through(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[LotTariff], LotTariff]:
    """To a gateway and back: as the document says it, once more through JSON."""

    def carried(lot: LotTariff) -> LotTariff:
        document = change(document_of(tariff_of(lot, MONDAY)))
        return lot_of(read_tariff(msgspec.json.decode(msgspec.json.encode(document))), "small")

    return carried


def edge_agrees(carry: Callable[[LotTariff], LotTariff]) -> None:
    @quick
    @given(any_plan, any_plan, cuts, st.integers(0, 3 * 86_400), st.integers(0, 90_000))
    def law(old: Plan, new: Plan, cuts_s: list[int], start_s: int, length_s: int) -> None:
        lot = dated([old, new], cuts_s)
        assert cost(carry(lot), start_s, length_s) == cost(lot, start_s, length_s)

    law()


def test_the_edge_prices_as_the_centre_does() -> None:
    edge_agrees(through(lambda document: document))


def test_the_law_catches_an_edge_that_reads_no_dates() -> None:
    def undated(document: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in document.items() if key != "versions"}

    with pytest.raises(AssertionError):
        edge_agrees(through(undated))


def test_before_the_first_version_nothing_is_charged() -> None:
    lot = lot_of(
        read_tariff(
            {
                "plans": {"a": {"charge": HOURLY}},
                "versions": [{"since": MONDAY.isoformat(), "plans": {"a": {"charge": HOURLY}}}],
            }
        ),
        "small",
    )
    assert lot.at(MONDAY - timedelta(seconds=1)) is None
    assert lot.quote("blue", *stay(0, 60)).fee_fen == 500
    with pytest.raises(BadStay, match="no tariff was in force"):
        lot.quote("blue", MONDAY - timedelta(hours=1), MONDAY)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([{"since": "2026-03-02T00:00:00", "plans": {"a": {"charge": HOURLY}}}], "versions[0].since"),
        (
            [{"since": "2026-03-02T00:00:00Z", "plans": {"a": {"charge": {"kind": "unit"}}}}],
            "versions[0].plans.a.charge",
        ),
        ([{"plans": {"a": {"charge": HOURLY}}}] * 2, "must rise"),
        ("x", "expected a list"),
        ([{"plans": {"a": {"charge": HOURLY}}, "versions": [{"plans": {"a": {"charge": HOURLY}}}]}], "of its own"),
        ([7], "versions[0]"),
    ],
)
def test_versions_that_are_none_are_refused(entries: Any, said: str) -> None:
    with pytest.raises(BadTariff) as refused:
        read_tariff({"plans": {"a": {"charge": HOURLY}}, "versions": entries})
    assert said in str(refused.value)


def test_kinds_of_plates_have_a_plan_or_pay_nothing() -> None:
    tariff = read_tariff(
        {
            "exempt_classes": ["police", "emergency"],
            "plans": {"small": {"charge": HOURLY}, "trailer": {"charge": {"kind": "flat", "fen": 4}}},
        }
    )
    lot = LotTariff(tariff, "small")
    hour = (at("2026-11-18 08:00"), at("2026-11-18 09:00"))
    prices = {
        ("white", "京A1234警"): 0,
        ("blue", "京A1234警"): 500,  # of another colour it only looks like one
        ("yellow", "京A1234挂"): 4,
        ("blue", "京A12345"): 500,
        ("blue", ""): 500,
    }
    assert {key: lot.quote(key[0], *hour, (), key[1]).fee_fen for key in prices} == prices  # type: ignore[arg-type]


def inner_plan(time: str) -> Plan:
    inner = {"B2": {"time": time, "plan": {"charge": {"kind": "flat", "fen": 300}}}}
    return plan(HOURLY, inner=inner)


def test_a_lot_within_the_lot_is_subtracted_or_added() -> None:
    times = [at(f"2026-11-18 {clock}") for clock in ("08:00", "09:00", "11:30", "12:00")]
    within = [Within("B2", times[1], times[2])]
    subtracted = fee_within(inner_plan("subtracted"), times[0], times[3], within)
    assert subtracted.fee_fen == 2 * 500 + 300, "90 min outside, and the flat price within"
    assert fee_within(inner_plan("added"), times[0], times[3], within).fee_fen == 4 * 500 + 300
    assert [line.rule for line in subtracted.lines][-1] == "B2: flat 300 fen"
    with pytest.raises(BadStay, match="no inner lot"):
        fee_within(plan(HOURLY), times[0], times[3], within)
    with pytest.raises(BadStay, match="not within the stay"):
        fee_within(inner_plan("added"), times[1], times[2], [Within("B2", times[0], times[2])])
    with pytest.raises(BadTariff, match="inner"):
        plan(HOURLY, inner={"B2": {"plan": {"charge": HOURLY, "window_cap": {"hours": 1, "fen": 1}}}})


@quick
@given(plain, st.integers(0, 86_400), st.integers(2, 90_000), st.data())
def test_time_within_is_explained_and_never_taken_off_twice(
    outer: Plan, start_s: int, length_s: int, data: st.DataObject
) -> None:
    entry, exit_ = stay(start_s, length_s)
    begun = data.draw(st.integers(0, length_s))
    ended = data.draw(st.integers(begun, length_s))
    within = [Within("B2", entry + timedelta(seconds=begun), entry + timedelta(seconds=ended))]
    for time in ("subtracted", "added"):
        one = msgspec.structs.replace(outer, inner=inner_plan(time).inner)
        quote = fee_within(one, entry, exit_, within)
        assert sum(line.fen for line in quote.lines) == quote.fee_fen
        counted = exit_ if time == "added" else exit_ - timedelta(seconds=ended - begun)
        assert quote.fee_fen == fee(one, entry, counted).fee_fen + (300 if ended > begun else 0)


def off(*discounts: Discount, until: str = "12:00") -> tuple[int, list[tuple[str, int]]]:
    times = (at("2026-11-18 08:00"), at(f"2026-11-18 {until}"))
    hourly = plan(HOURLY)

    def reprice(entry: datetime, exit_: datetime) -> Quote:
        return fee(hourly, entry, exit_)

    quote = discounted(fee(hourly, *times), discounts, *times, reprice)
    assert quote.fee_fen == sum(line.fen for line in quote.lines) >= 0
    return quote.fee_fen, [(line.account, line.fen) for line in quote.lines if line.account]


def test_discounts_are_negative_lines_with_their_accounts() -> None:
    assert off(Discount("超市", "minutes", 90)) == (1_500, [("discount:超市", -500)]), "three hours are left of four"
    assert off(Discount("超市", "minutes", 600)) == (0, [("discount:超市", -2_000)])
    assert off(Discount("a", "fen", 700), Discount("b", "percent", 50)) == (
        650,
        [("discount:a", -700), ("discount:b", -650)],
    )
    assert off(Discount("b", "percent", 50), Discount("a", "fen", 700))[0] == 650, "the same in any order"
    assert off(Discount("x", "full"), Discount("a", "fen", 700)) == (0, [("discount:a", -700), ("discount:x", -1_300)])
    assert off(Discount("a", "fen", 9_999, account="coupon:a")) == (0, [("discount:coupon:a", -2_000)])
    for wrong in ({"kind": "percent", "amount": 101}, {"kind": "fen", "amount": 0}):
        with pytest.raises(ValueError, match="amount"):
            Discount("a", **wrong)  # type: ignore[arg-type]


def whats(charge: Any, **around: Any) -> list[str]:
    return [one.what for one in faults(Tariff(plans={"small": plan(charge, **around)}))]


def test_holes_overlaps_and_stays_without_a_price_are_found() -> None:
    night = {"from": "19:00", "to": "07:00", "charge": HOURLY}
    late = {"from": "18:00", "to": "07:00", "charge": HOURLY}
    resting = {"from": "00:00", "to": "24:00", "on": "restday", "charge": HOURLY}
    assert whats({"kind": "bands", "bands": [DAY_BAND, night]}) == []
    assert whats({"kind": "bands", "bands": [DAY_BAND]}) == ["hole", "hole"]
    assert whats({"kind": "bands", "bands": [DAY_BAND], "outside": "free"}) == []
    assert whats({"kind": "bands", "bands": [DAY_BAND, late]}) == ["overlap"]
    assert whats({"kind": "bands", "bands": [DAY_BAND, late], "overlap": "first"}) == []
    assert whats({"kind": "bands", "bands": [resting, DAY_BAND, night]}) == [], "a day of a kind goes before any day"
    assert "overlap" in whats({"kind": "bands", "bands": [DAY_BAND, night, resting]}), "the last never counts"
    assert whats({"kind": "bands", "bands": [resting]}) == ["hole"]
    closed = {"kind": "tiers", "tiers": [{"until_min": 60, "charge": HOURLY}]}
    assert whats(closed) == ["no_price"]
    assert whats(closed, cycle={"hours": 1}) == []
    assert whats(closed, window_cap={"hours": 1, "fen": 9}) == [], "no piece is longer than a window"
    within = {"kind": "tiers", "tiers": [{"until_min": 60, "charge": closed}, {"charge": HOURLY}]}
    assert whats(within) == [], "the table within goes as far as its tier"
    assert whats({"kind": "bands", "bands": [{**DAY_BAND, "charge": closed}, night]}) == ["no_price"]
    (day_price,) = findings(Tariff(plans={"small": plan(HOURLY, cycle={"hours": 24}, full_cycle_fen=500)}))
    assert (day_price.what, day_price.is_wrong) == ("falls", False), "a day costs less than most of one"
    capped = plan(HOURLY, cycle={"hours": 24}, full_cycle_fen=500, cycle_cap_fen=[500, 400])
    assert not findings(Tariff(plans={"small": capped}))
    nested = {"kind": "scaled", "percent": 50, "of": {"kind": "bands", "bands": [DAY_BAND]}}
    found = findings(Tariff(plans={"small": plan(nested)}))
    assert {one.path for one in found} == {"plans.small.charge.of"}
    within = {"B2": {"plan": {"charge": {"kind": "bands", "bands": [DAY_BAND]}}}}
    assert whats(HOURLY, inner=within) == ["hole", "hole"]

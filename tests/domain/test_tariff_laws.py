"""Tariff laws: sums, caps, cover, monotony, weeks; bands against a walk by the minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from domain.tariff import Line, Plan, Quote, fee, fees, that_count
from domain.tariff.bands import band_at, band_end
from domain.tariff.plan import Band, Bands
from tests.domain.tariff_strategies import (
    Document,
    Stays,
    any_plan,
    bands,
    charges,
    day_window,
    fixed,
    law,
    plans,
    read,
    seconds,
    stay,
    stays_of,
    visits,
    window,
)

Piece = tuple[int, int, Band | None]


def is_adjustment(line: Line) -> bool:
    return line.rule.startswith(("cap", "window cap", "scaled"))


@law
@given(any_plan, visits)
def test_the_lines_add_up_to_a_fee_of_whole_fen(plan: Plan, stays: Stays) -> None:
    for quote in fees(plan, stays):
        assert sum(line.fen for line in quote.lines) == quote.fee_fen >= 0
        assert all(isinstance(line.fen, int) for line in quote.lines)


@law
@given(any_plan, visits)
def test_the_same_stays_cost_the_same(plan: Plan, stays: Stays) -> None:
    in_utc = [(entry.astimezone(UTC), exit_.astimezone(UTC)) for entry, exit_ in stays]
    assert fees(plan, stays) == fees(plan, in_utc)
    assert fee(plan, *stays[-1], stays=stays[:-1]) == fees(plan, stays)[-1]


def covers(quote: Quote, entry: datetime, exit_: datetime) -> bool:
    lines = [line for line in quote.lines if not is_adjustment(line)]
    edges = [entry, *(line.end for line in lines)]
    return [line.start for line in lines] == edges[:-1] and edges[-1] == exit_


@law
@given(any_plan.filter(lambda plan: plan.seconds == "exact"), visits)
def test_the_lines_cover_the_stay_without_overlap(plan: Plan, stays: Stays) -> None:
    for quote, (entry, exit_) in zip(fees(plan, stays), stays, strict=True):
        assert covers(quote, entry, exit_)


@law
@given(any_plan.filter(lambda plan: plan.stay_cap_fen is not None), visits)
def test_a_stay_never_costs_more_than_its_cap(plan: Plan, stays: Stays) -> None:
    assert all(quote.fee_fen <= (plan.stay_cap_fen or 0) for quote in fees(plan, stays))


@law
@given(plans(charges(), window_cap=day_window), visits)
def test_a_day_never_costs_more_than_its_cap(plan: Plan, stays: Stays) -> None:
    spent: Counter[date] = Counter()
    for line in (line for quote in fees(plan, stays) for line in quote.lines):
        spent[line.start.date()] += line.fen
    assert plan.window_cap is None or all(each <= plan.window_cap.fen for each in spent.values())


@law
@given(plans(charges(), window_cap=window), visits)
def test_windows_hold_their_cap_over_any_stays(plan: Plan, stays: Stays) -> None:
    if plan.window_cap is None:
        return
    hours = (stays[-1][1] - stays[0][0]) / timedelta(seconds=plan.window_cap.length_s)
    assert sum(quote.fee_fen for quote in fees(plan, stays)) <= plan.window_cap.fen * (int(hours) + 2)


def capped(charge: Document) -> Document:
    return {**charge, "cap_fen": 700}


@law
@given(plans(charges().map(capped)), seconds, st.integers(1, 3_600))
def test_a_charge_never_exceeds_its_cap_within_one_piece(plan: Plan, start_s: int, length_s: int) -> None:
    pieces = 1 if plan.cycle is None else 3 + length_s // plan.cycle.length_s
    assert fee(plan, *stay(start_s, length_s)).fee_fen <= 700 * pieces


@law
@given(plans(charges(("slices",))), seconds, seconds, st.integers(0, 7_200))
def test_a_longer_stay_never_costs_less(plan: Plan, start_s: int, length_s: int, more_s: int) -> None:
    assert fee(plan, *stay(start_s, length_s)).fee_fen <= fee(plan, *stay(start_s, length_s + more_s)).fee_fen


def test_the_law_catches_a_step_table_that_falls() -> None:
    falling = [{"until_min": 60, "charge": {"kind": "flat", "fen": 9}}, {"charge": {"kind": "flat", "fen": 5}}]
    plan = read({"charge": {"kind": "tiers", "tiers": falling, "mode": "select"}})
    assert fee(plan, *stay(0, 3_600)).fee_fen > fee(plan, *stay(0, 3_601)).fee_fen


@law
@given(any_plan, visits, st.integers(1, 60))
def test_whole_weeks_later_the_fee_is_the_same(plan: Plan, stays: Stays, weeks: int) -> None:
    later = [(entry + timedelta(weeks=weeks), exit_ + timedelta(weeks=weeks)) for entry, exit_ in stays]
    assert [quote.fee_fen for quote in fees(plan, stays)] == [quote.fee_fen for quote in fees(plan, later)]


def same_without_what_is_past(counting: Callable[[Plan, Stays, datetime], Stays], examples: int = 60) -> None:
    gaps = st.lists(st.tuples(st.integers(1, 4 * 86_400), st.integers(0, 90_000)), min_size=3, max_size=6)

    @settings(deadline=None, max_examples=examples, phases=(Phase.explicit, Phase.reuse, Phase.generate))
    @given(plans(charges(), window_cap=window), gaps.map(stays_of))
    def law_(plan: Plan, stays: Stays) -> None:
        *earlier, last = stays
        found = fee(plan, *last, stays=counting(plan, earlier, last[0]))
        assert found == fees(plan, stays)[-1]

    law_()


def test_what_is_long_past_changes_no_fee() -> None:
    same_without_what_is_past(that_count)


def test_the_law_catches_what_is_forgotten_too_early() -> None:
    with pytest.raises(AssertionError):
        same_without_what_is_past(lambda _plan, earlier, _entry: earlier[2:], examples=3_000)  # ends at the first


def test_stays_of_long_ago_are_let_go_of() -> None:
    plan = read({"charge": {"kind": "flat", "fen": 9}, "window_cap": {"hours": 24, "fen": 9}})
    days = [stay(day * 3 * 86_400, 3_600) for day in range(300)]
    assert that_count(plan, days[:-1], days[-1][0]) == []
    daily = [stay((900 + day) * 86_400, 60_000) for day in range(9)]
    assert that_count(plan, [*days, *daily], daily[-1][1]) == daily, "a chain of windows is whole"


def test_the_law_catches_a_calendar() -> None:
    bands_ = [{"from": "00:00", "to": "24:00", "on": "restday", "charge": {"kind": "flat", "fen": 5}}]
    plan = read({"charge": {"kind": "bands", "bands": bands_}, "calendar": {"2026-03-02": "restday"}})
    assert fee(plan, *stay(0, 60)).fee_fen != fee(plan, *stay(7 * 86_400, 60)).fee_fen


def walk_by_the_minute(plan: Plan, charge: Bands, start: int, end: int) -> list[Piece]:
    """Bands by brute force: a new piece wherever the minute's band is another, or the same band begins again."""
    pieces: list[Piece] = []
    for moment in range(start, end, 60):
        band = band_at(charge, moment, plan.days)
        again = band is not None and band.start == band.end and moment % 86_400 == band.start_s
        if pieces and pieces[-1][2] is band and not again:
            pieces[-1] = (pieces[-1][0], moment + 60, band)
        else:
            pieces.append((moment, moment + 60, band))
    return pieces


def cut_by_rule(plan: Plan, charge: Bands, start: int, end: int) -> list[Piece]:
    pieces: list[Piece] = []
    while start < end:
        band = band_at(charge, start, plan.days)
        until = band_end(charge, band, start, end, plan.days)
        pieces.append((start, until, band))
        start = until
    return pieces


def same_pieces(cutter: Callable[[Plan, Bands, int, int], list[Piece]]) -> None:
    @settings(deadline=None, max_examples=100, phases=(Phase.explicit, Phase.reuse, Phase.generate))  # walks are slow
    @given(plans(bands(fixed(kind="free"))), st.integers(0, 20_000), st.integers(1, 4_000))
    def law_(plan: Plan, start_min: int, length_min: int) -> None:
        assert isinstance(plan.charge, Bands)
        times = (start_min * 60, (start_min + length_min) * 60)
        assert cutter(plan, plan.charge, *times) == walk_by_the_minute(plan, plan.charge, *times)

    law_()


def test_bands_are_cut_as_a_walk_by_the_minute_cuts_them() -> None:
    same_pieces(cut_by_rule)


def uncut(plan: Plan, charge: Bands, start: int, end: int) -> list[Piece]:
    return [(start, end, band_at(charge, start, plan.days))]


def test_the_law_catches_bands_that_are_not_cut() -> None:
    with pytest.raises(AssertionError):
        same_pieces(uncut)

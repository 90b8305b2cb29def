"""Lanes as pure rules: only the exact plate, the books' own fee, and an arm held against a model of its own."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain.desired_bodies import Pass, Passes
from domain.lanes.decide import Known, Paid, decide
from domain.lanes.opening import Watch
from domain.lanes.read import Read
from domain.lanes.register import Listed, PlateLists, Register
from domain.lanes.settings import Barrier, Lane, Loop, Reader
from domain.lanes.stays import KEPT_FOR, Stays
from domain.lanes.words import spaced, yuan
from domain.passages import Passage
from domain.plates import PROVINCES, SERIAL, canonical
from domain.tariff import LotTariff, fee, read_tariff

NOW = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
PLATE = "粤B12345"
PLAN = {"free": {"minutes": 15}, "cycle": {"hours": 24}, "cycle_cap_fen": 2000}
LOT = LotTariff(
    read_tariff({"plans": {"small": {**PLAN, "charge": {"kind": "unit", "unit_min": 30, "fen": 205}}}}), "small"
)
PASSES = Passes((Pass(PLATE, date(2026, 12, 31)),))


def lane(direction: str = "in", **changed: object) -> Lane:
    base = {"id": "a", "direction": direction, "readers": (Reader(device="c:1"),), "barrier": Barrier(device="c:1")}
    return Lane(**{**base, **changed})  # type: ignore[arg-type]


def inside(plate: str, since: datetime) -> Stays:
    entry = Passage(id=b"1" * 16, plate=plate, lane="a", direction="in", occurred_at=since, device="c:1")
    return Stays([entry])


@given(st.sampled_from(PROVINCES), st.text(st.sampled_from(SERIAL), min_size=5, max_size=6), st.integers(0, 7))
def test_only_the_exact_plate_has_a_pass(province: str, serial: str, place: int) -> None:
    """Any plate, also one made from the pass by changing one sign, opens by the pass only where it is the pass."""
    near = PLATE[:place] + serial[:1] + PLATE[place + 1 :]
    known = Known(Register(PASSES), Stays())
    for plate in (canonical(near), canonical(f"{province}B{serial}")):
        verdict = decide(lane(visitors="refuse"), Read(plate=plate, at=NOW), known)
        assert (verdict.reason == "pass") == (plate == PLATE)


@settings(max_examples=60)
@given(
    st.sampled_from(["replay", "too_late"]),
    st.sampled_from(["in", "out"]),
    st.sampled_from([PLATE, "湘A8K6Q2", ""]),
    st.sampled_from([None, "approaching", "departing"]),
)
def test_what_is_stale_never_opens(stale: str, direction: str, plate: str, travel: str | None) -> None:
    known = Known(Register(PASSES), inside(plate, NOW) if plate else Stays(), LOT)
    easy = lane(direction, unread="open")
    assert decide(easy, Read(plate=plate, at=NOW, travel=travel, stale=stale), known).action == "ignore"
    assert decide(easy, Read(plate=PLATE, at=NOW), known).action == "open", "the lane does open"


@given(st.integers(0, 6 * 24 * 60), st.integers(0, 6_000), st.integers(0, 40))
def test_what_is_asked_for_is_the_fee_of_the_book_less_what_was_paid(
    stay_min: int, paid_fen: int, late_min: int
) -> None:
    entered = NOW - timedelta(minutes=stay_min)
    paid_at = max(entered, NOW - timedelta(minutes=late_min))
    paid = Paid(PLATE, entered, paid_fen, paid_at)
    known = Known(Register(), inside(PLATE, entered), LOT, lambda _: paid)
    verdict = decide(lane("out"), Read(plate=PLATE, at=NOW), known)
    until = paid_at if paid_at + timedelta(minutes=15) >= NOW else NOW
    owed = fee(LOT.tariff.plans["small"], entered, until).fee_fen
    assert (verdict.fee_fen, verdict.due_fen) == (owed, max(0, owed - paid_fen))
    assert (verdict.action == "open") == (owed <= paid_fen)


def test_a_payment_counts_for_its_own_stay_only() -> None:
    entered = NOW - timedelta(hours=2)
    paid = Paid(PLATE, entered - timedelta(days=1), 100_000, NOW)
    known = Known(Register(), inside(PLATE, entered), LOT, lambda _: paid)
    assert decide(lane("out"), Read(plate=PLATE, at=NOW), known).action == "pay"


@pytest.mark.parametrize(
    ("listed", "after", "reason"),
    [
        ([("white", None)], 0, "white_list"),
        ([("white", None), ("black", None)], 0, "black_list"),
        ([("temporary", 1)], 0.5, "temporary_list"),
        ([("temporary", 1)], 1.5, "unknown_plate"),
    ],
)
def test_lists(listed: list[tuple[str, float | None]], after: float, reason: str) -> None:
    entries = tuple(
        Listed(PLATE, which, until=NOW + timedelta(hours=hours) if hours else None)  # type: ignore[arg-type]
        for which, hours in listed
    )
    known = Known(Register(lists=PlateLists(entries)), Stays())
    at = NOW + timedelta(hours=after)
    assert decide(lane(visitors="refuse"), Read(plate=PLATE, at=at), known).reason == reason


@pytest.mark.parametrize(
    ("plate", "color", "reason"),
    [
        ("粤B1234警", "white", "emergency"),
        ("粤B1234警", "blue", "unknown_plate"),  # painted on
        ("粤B1234应急", "unknown", "emergency"),
        ("粤B12345", "white", "unknown_plate"),
    ],
)
def test_emergency_plates(plate: str, color: str, reason: str) -> None:
    read = Read(plate=plate, at=NOW, color=color)  # type: ignore[arg-type]
    assert decide(lane(visitors="refuse"), read, Known(Register(), Stays())).reason == reason


def test_stays_are_bounded() -> None:
    stays = inside(PLATE, NOW - timedelta(days=30))
    assert stays.outdated(NOW) == [], "whoever is inside stays known"
    stays.note(
        Passage(id=b"2" * 16, plate=PLATE, lane="b", direction="out", occurred_at=NOW, device="c:2"),
    )
    assert stays.earlier(PLATE, NOW) == [(NOW - timedelta(days=30), NOW)]
    assert len(stays.outdated(NOW + KEPT_FOR + timedelta(hours=1))) == 2
    assert len(stays) == 0


def _again_and_again(step: timedelta, stay: timedelta, times: int = 40) -> Stays:
    """Comes so often, and stays for so long."""
    stays = Stays()
    for number in range(times):
        entered = NOW + number * step
        for which, direction in enumerate(("in", "out")):
            identity, at = (2 * number + which).to_bytes(16, "big"), entered + which * stay
            stays.note(Passage(id=identity, plate=PLATE, lane="a", direction=direction, occurred_at=at, device="c:1"))
    return stays


@pytest.mark.parametrize(("step", "hours"), [(7, 2), (11, 5), (13, 5), (23, 20)])
def test_a_chain_of_windows_is_priced_as_by_all_that_was(step: int, hours: int) -> None:
    """With the control: a memory that knows of no window forgets where the chain began, and asks for another fee."""
    capped = {"window_cap": {"hours": 24, "fen": 1_000}, "charge": {"kind": "unit", "unit_min": 60, "fen": 300}}
    lot = LotTariff(read_tariff({"timezone": "Asia/Shanghai", "plans": {"small": capped}}), "small")
    apart, stay = timedelta(hours=step), timedelta(hours=hours)
    whole, thinned, forgetful = (_again_and_again(apart, stay) for _ in range(3))
    thinned.window, entry = lot.longest_window, NOW + 40 * apart
    fees = [lot.quote("blue", entry, entry + stay, whole.earlier(PLATE, entry)).fee_fen]
    for stays in (thinned, forgetful):
        stays.outdated(entry)
        fees.append(lot.quote("blue", entry, entry + stay, stays.earlier(PLATE, entry)).fee_fen)
    assert fees[0] == fees[1] != fees[2]


def test_a_chain_that_is_broken_is_forgotten() -> None:
    stays = _again_and_again(timedelta(hours=30), timedelta(hours=2))
    stays.window = timedelta(hours=24)
    later = NOW + 40 * timedelta(hours=30) + KEPT_FOR
    assert len(stays.outdated(later)) == 80, "each came again after its window: none changes another's fee"


def test_yuan() -> None:
    shown = {0: "0", 5: "0.05", 50: "0.5", 550: "5.5", 505: "5.05", 1000: "10"}
    assert {fen: yuan(fen) for fen in shown} == shown


def test_plates_as_they_are_written() -> None:
    assert [spaced(plate) for plate in ("粤B12345", "使123456", "")] == ["粤B·12345", "使123456", ""]


class LaneMachine(RuleBasedStateMachine):
    """A lane with an arm that tells and a loop, against a model that counts in plain words: how many cars were let
    through since the arm was last down, and how many rolled over the loop."""

    watch_class = Watch

    def __init__(self) -> None:
        super().__init__()
        self.watch = self.watch_class(lane(loop=Loop(device="c:1", point="input/1"), moved_s=5.0, hold_s=30.0))
        self.now = 0.0
        self.asked_at: list[float] = []  # orders since the arm was last down for all of them
        self.rolled = 0
        self.moved = self.told = False
        self.up = False

    @rule(plate=st.sampled_from(["A", "B"]))
    def order(self, plate: str) -> None:
        self.tick(0.0)
        if self.told:  # nothing had moved: what is asked now is another opening
            self.asked_at, self.rolled, self.moved, self.told = [], 0, False, False
        self.watch.ordered(plate, f"r{self.now}", self.now)
        self.asked_at.append(self.now)

    @rule(code=st.sampled_from(["open", "opening"]))
    def rises(self, code: str) -> None:
        signals = self.watch.arm(code, self.now)  # type: ignore[arg-type]
        if self.asked_at:
            assert signals == ([] if self.moved else ["confirmed"])
            self.moved = True
        else:
            assert signals == ([] if self.up else ["opened_by_hand"])
        self.up = True

    @rule()
    def falls(self) -> None:
        assert self.watch.arm("closed", self.now) == []
        self.up = False
        if self.moved:
            late = len(self.asked_at) > 1 and self.now < self.asked_at[-1] + 5.0
            self.asked_at = self.asked_at[-1:] if late else []
            self.rolled, self.moved, self.told = 0, False, False

    @rule()
    def rolls(self) -> None:
        signals = [*self.watch.loop(True, self.now), *self.watch.loop(False, self.now)]
        if not self.asked_at:
            assert signals == []
            return
        self.rolled += 1
        assert ("tailgating" in signals) == (self.rolled > len(self.asked_at))
        assert ("confirmed" in signals) == (not self.moved)
        self.moved = True

    @rule(seconds=st.sampled_from([0.5, 3.0, 10.0, 40.0]))
    def tick(self, seconds: float) -> None:
        self.now += seconds
        signals = self.watch.tick(self.now)
        due = bool(self.asked_at) and not self.moved and not self.told and self.now >= self.asked_at[-1] + 5.0
        assert ("timeout" in signals) == due
        self.told = self.told or due
        if self.asked_at and not self.up and self.now >= self.asked_at[-1] + 30.0:
            self.asked_at, self.rolled, self.moved, self.told = [], 0, False, False

    @invariant()
    def agrees(self) -> None:
        opening = self.watch.opening
        assert (opening is not None) == bool(self.asked_at)
        if opening is not None:
            assert (opening.allowed, opening.passed) == (len(self.asked_at), self.rolled)


LaneMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestLane = LaneMachine.TestCase


class _Counts(Watch):
    """Takes every car on the loop for one that was let through."""

    def loop(self, occupied: bool, now: float) -> list[object]:  # type: ignore[override]
        return [signal for signal in super().loop(occupied, now) if signal != "tailgating"]


def test_the_model_finds_a_lane_that_misses_who_follows() -> None:
    class Broken(LaneMachine):
        watch_class = _Counts

    with pytest.raises(AssertionError):
        machine = Broken()
        machine.order("A")
        machine.rises("open")
        machine.rolls()
        machine.rolls()

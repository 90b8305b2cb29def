"""Stays with a pass: what it covers, places that are shared, the same at the barrier as in the book; laws."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from domain.desired import Document, as_read_by, read_body
from domain.desired_bodies import Passes
from domain.lanes.decide import Known, decide
from domain.lanes.read import Read
from domain.lanes.register import Register
from domain.lanes.settings import Lane
from domain.lanes.stays import Stays
from domain.passages import Passage
from domain.tariff import LotTariff, read_tariff
from domain.tariff.passes import Beyond, Interval, Right, Visit, billed, without_place
from tests.domain.tariff_pricing import CHINA, HOURLY, at

LOT = LotTariff(read_tariff({"plans": {"small": {"charge": HOURLY, "free": {"minutes": 30}}}}), "small")
OUT = {"id": "out", "direction": "out", "readers": [{"device": "vzenith:9"}], "barrier": {"device": "vzenith:9"}}
quick = settings(deadline=None, max_examples=60, phases=(Phase.explicit, Phase.reuse, Phase.generate))
DAY = "2026-11-18"


def stay(begin: str, end: str) -> Interval:
    return at(f"{DAY} {begin}"), at(f"{DAY} {end}" if len(end) == 5 else end)


def cost(times: Interval, to_pay: Sequence[Interval]) -> int:
    quote = LOT.quote_parts("blue", "京A12345", times, (), to_pay, "月卡")
    assert sum(line.fen for line in quote.lines) == quote.fee_fen
    return quote.fee_fen


@pytest.mark.parametrize(
    ("right", "fen"),
    [
        (None, 6 * 500),
        (Right(None, at("2026-11-19 00:00")), 0),
        (Right(None, at(f"{DAY} 14:00")), 2 * 500),  # ends during the stay: a visitor from then on
        (Right(at(f"{DAY} 11:00"), at("2026-11-19 00:00")), 500),  # begins during it: a visitor until then
        (Right(None, at("2026-11-19 00:00"), (time(20), time(7))), 6 * 500),  # nights only
        (Right(None, at("2026-11-19 00:00"), (time(13), time(7))), 3 * 500),
        (Right(None, at(f"{DAY} 09:00")), 6 * 500),  # was over before
        (Right(None, at(f"{DAY} 15:40")), 0),  # 20 minutes are a visitor's free time
    ],
)
def test_what_a_pass_does_not_cover_is_a_visitors(right: Right | None, fen: int) -> None:
    times = stay("10:00", "16:00")
    assert cost(times, billed(times, right, None, CHINA)) == fen


def test_with_a_pass_a_stay_costs_no_more_than_without() -> None:
    per_entry = LotTariff(read_tariff({"plans": {"small": {"charge": {"kind": "flat", "fen": 500}}}}), "small")
    times = stay("10:00", "2026-11-20 10:00")
    nights = Right(None, at("2026-12-01 00:00"), (time(20), time(8)))
    to_pay = billed(times, nights, None, CHINA)
    assert len(to_pay) == 3
    quote = per_entry.quote_parts("blue", "", times, (), to_pay, "")
    assert quote.fee_fen == 500
    assert quote.lines[-1].rule == "pass: no more than without it"


def visit(begin: str, end: str | None, plate: str) -> Visit:
    return Visit(at(f"{DAY} {begin}"), at(f"{DAY} {end}") if end else None, plate)


@pytest.mark.parametrize(
    ("places", "beyond", "unplaced"),
    [
        (2, "stop", None),
        (1, "stop", ("10:00", "12:00")),  # until the first of two left
        (1, "keep", ("10:00", "16:00")),
    ],
)
def test_the_car_beyond_the_places_is_billed_until_one_is_free(
    places: int, beyond: Beyond, unplaced: tuple[str, str] | None
) -> None:
    others = [visit("08:00", "12:00", "a"), visit("09:00", "09:30", "b"), visit("11:00", None, "c")]
    found = without_place(places, beyond, visit("10:00", "16:00", "own"), others)
    assert found == (stay(*unplaced) if unplaced else None)


times_ = st.integers(0, 600)
others_ = st.lists(st.tuples(times_, st.integers(1, 600)), max_size=5)


@quick
@given(st.integers(1, 3), others_, times_, st.integers(1, 600))
def test_never_more_cars_than_places_are_covered_at_once(
    places: int, others: list[tuple[int, int]], begin: int, length: int
) -> None:
    base = at(f"{DAY} 00:00")
    cars = [
        Visit(base + timedelta(minutes=start), base + timedelta(minutes=start + long), f"{number}")
        for number, (start, long) in enumerate([*others, (begin, length)])
    ]
    for beyond in ("stop", "keep"):
        unplaced = {one.plate: without_place(places, beyond, one, [o for o in cars if o is not one]) for one in cars}
        for minute in range(0, 1_200, 7):
            now = base + timedelta(minutes=minute)
            inside = [one for one in cars if one.entered <= now < (one.left or now)]
            covered = [one for one in inside if not _in(now, unplaced[one.plate])]
            assert len(covered) <= places
            if beyond == "stop":
                assert len(covered) == min(places, len(inside)), "no place is left empty"


def _in(now: datetime, span: Interval | None) -> bool:
    return span is not None and span[0] <= now < span[1]


def passage(plate: str, minute: int, direction: Any) -> Passage:
    when = at(f"{DAY} 08:00") + timedelta(minutes=minute)
    return Passage(
        id=f"{plate}{minute}".encode(),
        plate=plate,
        occurred_at=when,
        direction=direction,
        device="vzenith:9",
        lane="out",
    )


def at_the_barrier(passes: dict[str, Any], moment: str, stays: Stays) -> tuple[str, int | None]:
    body = read_body("passes", passes)
    assert isinstance(body, Passes)
    lane = msgspec.convert(OUT, Lane)
    read = Read(plate="京A11111", color="blue", at=at(f"{DAY} {moment}"))
    verdict = decide(lane, read, Known(Register(body), stays, LOT, zone=CHINA))
    return verdict.reason, verdict.due_fen


def test_the_barrier_opens_for_a_pass_that_covers_all_and_else_asks_for_the_rest() -> None:
    stays = Stays([passage("京A22222", 0, "in"), passage("京A11111", 60, "in"), passage("京A22222", 180, "out")])
    shared = {"places": [{"id": "p1", "places": 1}]}
    own = {"plate": "京A11111", "until": "2026-12-31"}
    other = {"plate": "京A22222", "until": "2026-12-31", "place": "p1"}
    assert at_the_barrier({"passes": [own]}, "16:00", stays) == ("pass", None)
    assert at_the_barrier({"passes": [{**own, "place": "p1"}, other], **shared}, "16:00", stays) == ("due", 1_000)
    kept = {"places": [{"id": "p1", "places": 1, "beyond": "keep"}]}
    assert at_the_barrier({"passes": [{**own, "place": "p1"}, other], **kept}, "16:00", stays) == ("due", 3_500)
    ended = {**own, "ended": f"{DAY}T14:00:00+08:00"}
    assert at_the_barrier({"passes": [ended]}, "16:00", stays) == ("due", 1_000)
    assert at_the_barrier({"passes": []}, "16:00", stays) == ("due", 3_500)


def test_an_older_program_is_told_less_and_never_more() -> None:
    plain = {"plate": "京A11111", "until": "2026-12-31", "name": "张"}
    bound = [
        {**plain, "plate": f"京A2222{n}", **more}
        for n, more in enumerate(
            ({"place": "p1"}, {"night": "22:00-07:00"}, {"from": "2026-12-01"}, {"ended": "2026-11-18T00:00:00Z"})
        )
    ]
    document = Document("passes", 7, {"passes": [plain, *bound], "places": [{"id": "p1", "places": 2}]})
    assert as_read_by(document, {}).body == {"passes": [plain]}
    assert as_read_by(document, {"passes": 2}) is document
    with pytest.raises(Exception, match="not among"):
        read_body("passes", {"passes": [bound[0]]})

"""A car's readings added up: what is told, and when."""

from __future__ import annotations

from domain.plate_votes import ENOUGH_READINGS, Votes
from domain.plate_weighing import Candidate


def votes(*readings: tuple[str, float]) -> Votes:
    made = Votes()
    for plate, weight in readings:
        rest = f"京A0000{made.readings}"
        made.add([Candidate(plate, weight), Candidate(rest, 1 - weight)], 1.0, "blue", 0.9)
    return made


def test_a_sharp_picture_outweighs_blurred_ones() -> None:
    verdict = votes(("粤B12345", 0.99), ("粤B12346", 0.5), ("粤B12346", 0.45)).verdict()
    assert verdict is not None and verdict.plate == "粤B12345"


def test_nothing_read_is_no_verdict() -> None:
    assert Votes().verdict() is None and not Votes().is_settled


def test_it_is_settled_by_several_that_agree_and_not_by_one() -> None:
    assert not votes(*[("粤B12345", 0.99)] * (ENOUGH_READINGS - 1)).is_settled
    assert votes(*[("粤B12345", 0.99)] * ENOUGH_READINGS).is_settled
    assert not votes(("粤B12345", 0.99), ("粤B12346", 0.99), ("粤B12347", 0.99)).is_settled


def test_doubt_is_said_as_doubt() -> None:
    verdict = votes(("粤B12345", 0.9), ("粤B12346", 0.9)).verdict()
    assert verdict is not None and not verdict.is_read
    assert {one.plate for one in verdict.candidates} >= {"粤B12345", "粤B12346"}
    assert sum(one.weight for one in verdict.candidates) < 1.0 + 1e-9
    sure = votes(("粤B12345", 0.99)).verdict()
    assert sure is not None and sure.is_read

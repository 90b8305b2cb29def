"""A demonstration that adds up passes, and each way of not adding up is found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from simulators.demo_check import Outcome, discrepancies, fee_fen
from simulators.receiver import Counts
from simulators.site_run import SiteReport
from simulators.truth import Alarm, CarPassed, Fact, GroundTruth, Stay

AT = datetime(2026, 3, 1, 8, 0, 0, tzinfo=UTC)


def car(plate: str, direction: str, minute: float, read: str | None = None) -> CarPassed:
    when = AT + timedelta(minutes=minute)
    return CarPassed(f"vzenith:{direction}", direction, plate, read or plate, "blue", when)  # type: ignore[arg-type]


FACTS: list[Fact] = [
    car("粤B8K6Q2", "in", 0),
    car("粤B12345", "in", 1),
    car("粤BD0001", "in", 2),
    Alarm("door_forced", "1号楼", AT),
    car("粤B8K6Q2", "out", 61),
    car("粤B12345", "out", 30, read="粤B1Z345"),
]


def outcome(**changed: Any) -> Outcome:
    right = Outcome(
        site=SiteReport(published=20, acknowledged=20, facts=6),
        truth=GroundTruth(list(FACTS)),
        gateway={
            "parked": 0,
            "streams": {"urgent": {"head": 2, "backlog": 0}, "money": {"head": 5, "backlog": 0}},
        },
        centre={
            "events": 7,
            "alerts": 1,
            "alerts_by_rule": {"door_forced": 1},
            "sessions": {"exited": 1, "inside": 2, "no_entry": 1},
            "charges": 1,
            "charged_fen": 400,
            "deliveries": {"sent": 7, "waiting": 0, "parked": 0},
        },
        webhook=Counts(once=7, repeats=1, requests=3, failed_on_purpose=0, refused=0, by_type={}),
        highest_backlog=4,
    )
    return msgspec.structs.replace(right, **changed)


def centre(**changed: Any) -> dict[str, Any]:
    return {**outcome().centre, **changed}


def test_what_adds_up_passes() -> None:
    assert discrepancies(outcome()) == []
    assert outcome().plain()["charged_fen"] == 400


def test_a_misread_exit_may_have_been_joined_by_the_end() -> None:
    """With its fee, which is the truth's: no other adds up."""
    fees = {stay.misread: fee_fen(stay) for stay in GroundTruth(list(FACTS)).stays}
    joined = {"sessions": {"exited": 2, "inside": 1}, "charges": 2}
    assert discrepancies(outcome(centre=centre(**joined, charged_fen=fees[True] + fees[False]))) == []
    wrong = fees[True] + fees[False] + 100
    (named,) = discrepancies(outcome(centre=centre(**joined, charged_fen=wrong)))
    assert named.startswith(f"charged, fen: {wrong}")


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"site": SiteReport(published=20, acknowledged=19)}, "device messages acknowledged: 19, expected 20"),
        ({"gateway": {"parked": 2, "streams": outcome().gateway["streams"]}}, "messages parked at the gateway: 2"),
        ({"highest_backlog": 0}, "a backlog while the uplink was cut"),
        ({"centre": centre(events=6)}, "events at the centre: 6, expected 7"),
        ({"centre": centre(alerts=2)}, "alerts in all: 2, expected 1"),
        ({"centre": centre(alerts_by_rule={})}, "alerts door_forced: 0, expected 1"),
        ({"centre": centre(charged_fen=399)}, "charged, fen: 399, expected 400"),
        ({"centre": centre(charges=2)}, "sessions charged: 2, expected 1"),
        ({"centre": centre(sessions={"exited": 3, "inside": 1})}, "sessions exited: 3, expected 2"),
        ({"centre": centre(sessions={"exited": 2, "inside": 1})}, "sessions charged: 1, expected 2"),
        ({"centre": centre(deliveries={"sent": 6, "waiting": 1})}, "deliveries waiting: 1, expected 0"),
        ({"webhook": Counts(6, 0, 3, 0, 0, {})}, "events at the webhook's end: 6, expected 7"),
    ],
)
def test_what_does_not_add_up_is_named(changed: dict[str, Any], found: str) -> None:
    assert any(line.startswith(found) for line in discrepancies(outcome(**changed)))


@pytest.mark.parametrize(
    ("minutes", "fen"),
    [(0, 0), (15, 0), (15.1, 200), (60, 200), (61, 400), (300, 1_000), (1_439, 1_000), (1_440, 1_000), (1_441, 1_200)],
)
def test_the_demonstration_s_fees(minutes: float, fen: int) -> None:
    stay = Stay("粤B8K6Q2", AT, AT + timedelta(minutes=minutes), misread=False)
    assert fee_fen(stay) == fen


def test_stays_pair_entries_and_exits_by_the_plate_that_was_worn() -> None:
    truth = GroundTruth(list(FACTS))
    assert [(stay.plate, stay.misread) for stay in truth.stays] == [("粤B12345", True), ("粤B8K6Q2", False)]
    assert truth.inside == {"粤BD0001"}
    assert truth.counts()["CarPassed"] == 5

"""Doors decided at the gateway: live swipes only, before the log, with its reason on record."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.edge.control_bench import CARD, DEVICE, DEVICES, OTHER_CARD, control_bench, credentials


async def test_a_listed_card_opens_and_the_decision_is_on_record(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        await here.wish(4, devices=DEVICES, credentials=credentials(CARD))
        here.swipe(CARD)
        (request,) = here.requests()
        assert (request["device-id"], request["door"], request["card-number"]) == (405419896, 1, CARD)
        asked, answer = sorted(await here.recorded("access", 2), key=lambda event: event.result == "granted")
        assert (asked.result, asked.ext["device_result"]) == ("pending", "denied"), "no alert for a card that opened"
        assert (answer.result, answer.reason, answer.rule) == ("granted", "card_list", "credentials/4")
        assert (answer.device, answer.point, answer.place) == (DEVICE, "door/1", "3 号楼")
        assert answer.subject is not None
        assert (answer.subject.id, answer.ext["card"], answer.ext["decided_by"]) == (str(CARD), f"c{CARD}", "gateway")


@pytest.mark.parametrize(
    ("cards", "reason"),
    [
        (credentials(OTHER_CARD), "unknown_card"),
        (credentials(CARD, revoked=[CARD]), "revoked"),
        (credentials(CARD, until="2020-01-01"), "expired"),
    ],
)
async def test_what_the_list_does_not_allow_opens_nothing(
    tmp_path: Path, cards: dict[str, object], reason: str
) -> None:
    async with control_bench(tmp_path) as here:
        await here.wish(1, devices=DEVICES, credentials=cards)
        here.swipe(CARD)
        answers = [event for event in await here.recorded("access", 2) if event.ext.get("decided_by")]
        assert [(event.result, event.reason) for event in answers] == [("denied", reason)]
        assert here.sent == []


async def test_a_revocation_counts_from_the_moment_it_is_applied(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        await here.wish(1, devices=DEVICES, credentials=credentials(CARD))
        here.swipe(CARD)
        assert len(here.sent) == 1
        await here.wish(2, credentials=credentials(CARD, revoked=[CARD]))
        here.swipe(CARD)
        assert len(here.sent) == 1
    async with control_bench(tmp_path) as again:  # after a restart, with no uplink
        again.swipe(CARD)
        assert again.sent == []


async def test_a_door_that_its_device_decides_is_left_alone(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        await here.wish(
            1, devices=DEVICES, credentials={"cards": [{**credentials(CARD)["cards"][0], "doors": [{"device": "*"}]}]}
        )
        here.swipe(CARD, door=2)
        (event,) = await here.recorded("access", 1)
        assert (event.result, here.sent) == ("denied", [])


async def test_what_was_not_said_just_now_opens_nothing(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    away_since = now - timedelta(hours=1)
    async with control_bench(tmp_path) as here:
        await here.wish(1, devices=DEVICES, credentials=credentials(CARD))
        here.swipe(CARD, retained=True)
        here.swipe(CARD, at=now - timedelta(minutes=30), topic="uhppoted/gateway/events")  # caught up by the feed
        assert here.sent == []
        here.swipe(CARD, at=now - timedelta(minutes=5), queued_since=away_since)  # the broker had kept it
        answers = [event for event in await here.recorded("access", 4) if event.ext.get("decided_by")]
        assert [(event.result, event.reason) for event in answers] == [("denied", "too_late")]
        assert here.sent == []
        here.swipe(CARD, at=now, queued_since=away_since)  # while the queue is handed over, somebody swipes
        assert len(here.sent) == 1


async def test_a_swipe_that_is_said_twice_opens_once(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        await here.wish(1, devices=DEVICES, credentials=credentials(CARD))
        here.hear(here.controller.swipe(1, CARD, 1, datetime.now(UTC), reason=6))  # live, and on the feed
        here.swipe(CARD)
        assert len(here.sent) == 2


async def test_further_arguments_of_a_door_go_with_its_order(tmp_path: Path) -> None:
    door = {"point": "door/1", "decides": "gateway", "open_with": {"as_card": 1}}
    async with control_bench(tmp_path) as here:
        await here.wish(1, devices={"devices": [{"id": DEVICE, "doors": [door]}]}, credentials=credentials(CARD))
        here.swipe(CARD)
        assert [request["card-number"] for request in here.requests()] == [1], "the daemon knows a service card only"


async def test_a_broker_that_is_away_is_said_and_nothing_is_kept_for_later(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        await here.wish(1, devices=DEVICES, credentials=credentials(CARD))
        here.broker_away = True
        here.swipe(CARD)
        (answer,) = [event for event in await here.recorded("access", 2) if event.ext.get("decided_by")]
        assert (answer.result, answer.ok) == ("granted", False)
        assert answer.text == "the device cannot be reached: its broker or its line is away"


async def test_a_door_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    async with control_bench(tmp_path, committing=False) as here:
        await here.wish(1, devices=DEVICES, credentials=credentials(CARD))
        here.swipe(CARD)
        assert len(here.sent) == 1
        assert await here.events("access") == []


async def test_a_decision_is_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The figure is printed, not judged: this machine is shared."""
    cards = credentials(*range(1, 5_001))
    async with control_bench(tmp_path, committing=False) as here:
        await here.wish(1, devices=DEVICES, credentials=cards)
        took_ms: list[float] = []
        for card in range(1, 501):
            began = time.perf_counter()
            here.swipe(card)
            took_ms.append((time.perf_counter() - began) * 1000)
        assert len(here.sent) == 500
    with capsys.disabled():
        took_ms.sort()
        print(f"\ndoor decision among 5,000 cards: p50 {took_ms[250]:.2f} ms, p99 {took_ms[495]:.2f} ms")

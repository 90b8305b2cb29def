"""Controllers that decide by themselves hold the cards of the list; who is revoked is gone from them first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.access import CardList
from domain.desired import read_body
from domain.doors.controller_lists import Held, cards_for
from domain.doors.credentials import Credentials
from domain.doors.rules import NO_RULES
from edge.control import card_orders
from edge.control.card_orders import CANNOT, steps
from tests.edge.control_bench import DEVICE, SERIAL, ControlBench, control_bench
from tests.rig import until

DEVICES = {
    "devices": [
        {"id": DEVICE, "keeps_cards": True, "doors": [{"point": "door/1"}, {"point": "door/2", "decides": "gateway"}]}
    ]
}


def cards(*numbers: int | str, **more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"doors": [{"device": DEVICE}], "until": "2027-06-30"}
    return {"cards": [{"id": f"c{number}", "card": str(number), **base, **more} for number in numbers]}


@asynccontextmanager
async def answering(folder: Path) -> AsyncIterator[tuple[ControlBench, list[bool]]]:
    """A gateway whose controller's daemon answers, unless there is something in the list."""
    async with control_bench(folder) as here:

        async def answer() -> None:
            answered = 0
            while True:
                for message in here.sent[answered:]:
                    answered += 1
                    if not silent:
                        here.hear(here.controller.answer(message.topic, message.payload, datetime.now(UTC)))
                await asyncio.sleep(0.002)

        silent: list[bool] = []
        task = asyncio.create_task(answer())
        try:
            yield here, silent
        finally:
            task.cancel()


def done(here: ControlBench) -> list[tuple[str, Any]]:
    """What the controller was told, in order."""
    return [
        ("put", request["card"]["card-number"]) if "card" in request else ("delete", request["card-number"])
        for request in here.requests()
    ]


async def test_a_controller_gets_its_cards_and_loses_the_revoked_one_first(tmp_path: Path) -> None:
    async with answering(tmp_path) as (here, _):
        await here.wish(1, devices=DEVICES, credentials=cards(11, 12))
        await until(lambda: here.controller.cards == {11, 12}, every_s=0.01)
        put = here.requests()[0]
        assert (put["device-id"], put["card"]["end-date"]) == (SERIAL, "2027-06-30")
        assert put["card"]["doors"] == {"1": True, "2": False, "3": False, "4": False}, "the gateway decides door 2"
        told = len(here.sent)
        await here.wish(2, credentials=cards(12, 13, 14))
        await until(lambda: here.controller.cards == {12, 13, 14}, every_s=0.01)
        assert done(here)[told:] == [("delete", 11), ("put", 13), ("put", 14)]


async def test_what_was_confirmed_is_not_said_again_after_a_stop(tmp_path: Path) -> None:
    async with answering(tmp_path) as (here, _):
        await here.wish(1, devices=DEVICES, credentials=cards(11, 12))
        await until(lambda: here.controller.cards == {11, 12}, every_s=0.01)
        rows = "SELECT count(*) FROM card_held"
        while (await here.store.query(rows))[0][0] < 2:
            await asyncio.sleep(0.01)
    async with answering(tmp_path) as (again, _):
        await again.wish(2, credentials=cards(12))
        await until(lambda: len(again.sent) >= 1, every_s=0.01)
        await asyncio.sleep(0.1)
        assert done(again) == [("delete", 11)]


async def test_a_revocation_waits_for_a_controller_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card_orders, "_ANSWER_S", 0.05)
    monkeypatch.setattr(card_orders, "_AGAIN_S", 0.05)
    async with answering(tmp_path) as (here, silent):
        await here.wish(1, devices=DEVICES, credentials=cards(11))
        await until(lambda: here.controller.cards == {11}, every_s=0.01)
        silent.append(True)
        told = len(here.sent)
        await here.wish(2, credentials=cards(11, revoked=True))
        await until(lambda: len(here.sent) >= told + 2, every_s=0.01)
        assert here.controller.cards == {11}
        silent.clear()
        await until(lambda: here.controller.cards == set(), every_s=0.01)


async def test_a_card_that_no_controller_holds_holds_up_none(tmp_path: Path) -> None:
    async with answering(tmp_path) as (here, _):
        await here.wish(1, devices=DEVICES, credentials=cards("w26:d5aa1200", 12))
        await until(lambda: here.controller.cards == {12}, every_s=0.01)


async def test_a_controller_that_is_not_to_keep_cards_is_told_nothing(tmp_path: Path) -> None:
    plain = {"devices": [{"id": DEVICE, "doors": [{"point": "door/1"}]}]}
    async with answering(tmp_path) as (here, _):
        await here.wish(1, devices=plain, credentials=cards(11))
        await asyncio.sleep(0.1)
        assert here.sent == []


def test_what_a_controller_cannot_go_by_does_not_open_there() -> None:
    def held(*entries: dict[str, Any]) -> dict[str, Held]:
        listed = [{"id": str(n), "card": "7", "doors": [{"device": "*"}], "until": "2027-06-30", **entry}
                  for n, entry in enumerate(entries)]  # fmt: skip
        body = read_body("credentials", {"cards": listed})
        assert isinstance(body, Credentials)
        return cards_for(DEVICE, ["door/1"], CardList(1, body), NO_RULES)

    assert held({"schedule": "working"}) == {}
    assert held({"groups": ["nobody-knows"], "doors": []}) == {}
    assert held({}, {"revoked": True}) == {}
    assert held({"doors": [{"device": DEVICE, "points": ["door/2"]}]}) == {}
    assert held({}, {"until": "2028-01-01"})["7"].until == date(2028, 1, 1)


def test_less_comes_before_more() -> None:
    one, two = (Held(date(2026, 1, 1), date(2027, 1, day), ("door/1",)) for day in (1, 2))
    found = steps({"a": one.text, "b": one.text, "x": CANNOT, "y": CANNOT}, {"b": two, "c": one, "x": one})
    assert [(step.card, step.held) for step in found] == [("a", None), ("b", two), ("c", one)]

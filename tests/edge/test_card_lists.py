"""Card lists in controllers that decide alone: pushed, compared, repaired; revoked cards first, over a real socket."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from domain.events import Event
from edge.control import card_lists
from edge.devices import _uhppote_packet as packets
from simulators.devices import uhppote as sim
from tests.edge.test_udp import DEVICE, SERIAL, ZONE, Rig, rig
from tests.edge.wire_bench import until

DOORS = [{"point": "door/1"}, {"point": "door/2", "decides": "gateway"}]
PUT, DELETE = packets.PUT_CARD, packets.DELETE_CARD


def cards(*numbers: int | str, revoked: tuple[int, ...] = (), until: str = "2099-12-31") -> dict[str, Any]:
    doors = [{"device": DEVICE}]
    listed = [*numbers, *revoked]
    return {
        "cards": [
            {"id": f"c{number}", "card": str(number), "doors": doors, "until": until, "revoked": number in revoked}
            for number in listed
        ]
    }


async def told(r: Rig, version: int) -> Event:
    """What was said of the list once it was brought to a version."""
    found = await r.here.some(1, lambda event: event.label == "card_list" and event.rule == f"credentials/{version}")
    return found[-1]


async def test_the_list_is_pushed_compared_and_repaired(tmp_path: Path) -> None:
    controller = sim.Controller(SERIAL, ZONE)
    controller.keep_card(99, (1, 2, 3, 4))  # somebody's, from before
    controller.keep_card(98, (1,))
    controller.delete_card(packets.request(DELETE, SERIAL, packets.number(98)))  # leaves a hole
    controller.keep_card(7, (1, 2))  # it opens too much
    async with rig(tmp_path, controller) as r:
        await r.here.wish(1, credentials=cards(7, 8, 9))
        await r.adopt(DOORS)
        said = await told(r, 1)
        assert (said.ok, said.metrics) == (True, {"wished": 3.0, "held": 3.0, "put": 3.0, "deleted": 1.0})
        assert {number: card.rights for number, card in controller.cards.items()} == dict.fromkeys(
            (7, 8, 9), bytes((1, 0, 0, 0))
        )
        assert controller.asked.index(DELETE) < controller.asked.index(PUT)
        assert controller.swipe(1, 8)
        assert not controller.swipe(2, 8), "door/2 is the gateway's to open"
        assert not controller.swipe(1, 99)


async def test_a_revoked_card_goes_at_once_and_before_anything_is_put(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        await r.here.wish(1, credentials=cards(*range(1, 41)))
        await r.adopt(DOORS)
        await told(r, 1)
        assert r.controller.swipe(1, 7)
        already = len(r.controller.asked)
        await r.here.wish(2, credentials=cards(*range(101, 141), *range(1, 7), revoked=(7,)))
        async with asyncio.timeout(5):
            while 7 in r.controller.cards:
                await asyncio.sleep(0.01)
        assert not r.controller.swipe(1, 7)
        await told(r, 2)
        changes = [one for one in r.controller.asked[already:] if one in (PUT, DELETE)]
        assert changes == sorted(changes, reverse=True), "every deletion before the first card put"
        assert packets.GET_CARD_AT not in r.controller.asked[already:], "what it holds was known"


async def test_a_revocation_does_not_wait_for_a_long_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand cards are being put when one is revoked: it goes next."""
    monkeypatch.setattr(card_lists, "_PAUSE_S", 0.001)
    async with rig(tmp_path) as r:
        await r.here.wish(1, credentials=cards(*range(1, 1_001)))
        listed = {"id": DEVICE, "address": f"127.0.0.1:{r.port}", "doors": DOORS, "keeps_cards": True}
        await r.here.wish(1, devices={"devices": [listed]})
        await until(lambda: len(r.controller.cards) > 50, every_s=0.01)
        assert 1 in r.controller.cards
        await r.here.wish(2, credentials=cards(*range(2, 1_001), revoked=(1,)))
        await until(lambda: 1 not in r.controller.cards, every_s=0.01)
        assert len(r.controller.cards) < 999, "the rest came after it"
        assert (await told(r, 2)).metrics["held"] == 999.0


async def test_without_credentials_or_a_word_for_it_a_controller_is_left_alone(tmp_path: Path) -> None:
    controller = sim.Controller(SERIAL, ZONE)
    controller.keep_card(99, (1,))
    async with rig(tmp_path, controller) as r:
        await r.adopt(DOORS)
        await until(lambda: controller.asked.count(packets.STATUS) > 5)
        assert 99 in controller.cards, "no list is not an empty list"
        await r.here.wish(1, credentials=cards(7))
        await until(lambda: list(controller.cards) == [7])
    controller = sim.Controller(SERIAL, ZONE)
    controller.keep_card(99, (1,))
    (tmp_path / "b").mkdir()
    async with rig(tmp_path / "b", controller) as r:
        await r.here.wish(1, credentials=cards(7))
        await r.adopt(DOORS, keeps_cards=False)
        await until(lambda: controller.asked.count(packets.STATUS) > 5)
        assert list(controller.cards) == [99], "who is not said to keep our cards is somebody else's"


async def test_what_does_not_fit_is_counted_and_the_rest_is_held(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        await r.here.wish(1, credentials=cards(7, "04A1B2C3D4"))
        await r.adopt(DOORS)
        said = await told(r, 1)
        assert (said.ok, said.metrics["wished"], said.metrics["held"]) == (False, 2.0, 1.0)
        assert said.text is not None
        assert "do not fit" in said.text
        assert r.here.control.card_lists.described()[DEVICE]["held"] == 1


async def test_a_controller_that_was_away_gets_its_list_when_it_is_back(tmp_path: Path) -> None:
    async with rig(tmp_path, uhppote={"answer_s": 0.05}) as r:
        await r.here.wish(1, credentials=cards(7, 8))
        await r.adopt(DOORS)
        await told(r, 1)
        r.controller.is_deaf = True
        await r.here.wish(2, credentials=cards(8, revoked=(7,)))
        await r.here.some(1, lambda event: event.kind == "availability" and event.state == "offline")
        r.controller.slots = []  # another box in its place
        r.controller.keep_card(7, (1,))
        r.controller.is_deaf = False
        await until(lambda: list(r.controller.cards) == [8])


async def test_what_somebody_entered_at_the_controller_is_found_by_the_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path) as r:
        await r.here.wish(1, credentials=cards(7))
        await r.adopt(DOORS)
        await told(r, 1)
        r.controller.keep_card(666, (1, 2, 3, 4))
        await until(lambda: r.controller.asked.count(packets.STATUS) > 5)
        assert 666 in r.controller.cards, "until it is compared again"
        monkeypatch.setattr(card_lists, "COMPARED_EVERY_S", 0.2)
        await until(lambda: 666 not in r.controller.cards)


async def test_a_controller_that_is_full_is_said_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card_lists, "_AGAIN_AFTER_S", 0.2)
    async with rig(tmp_path) as r:
        r.controller.room = 1
        await r.here.wish(1, credentials=cards(7, 8))
        await r.adopt(DOORS)
        said = await told(r, 1)
        assert (said.ok, said.text) == (False, "1 changes were not taken")
        r.controller.room = 10
        await until(lambda: len(r.controller.cards) == 2)

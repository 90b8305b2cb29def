"""The simulated UHPPOTE controller, driven over UDP by a client that others wrote: pip uhppoted."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from ipaddress import IPv4Address
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from uhppoted import decode
from uhppoted.uhppote_async import UhppoteAsync

from simulators.devices.uhppote import Controller

SERIAL = 405419896


@pytest.fixture
async def pair() -> Any:
    controller = Controller(SERIAL, ZoneInfo("Asia/Shanghai"), memory=5)
    port = await controller.start()
    yield (
        controller,
        UhppoteAsync("127.0.0.1", f"127.0.0.1:{port}", "127.0.0.1:0"),
        (SERIAL, f"127.0.0.1:{port}", "udp"),
    )
    controller.stop()


async def test_a_foreign_client_finds_and_sets_up_the_controller(pair: Any) -> None:
    controller, client, there = pair
    assert [found.controller for found in await client.get_all_controllers(timeout=0.3)] == [SERIAL]
    assert (await client.get_controller(there)).version == "v6.62"
    assert (await client.set_listener(there, IPv4Address("127.0.0.1"), 60001)).ok
    assert (await client.get_listener(there)).port == 60001
    assert (await client.record_special_events(there, True)).updated
    assert controller.special
    at = datetime(2026, 3, 1, 8, 15, 30)
    assert (await client.set_time(there, at)).datetime == at
    assert abs(((await client.get_time(there)).datetime - at).total_seconds()) < 5
    assert (await client.set_door_control(there, 3, 2, 7)).delay == 7
    assert (await client.get_door_control(there, 3)).mode == 2


async def test_a_foreign_client_keeps_its_cards(pair: Any) -> None:
    controller, client, there = pair
    days = date(2020, 1, 1), date(2099, 12, 31)
    for number in (7, 8, 9):
        assert (await client.put_card(there, number, *days, 1, 0, 29, 0, 4321)).stored
    assert (await client.get_cards(there)).cards == 3
    assert (await client.delete_card(there, 8)).deleted
    assert [(await client.get_card_by_index(there, place)).card_number for place in (1, 2, 3)] == [7, 0xFFFFFFFF, 9]
    card = await client.get_card(there, 9)
    assert (card.end_date, card.door_1, card.door_3, card.pin) == (days[1], 1, 29, 4321)
    assert controller.swipe(1, 9)
    assert not controller.swipe(2, 9)
    assert not controller.swipe(1, 8)
    assert (await client.open_door(there, 2)).opened
    assert controller.opened == [2]


async def test_a_foreign_client_reads_its_ring_of_events(pair: Any) -> None:
    controller, client, there = pair
    for _ in range(8):
        controller.swipe(1, 7)
    assert (await client.get_event(there, 0)).index == 4
    assert (await client.get_event(there, 0xFFFFFFFF)).index == 8
    assert (await client.get_event(there, 2)).event_type == 255
    assert (await client.get_event(there, 9)).index == 0
    assert (await client.set_event_index(there, 6)).updated
    assert (await client.get_event_index(there)).event_index == 6
    assert (await client.get_status(there)).event_index == 8


async def test_a_foreign_listener_hears_its_events(pair: Any) -> None:
    controller, _, _ = pair
    heard: list[Any] = []
    loop = asyncio.get_running_loop()

    class _Ear(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            heard.append(decode.event(data))

    ear, _ = await loop.create_datagram_endpoint(_Ear, local_addr=("127.0.0.1", 0))
    controller.listener = (IPv4Address("127.0.0.1"), ear.get_extra_info("sockname")[1])
    controller.swipe(3, 77)
    async with asyncio.timeout(5):
        while not heard:
            await asyncio.sleep(0.01)
    ear.close()
    assert (heard[0].event_card, heard[0].event_door, heard[0].event_access_granted) == (77, 3, False)

"""Wishes and orders from the centre to a door, in real processes: revoked is revoked, cut off it still decides, and
an order is done once whatever is killed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulators.broker import NatsBroker
from tests.books import unbalanced
from tests.rig import until
from tests.scenarios.door_site import GOOD_CARD, LOST_CARD, DoorSite, cards

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def site(folder: Path, agent: list[str] | None = None) -> AsyncIterator[DoorSite]:
    site = DoorSite(folder, NatsBroker(), agent)
    try:
        await site.start()
        yield site
    finally:
        site.stop()


async def test_revoked_is_revoked_and_the_door_is_decided_with_the_uplink_cut(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        door = here.door
        await here.wish("credentials", cards(revoked=False))
        await here.swipe(LOST_CARD)
        await until(lambda: door.opened_for(LOST_CARD) == 1)
        await until(lambda: here.decisions() == [(str(LOST_CARD), "card_list")])

        await here.wish("credentials", cards(revoked=True))
        await here.swipe(LOST_CARD)
        await until(lambda: here.decisions()[1:] == [(str(LOST_CARD), "revoked")])
        assert door.opened_for(LOST_CARD) == 1

        here.rig.server.kill()
        here.rig.edge.kill()  # a cold start with no centre: the list is in force all the same
        await here.rig.start_edge()
        await here.swipe(LOST_CARD)
        await here.swipe(GOOD_CARD)
        await until(lambda: door.opened_for(GOOD_CARD) == 1)
        assert door.opened_for(LOST_CARD) == 1, "the revoked card, swiped before, opened nothing"

        await here.rig.start_server()
        cut_off = [(str(GOOD_CARD), "card_list"), (str(LOST_CARD), "revoked")]  # by streams: in either order
        await until(lambda: sorted(here.decisions()[2:]) == cut_off)
        alerts = "SELECT 1 FROM alert WHERE rule = 'credential_revoked'"
        await until(lambda: len(here.rig.centre_query(alerts)) == 2)  # one a swipe of the revoked card
        await here.rig.drained()
        assert len(here.rig.centre_query(alerts)) == 2, "none for what opened, none for the question"
        assert await unbalanced(here.rig) == []


@pytest.mark.parametrize(("agent", "times"), [("keep_first", 1), ("keep_last", 2)])
async def test_an_order_is_done_once_over_a_kill_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agent: str, times: int
) -> None:
    """Killed when the device has it and before anybody was told; the centre hands it again. ``keep_last`` is the
    positive control: with the order of keeping and doing turned round, the door must be seen to open twice."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    async with site(tmp_path, [sys.executable, "-m", "tests.faults.killed_at_order", agent]) as here:
        order = await here.order(60.0)
        await until(lambda: not here.rig.edge.running)
        assert here.rig.edge.exit_status == -signal.SIGKILL
        assert here.rig.centre_query("SELECT received_at FROM gateway_order") == [(None,)], "it will be handed again"
        await here.rig.start_edge()
        await until(lambda: here.rig.centre_query("SELECT 1 FROM gateway_order WHERE received_at IS NOT NULL"))
        await until(lambda: here.door.opened_for(GOOD_CARD) >= times)
        await until(lambda: here.result(order) == "timeout")  # nobody knows, so nobody says it was done
        assert here.door.opened_for(GOOD_CARD) == times
        assert {request["request-id"] for request in here.door.requests} == {order}


async def test_an_order_that_comes_too_late_is_not_done_and_says_so(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        os.kill(here.rig.edge.pid, signal.SIGSTOP)  # its answer comes, and lies there
        order = await here.order(5.0)  # longer than a busy machine needs to hand it over
        await until(lambda: here.rig.centre_query("SELECT 1 FROM gateway_order WHERE handed_at IS NOT NULL"))
        ((expires_at,),) = here.rig.centre_query("SELECT expires_at FROM gateway_order")
        await until(lambda: datetime.now(UTC) > datetime.fromisoformat(expires_at))
        os.kill(here.rig.edge.pid, signal.SIGCONT)
        await until(lambda: here.result(order) == "expired")
        assert here.door.requests == []


async def test_an_order_is_confirmed_by_the_device(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        here.controller.cards.add(GOOD_CARD)
        order = await here.order(15.0)
        await until(lambda: here.door.requests)
        await here.answer()
        await until(lambda: here.result(order) == "confirmed")

"""Lanes in real processes: cut off they still decide, unpaid they stay closed, and what the driver was asked for is
what the book at the centre charges."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from simulators.processes import ChildFailed
from simulators.products import run_command
from tests.books import unbalanced
from tests.rig import until
from tests.scenarios.lane_site import BLACK, GUARD, IN, OUT, PASS, VISITOR, WHITE, LaneSite


@asynccontextmanager
async def site(folder: Path) -> AsyncGenerator[LaneSite]:
    here = LaneSite(folder)
    try:
        await here.start()
        yield here
    finally:
        await here.stop()


PAYMENTS = 'SELECT channel, amount_fen, status, gate_receipt, receipt, "by" FROM payment'


async def _pays_the_guard(here: LaneSite) -> str:
    """Nobody but the gateway can be asked: the guard takes what the fee is, twice by mistake; the receipt's number."""
    waiting: list[int] = []
    async with asyncio.timeout(30):
        while waiting != [600]:
            told = await here.guard("show")
            waiting = [lane["car"]["due_fen"] for lane in told["lanes"] if lane["lane"] == "out" and lane["car"]]
    done = await here.guard("cash", "out")
    await until(lambda: here.openings(OUT) == 2)
    assert (done["act"]["fen"], done["failure"], here.openings(IN)) == (600, None, 1)
    with pytest.raises(ChildFailed, match="no longer here"):
        await here.guard("cash", "out")
    return done["act"]["receipt"]


async def test_a_day_at_the_gate(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        here.car(IN, PASS)
        await until(lambda: here.openings(IN) == 1)
        await until(lambda: here.events("barrier", label="opening", code="confirmed"))
        here.car(IN, BLACK)
        await until(lambda: here.events("barrier", label="decision", reason="black_list"))
        assert here.openings(IN) == 1, "the black-listed car, at a lane that opens, opened nothing"

        here.rig.server.kill()  # the uplink is cut
        here.rig.edge.kill()
        await here.rig.start_edge()
        here.car(IN, VISITOR, hours_ago=2.5)  # the camera's own record: an entry, and no opening
        here.car(OUT, PASS)
        await until(lambda: here.openings(OUT) == 1)
        here.car(OUT, VISITOR)
        receipt = await _pays_the_guard(here)

        await here.rig.start_server()
        await until(lambda: (VISITOR, 600) in here.charges())
        assert [fen for plate, fen in here.charges() if plate == VISITOR] == [600]
        (asked,) = here.events("barrier", label="decision", reason="due")
        assert asked["ext"]["due_fen"] == 600
        await until(lambda: here.rig.centre_query("SELECT 1 FROM payment"))
        assert here.rig.centre_query(PAYMENTS) == [("cash", 600, "paid", receipt, 1, GUARD)]
        data = ("--data", str(here.rig.server_folder))
        (verified,) = json.loads(await run_command("gatehouse-server", "ledger", "verify", *data, "--json"))
        assert (verified["faults"], verified["difference_fen"], verified["sums"]["paid_fen"]) == ([], 0, 600)
        assert here.rig.centre_query("SELECT 1 FROM doubt WHERE settled = 0") == []

        here.gates[IN.sn].cars = 2
        here.car(IN, VISITOR)
        await until(lambda: here.rig.centre_query("SELECT 1 FROM alert WHERE rule = 'alarm_tailgating'"))
        here.gates[OUT.sn].stuck = True
        here.car(OUT, WHITE)
        await until(lambda: here.rig.centre_query("SELECT 1 FROM alert WHERE rule = 'alarm_barrier_not_opened'"))
        alarms = here.rig.centre_query("SELECT rule FROM alert ORDER BY rule")
        assert alarms == [("alarm_barrier_not_opened",), ("alarm_plate_black_listed",), ("alarm_tailgating",)]
        await here.rig.drained()
        assert await unbalanced(here.rig) == []

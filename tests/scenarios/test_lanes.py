"""Lanes in real processes: cut off they still decide, unpaid they stay closed, and what the driver was asked for is
what the book at the centre charges."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.books import unbalanced
from tests.rig import until
from tests.scenarios.lane_site import BLACK, IN, OUT, PASS, VISITOR, WHITE, LaneSite


@asynccontextmanager
async def site(folder: Path) -> AsyncGenerator[LaneSite]:
    here = LaneSite(folder)
    try:
        await here.start()
        yield here
    finally:
        await here.stop()


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

        await here.rig.start_server()
        await until(lambda: here.events("barrier", label="decision", reason="due"))
        (asked,) = here.events("barrier", label="decision", reason="due")
        assert (here.openings(IN), here.openings(OUT)) == (1, 1)
        assert asked["ext"]["due_fen"] == 600
        await here.order("lane.paid", "out", plate=VISITOR, fen=600)
        await until(lambda: here.openings(OUT) == 2)
        await until(lambda: (VISITOR, 600) in here.charges())
        assert [fen for plate, fen in here.charges() if plate == VISITOR] == [600]

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

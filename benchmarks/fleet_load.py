"""A fleet that sends until it is ended, in a process of its own: python -m benchmarks.fleet_load SERVER KEYS TIMES."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import uvloop

from simulators.fleet import keys
from simulators.fleet.fleet import Fleet
from simulators.fleet.settings import Settings

CALM = dict.fromkeys(("wrong_clocks", "old_versions", "doubled", "late", "outages_an_hour", "floods_an_hour"), 0.0)
_MORNING = 7.75  # the hour of the most events
_SPREAD_S = 20.0


async def play(server: str, file: Path, times: float) -> None:
    """``times`` a usual city's peak."""
    identities = keys.load(file)
    told = Settings(
        gateways=len(identities), minutes=0, events=times, begin_hour=_MORNING, spread_s=_SPREAD_S, worst=0.0, **CALM
    )
    fleet = Fleet(server, identities, told)
    playing = asyncio.create_task(fleet.run())
    while fleet.online < len(fleet.lives):
        await asyncio.sleep(0.2)
    print("ready", flush=True)
    await playing


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # it shares its processors with what it measures
        runner.run(play(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])))

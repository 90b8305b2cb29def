"""Two hundred devices of every family at one agent, at ten times a busy day: what is lost, its processor and memory."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import datetime
from typing import Any

from benchmarks.gateway import rig
from benchmarks.intake import brokers
from benchmarks.process import cpu_s, peak_rss_mb, rss_mb
from benchmarks.rows import Row, full, percentile, row
from simulators import pictures
from simulators.crowd.crowd import Crowd, Pace
from simulators.crowd.families import COUNTS, make_crowd
from simulators.crowd.member import ZONE, Nature
from simulators.crowd.tally import Tally, reconcile
from tests.centre_sql import on_sqlite
from tests.crowd_rig import met
from tests.rig import Rig

# A busy day of one complex, as this product is designed for: 60,000 events, in its busiest hour eight times the mean.
# The mixture is that of a plain day of 300 households: 1,800 people at doors (six times a day each), 400 cars, 300
# events of cameras; beside them 100 of sensors, fire transmitters, charge points, which that count leaves out.
# Signs of life are those that the vendors' pages ask for (docs/devices), ten times as often too: docs/benchmarks.md.
_BUSY_DAY_EVENTS, _PEAK, _TIMES = 60_000, 8, 10
_MIXTURE: dict[Nature, int] = {"door": 1_800, "plate": 400, "camera": 300, "sensor": 100}
_DAY_S = 86_400
_CORE_SHARE, _RESIDENT_MB = 50, 150
_SHORT_MINUTES, _MINUTES, _SLICE_S, _ARRIVE_S = 1.0, 10.0, 5.0, 60.0
_KEEPS_A_TURN_S = 2.0


async def run(scale: float) -> list[Row]:
    """All of it at the peak of ten busy days for ``MINUTES``, else one minute, ten with FULL=1."""
    minutes = float(os.environ.get("MINUTES", _MINUTES if full() else _SHORT_MINUTES)) * scale
    crowd = make_crowd(COUNTS, _picture())
    with rig(brokers()[-1]()) as here:
        here.device_rate_per_s = 50.0  # the agent's own limit
        async with met(here, crowd):
            used = _Used(here.edge.pid)
            watching = asyncio.create_task(used.watch())
            await crowd.play(minutes * 60, pace())
            watching.cancel()
            used.stop()
            tallies = await _arrived(here, crowd)
            parked = _parked(here)
    return _rows(crowd, tallies, used, minutes, parked)


def pace() -> Pace:
    """Ten busy days in one, at the hour when most happens; signs of life come ten times as often too."""
    in_all = _BUSY_DAY_EVENTS * _PEAK * _TIMES / _DAY_S
    return Pace({nature: in_all * part / 2_500 for nature, part in _MIXTURE.items()}, float(_TIMES))


def _picture() -> bytes:
    """What a plate camera sends along."""
    return pictures.gate_scene("东门入口", datetime.now(ZONE), "粤B12345", "blue", 1, night=False)


class _Used:
    """What the agent used while the devices spoke: processor by slices of five seconds, memory."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._first = self._last = (time.monotonic(), cpu_s(pid))
        self.shares: list[float] = []
        self.resident_mb = rss_mb(pid)
        self.peak_mb = self.share = self.load = 0.0

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(_SLICE_S)
            now = (time.monotonic(), cpu_s(self._pid))
            self.shares.append(_percent(self._last, now))
            self._last = now
            self.resident_mb = max(self.resident_mb, rss_mb(self._pid))

    def stop(self) -> None:
        self.share = _percent(self._first, (time.monotonic(), cpu_s(self._pid)))
        self.peak_mb, self.load = peak_rss_mb(self._pid), os.getloadavg()[0]


def _percent(before: tuple[float, float], after: tuple[float, float]) -> float:
    return round(100 * (after[1] - before[1]) / (after[0] - before[0]), 1)


async def _arrived(here: Rig, crowd: Crowd) -> dict[str, Tally]:
    """What the centre has, once nothing is missing or a minute went by."""
    deadline = time.monotonic() + _ARRIVE_S
    while True:
        tallies = reconcile(crowd, (event for _, event in here.centre_events()))
        if time.monotonic() > deadline or not (crowd.owed or any(tally.lost for tally in tallies.values())):
            await asyncio.sleep(_KEEPS_A_TURN_S)  # and what comes twice would have come by now
            return reconcile(crowd, (event for _, event in here.centre_events()))
        await asyncio.sleep(1.0)


def _parked(here: Rig) -> list[str]:
    """What became no event, and why."""
    path = here.edge_folder / "data" / "log.db"
    return [" ".join(found) for found in on_sqlite(path, "SELECT family, reason, detail FROM parked LIMIT 100")]


def _rows(crowd: Crowd, tallies: dict[str, Tally], used: _Used, minutes: float, parked: list[str]) -> list[Row]:
    said, members = crowd.said, len(crowd.members)
    families = len({name.removesuffix(" push") for name in tallies})
    what = f"{members} devices of {families} families, {minutes:g} min"
    rate: dict[str, Any] = {"facts_per_s": round(said.facts() / minutes / 60, 1), "signs_of_life": said.signs_of_life}
    beside: dict[str, Any] = {
        "worst_5_s": max(used.shares, default=0.0),
        "p95_5_s": percentile(used.shares or [0.0], 0.95),
    }
    lost = sum(tally.lost for tally in tallies.values())
    more = sum(tally.more for tally in tallies.values())
    refused = said.failures.total() + len(parked)
    whole: dict[str, Any] = {"absent": crowd.absent, "latest_s": round(said.latest_s, 2), "load": round(used.load, 1)}
    return [
        row(f"{what}: agent's processor", used.share, "% of a core", at_most=_CORE_SHARE, **beside, **rate, **whole),
        row(f"{what}: agent resident", used.resident_mb, "MB", at_most=_RESIDENT_MB, peak_mb=used.peak_mb),
        row(f"{what}: facts lost of {said.facts():,}", lost, "facts", at_most=0),
        row(f"{what}: facts in the centre more than once", more, "facts", at_most=0),
        row(f"{what}: swipes let in here whose door was not told to open", crowd.owed, "swipes", at_most=0),
        row(f"{what}: refused or parked", refused, "messages", at_most=0, why=[*said.why, *parked][:20]),
        *(_family(name, tally) for name, tally in tallies.items()),
    ]


def _family(name: str, tally: Tally) -> Row:
    return row(
        f"{name}, {tally.devices} devices: lost or twice of {tally.said:,}", tally.lost + tally.more, "facts", at_most=0
    )

"""The fleet: every gateway's tasks, the city's day, what befalls it, and what the centre should hold at the end."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from simulators.fleet.box import Box
from simulators.fleet.keys import Identity
from simulators.fleet.life import Life
from simulators.fleet.line import Away, Line
from simulators.fleet.plan import Happening, happenings, natures
from simulators.fleet.report import Report
from simulators.fleet.rhythm import Weighted, events_a_second
from simulators.fleet.settings import Settings

_TICK_S = 0.2
_FLOOD_EVENTS_S = 200.0
_CHECKS_AT_ONCE = 16
_DRAIN_S = 120.0


class Fleet:
    """``run`` plays; ``drained`` waits for what is under way; ``check`` asks the centre what it holds."""

    def __init__(self, server: str, identities: Sequence[Identity], settings: Settings) -> None:
        self.settings, self.report = settings, Report()
        self._began_s, self._begun_at = time.monotonic(), datetime.now(UTC)
        epoch = f"sim-{self._begun_at:%Y%m%dT%H%M%S}"
        self.lives = [
            self._life(server.rstrip("/"), Box(number, identity, nature, epoch))
            for number, (identity, nature) in enumerate(zip(identities, natures(settings), strict=False))
        ]
        self._weighted = Weighted([life.box.nature.weight for life in self.lives])
        self.chance = random.Random(f"events {settings.seed}")
        self._owed = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    def _life(self, server: str, box: Box) -> Life:
        line = Line(server, box.signer, _now, self.report)
        return Life(box, line, self.settings, self.report, _now)

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began_s

    @property
    def hour(self) -> float:
        """What the city's clock says."""
        return (self.settings.begin_hour + self.elapsed_s * self.settings.speed / 3_600) % 24

    async def run(self) -> None:
        """Until the minutes are over, or cancelled. The gateways go on until ``close``."""
        self._begin()
        ends_s = self.settings.minutes * 60 or float("inf")
        planned = happenings(self.settings)
        coming = next(planned, None)
        until_s = self.elapsed_s
        while (now_s := self.elapsed_s) < ends_s:
            self._events(now_s - until_s)  # not of a tick: on a busy machine one lasts longer
            until_s = now_s
            while coming is not None and coming.at_s <= self.elapsed_s * self.settings.speed:
                self._spawn(self._befall(coming))
                coming = next(planned, None)
            await asyncio.sleep(_TICK_S)

    def _begin(self) -> None:
        self._began_s = time.monotonic()
        for life in self.lives:
            for work in life.works():
                self._spawn(work)

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _events(self, seconds: float) -> None:
        self._owed += (
            self.settings.events * events_a_second(self._weighted.total, self.hour, self.settings.speed) * seconds
        )
        now = _now()
        while self._owed >= 1:
            self._owed -= 1
            at = now - timedelta(seconds=self.chance.random() * seconds)
            self._happens(self.lives[self._weighted.choose(self.chance.random())], at)

    def _happens(self, life: Life, at: datetime) -> None:
        made = life.box.happens(at, self.chance)
        self.report.events["made" if made else "unmade"] += 1
        life.some.set()

    async def _befall(self, one: Happening) -> None:
        self.report.happened[one.what] += 1
        chosen = self.lives if one.box < 0 else [self.lives[one.box]] if one.box < len(self.lives) else []
        lasts_s = one.lasts_s if one.what == "storm" else one.lasts_s / self.settings.speed
        if one.what == "flood":
            await self._flood(chosen, lasts_s)
            return
        for life in chosen:
            await life.line.cut()
        await asyncio.sleep(lasts_s)
        for life in chosen:  # all in one turn of the loop: that is the storm
            life.line.mend()

    async def _flood(self, chosen: Sequence[Life], lasts_s: float) -> None:
        ends_s = time.monotonic() + lasts_s
        while time.monotonic() < ends_s:
            for life in chosen:
                for _ in range(round(_FLOOD_EVENTS_S * _TICK_S)):
                    self._happens(life, _now())
            await asyncio.sleep(_TICK_S)

    async def drained(self, limit_s: float = _DRAIN_S) -> bool:
        """Until every gateway has had everything acknowledged; whether it came to that."""
        for life in self.lives:
            life.line.mend()
            life.some.set()
        ends_s = time.monotonic() + limit_s
        while self.waiting and time.monotonic() < ends_s:  # noqa: ASYNC110 - a sum over all: no one event says it
            await asyncio.sleep(_TICK_S)
        return not self.waiting

    @property
    def waiting(self) -> int:
        """Events that the centre does not have yet, of gateways that can still send them."""
        return sum(life.box.backlog for life in self.lives if not life.box.silent)

    @property
    def online(self) -> int:
        return sum(life.online for life in self.lives)

    def holds(self) -> dict[str, dict[str, int]]:
        """What the centre should hold: gateway -> stream -> up to which number."""
        streams = {life.box.id: life.box.streams for life in self.lives}
        return {id_: {name: one.acknowledged for name, one in of.items()} for id_, of in streams.items()}

    async def check(self) -> list[str]:
        """What differs between that and what the centre says, a line each."""
        turns = asyncio.Semaphore(_CHECKS_AT_ONCE)
        found = await asyncio.gather(*(self._check(life, turns) for life in self.lives))
        return [line for lines in found for line in lines]

    async def _check(self, life: Life, turns: asyncio.Semaphore) -> list[str]:
        box = life.box
        async with turns:
            try:
                _, said = await life.line.post("/v1/watermarks", {})
            except Away as error:
                return [f"{box.id}: the centre did not answer: {error}"]
        there = {row["stream"]: row["last"] for row in said.get("watermarks", []) if row["epoch"] == box.epoch}
        wanted = {name: one.acknowledged for name, one in box.streams.items()}
        return [
            f"{box.id} {name}: {there.get(name, 0)} at the centre, {count} acknowledged"
            for name, count in wanted.items()
            if there.get(name, 0) != count
        ]

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for life in self.lives:
            await life.line.close()

    def plain(self) -> dict[str, Any]:
        """The report, for a script."""
        about = {"gateways": len(self.lives), "elapsed_s": round(self.elapsed_s, 1), "waiting": self.waiting}
        return {**about, "online": self.online, **self.report.plain()}


def _now() -> datetime:
    return datetime.now(UTC)

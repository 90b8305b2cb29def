"""The gateway's clock steps by a day and back under load: nothing is lost, twice, reordered or misdated."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.status.status import read_file
from simulators.broker import NatsBroker
from tests.faults.invariants import Findings, must_hold
from tests.faults.load import under_load
from tests.rig import Rig, until

pytestmark = pytest.mark.faults

ROOT = Path(__file__).parents[2]
RATE, EVERY_S = 100.0, 1.0
DAY_S = 86_400.0
OFFSETS = (DAY_S, 0.0, -DAY_S, 0.0) * (5 if os.environ.get("FULL") else 1)
NEAR = timedelta(seconds=5)


class Hands:
    """The wall clock that the agent sees: off by the seconds in a file. Its monotonic clock is left alone."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "offset"
        self.turn(0.0)

    def turn(self, seconds: float) -> None:
        aside = self._file.with_suffix(".part")
        aside.write_text(str(seconds))
        aside.rename(self._file)

    def agent(self, *options: str) -> list[str]:
        """The command of an agent that looks at it."""
        return [sys.executable, "-m", "tests.faults.wall_clock", "--offset", str(self._file), *options]


class Story:
    """Steps under load, and what came of them."""

    def __init__(self, rig: Rig, hands: Hands) -> None:
        self.rig, self.hands = rig, hands
        self.began_at = datetime.now(UTC)
        self._next = iter(OFFSETS)
        self._turned = 0

    async def run(self) -> Findings:
        await until(lambda: read_file(self.rig.edge_folder / "data").get("clock", {}).get("confirmed"))
        result = await under_load(self.rig, RATE, len(OFFSETS), self._step, EVERY_S)
        await until(lambda: len(self.alarms()) >= len(OFFSETS))
        await self.rig.drained()
        return result

    async def _step(self) -> None:
        self.hands.turn(next(self._next))
        self._turned += 1
        await until(lambda: len(self.steps()) >= self._turned)

    def recorded(self, field: str, value: str) -> list[dict[str, Any]]:
        """The gateway's own events where ``field`` holds ``value``, in order, from its log."""
        with closing(sqlite3.connect(f"file:{self.rig.edge_folder / 'data' / 'log.db'}?mode=ro", uri=True)) as db:
            sql = "SELECT body FROM record WHERE instr(body, ?) > 0 ORDER BY key"
            found = db.execute(sql, (value.encode(),)).fetchall()
        events = [msgspec.json.decode(body, type=dict[str, Any]) for (body,) in found]
        return [event for event in events if event["device"] == "gateway" and value in str(event[field])]

    def steps(self) -> list[float]:
        """The steps that were told, in milliseconds."""
        return [event["metrics"]["clock_step_ms"] for event in self.recorded("metrics", "clock_step_ms")]

    def alarms(self) -> list[str]:
        return [event["state"] for event in self.recorded("alarm", "clock_skew")]

    def misdated(self) -> list[dict[str, Any]]:
        """Events at the centre that were recorded at a time that never was, or whose device was not believed."""
        low, high = self.began_at - NEAR, datetime.now(UTC) + NEAR
        events = [event for _, event in self.rig.centre_events() if event["device"] != "gateway"]
        return [
            event
            for event in events
            if not low <= datetime.fromisoformat(event["recorded_at"]) <= high or "time" not in event
        ]

    def out_of_order(self) -> list[tuple[str, int, int]]:
        """Neighbours of a device and stream whose numbers do not rise as they were published."""
        last: dict[tuple[str, str], int] = {}
        wrong: list[tuple[str, int, int]] = []
        for origin, event in sorted(self.rig.centre_events(), key=lambda found: found[0]):
            if "source_event_id" not in event:
                continue
            source, number = (event["device"], origin.stream), int(event["source_event_id"].rpartition("-")[2], 10)
            if number <= last.get(source, -1):
                wrong.append((event["device"], last[source], number))
            last[source] = number
        return wrong


@asynccontextmanager
async def stepping(folder: Path, *options: str) -> AsyncIterator[Story]:
    os.environ["PYTHONPATH"] = str(ROOT)
    hands = Hands(folder)
    rig = Rig(folder, NatsBroker(), hands.agent(*options))
    try:
        await rig.start_all()
        yield Story(rig, hands)
    finally:
        rig.stop_all()


async def test_steps_of_a_day_lose_double_reorder_and_misdate_nothing(tmp_path: Path) -> None:
    async with stepping(tmp_path) as story:
        result = await story.run()
        print(f"\n{len(OFFSETS)} steps of a day:", result, "misdated", len(story.misdated()))
        # Within what a clock is left alone, recorded times may go back a little; the numbers of each source may not.
        must_hold(msgspec.structs.replace(result, disordered=[]))
        assert story.out_of_order() == []
        assert story.misdated() == []
        told = [round(step / 1000 / DAY_S, 2) for step in story.steps()]
        assert told == [1, -1, -1, 1] * (len(OFFSETS) // 4)
        assert story.alarms() == ["active", "cleared"] * (len(OFFSETS) // 2)
        rung = story.rig.centre_query("SELECT category, lateness FROM alert WHERE rule = 'alarm_clock_skew'")
        assert rung == [("device", "live")] * (len(OFFSETS) // 2)


async def test_positive_control_a_plain_wall_clock_misdates(tmp_path: Path) -> None:
    """The same steps on an agent that writes down what its box shows: this rig must see it."""
    async with stepping(tmp_path, "--plain") as story:
        result = await story.run()
        print("\na plain wall clock:", result, "misdated", len(story.misdated()))
        assert result.lost == [], "the log is in order of arrival, and no clock decides what is kept"
        assert story.misdated(), "this rig could not see a wrong time"

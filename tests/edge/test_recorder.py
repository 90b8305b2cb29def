"""What the agent did goes to the log in order, waits for a log that fails, and is bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from domain.events import Event
from edge.control import recorder
from edge.control.recorder import Recorder
from eventlog.log import LogBroken


class Log:
    """Fails so many times, then takes."""

    def __init__(self, failures: int = 0) -> None:
        self.failures, self.taken = failures, list[str]()

    async def record(self, events: Sequence[Event], _also: Sequence[object]) -> None:
        if self.failures:
            self.failures -= 1
            raise LogBroken("no space left")
        self.taken += [event.device for event in events]


async def run_until(recorder_: Recorder, log: Log, count: int) -> None:
    running = asyncio.create_task(recorder_.run())
    async with asyncio.timeout(10):
        while len(log.taken) < count:
            await asyncio.sleep(0.005)
    running.cancel()
    await asyncio.wait([running])


async def test_in_order_also_over_a_log_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "_RETRY_S", 0.0)
    log = Log(failures=2)
    here = Recorder(log.record)
    for name in "abc":
        here.put(Event(kind="door", device=name))
    await run_until(here, log, 3)
    assert log.taken == ["a", "b", "c"]
    here.put(Event(kind="door", device="d"))
    await run_until(here, log, 4)


async def test_the_oldest_go_and_are_counted_when_too_many_wait() -> None:
    log = Log()
    here = Recorder(log.record, max_waiting=2)
    for name in "abc":
        here.put(Event(kind="door", device=name))
    await run_until(here, log, 2)
    assert (log.taken, here.counts["unrecorded"]) == (["b", "c"], 1)

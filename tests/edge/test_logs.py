"""The agent's own log: one JSON object a line, and a flood in it is held back and counted."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import structlog

from edge import logs
from edge.logs import Throttle
from tests.edge.test_intake import bench
from tests.rig import until


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def configured(level: logs.Level = "info", throttle: Throttle | None = None) -> io.StringIO:
    out = io.StringIO()
    logs.configure(level, out, throttle or Throttle())
    return out


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_every_line_is_one_json_object_with_a_utc_time_whoever_says_it() -> None:
    out = configured()
    log = structlog.get_logger()
    log.info("words", text="two\nlines 京", path=Path("a"))
    logging.getLogger("asyncio").error("a library %s", "complains")
    warnings.warn("old", DeprecationWarning, stacklevel=1)
    try:
        raise ValueError("inner\nwords")
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    found = lines(out)
    assert [line["event"] for line in found if line["event"] != "py.warnings"] == ["words", "asyncio", "ended"]
    assert all(line["timestamp"].endswith("Z") and line["level"] for line in found)
    assert "Traceback" in found[-1]["exception"]


def test_the_level_decides_what_is_said() -> None:
    out = configured("warning")
    log = structlog.get_logger()
    log.info("quiet")
    log.warning("loud")
    assert [line["event"] for line in lines(out)] == ["loud"]


def test_a_flood_is_held_back_counted_and_others_are_heard() -> None:
    clock = Clock()
    out = configured(throttle=Throttle(lines=3, clock_s=clock))
    log = structlog.get_logger()
    for number in range(100):
        log.warning("parked", reason="undecodable", family="a", topic=f"t/{number}")
    log.warning("parked", reason="undecodable", family="b")
    clock.now_s = 61.0
    log.warning("parked", reason="undecodable", family="a")
    log.warning("parked", reason="undecodable", family="a")
    found = lines(out)
    assert [line["family"] for line in found] == ["a", "a", "a", "b", "a", "a"]
    assert [line.get("suppressed") for line in found] == [None, None, None, None, 97, None]


def test_what_no_later_line_told_is_told_when_the_minute_is_over() -> None:
    clock = Clock()
    throttle = Throttle(lines=1, clock_s=clock)
    configured(throttle=throttle)
    for _ in range(5):
        structlog.get_logger().warning("sync_waits", stream="money")
    assert throttle.settle() == []
    clock.now_s = 60.0
    assert throttle.settle() == [{"of": "sync_waits", "suppressed": 4, "stream": "money"}]
    assert throttle.settle() == []


def test_the_memory_of_complaints_is_bounded() -> None:
    throttle = Throttle(lines=1, clock_s=Clock())
    for number in range(5_000):
        throttle(None, "info", {"event": f"e{number}"})
    assert len(throttle._windows) <= 1_000
    with pytest.raises(structlog.DropEvent):
        throttle(None, "info", {"event": "e4999"})


async def test_a_parked_message_is_told_with_its_number_its_topic_and_its_family(tmp_path: Path) -> None:
    out = configured()
    async with bench(tmp_path) as here:
        running = asyncio.create_task(here.intake.run())
        for message in ("fact 1", "nonsense", "crash", "from t:stranger"):
            here.offer(message)
        await until(lambda: len([line for line in lines(out) if line["event"] == "parked"]) == 3)
        running.cancel()
        numbers = dict(await here.store.query("SELECT reason, number FROM parked"))
    told = [line for line in lines(out) if line["event"] == "parked"]
    assert {line["reason"]: line["number"] for line in told} == numbers
    assert {(line["topic"], line["family"]) for line in told} == {("t/1", "test")}
    assert {line["reason"]: line["level"] for line in told}["driver_failed"] == "error"


async def test_an_event_cut_to_size_is_told_with_its_id(tmp_path: Path) -> None:
    out = configured()
    async with bench(tmp_path) as here:
        here.intake._decoding._message_bytes = 1_000_000
        await here.take("text " + "9" * 300_000)
        ((identity,),) = await here.store.query("SELECT id FROM record")
    (told,) = [line for line in lines(out) if line["event"] == "event_cut"]
    assert told["id"] == identity.hex()

"""A city's way to run: one process answers requests, another reads the log, on one PostgreSQL."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from simulators.broker import NatsBroker
from simulators.devices.uhppoted import Controller
from simulators.load import publish
from simulators.processes import Child
from simulators.products import command
from tests.postgres import database
from tests.rig import Rig, start, until

pytestmark = pytest.mark.faults
FORCED = 38
CONTROLLER = Controller(405419896, ZoneInfo("Asia/Shanghai"))


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    with database() as url:
        rig = Rig(tmp_path, NatsBroker(), database=url)
        rig.server.command += ["--only-requests", "--share-port"]
        try:
            await rig.start_all()
            yield rig
        finally:
            rig.stop_all()


async def force(rig: Rig) -> None:
    """A door forced open, at the centre's log."""
    before = rig.centre_count()
    said = CONTROLLER.alarm(1, FORCED, datetime.now(UTC))
    await publish("127.0.0.1", rig.broker.port, [(one.topic, one.payload) for one in said], connections=1)
    await until(lambda: rig.centre_count() > before)


async def test_who_only_answers_takes_everything_and_who_works_makes_alerts_of_it(rig: Rig, tmp_path: Path) -> None:
    alerts = "SELECT id FROM alert WHERE rule = 'door_forced'"
    await force(rig)
    assert rig.centre_query(alerts) == [], "nobody reads the log yet"
    work = Child("work", [command("gatehouse-server"), "work", "--data", str(rig.server_folder)], tmp_path)
    await start(work, "ready")
    await until(lambda: rig.centre_query(alerts))
    rig.server.stop()  # it still reads, and takes no requests
    assert work.running
    assert work.stop(10.0), "it ends when it is told to"
    assert work.exit_status == 0, work.tail()


async def test_where_two_share_the_port_a_killed_one_is_not_missed(rig: Rig, tmp_path: Path) -> None:
    beside = Child("beside", rig.server.command, tmp_path)
    await start(beside, f"ready {rig.url}")
    rig.server.kill()
    await force(rig)
    assert beside.stop(10.0)


@pytest.mark.parametrize("words", [["work"], ["serve", "--only-requests"], ["serve", "--share-port"]])
def test_on_sqlite_there_is_one_process(tmp_path: Path, words: list[str]) -> None:
    made = [command("gatehouse-server"), "init", "--data", str(tmp_path / "centre")]
    subprocess.run(made, check=True, capture_output=True, timeout=60)
    refused = [command("gatehouse-server"), *words, "--data", str(tmp_path / "centre")]
    ended = subprocess.run(refused, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "SQLite has one process" in ended.stderr

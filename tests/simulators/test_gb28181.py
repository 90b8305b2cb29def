"""gatehouse-sim gb-platform: it runs, says where, keeps its password for its owner, and fails as it is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulators.cli import app
from simulators.gb28181.faults import Fault, fault_named
from simulators.processes import Child
from simulators.products import command
from tests.rig import start


async def test_it_runs_until_it_is_told_and_says_what_it_heard(tmp_path: Path) -> None:
    words = ["gb-platform", "--port", "0", "--secrets", str(tmp_path / "data"), "--json", "--fault", "lose:Alarmx3"]
    one = Child("gb-platform", [command("gatehouse-sim"), *words], tmp_path)
    try:
        told = json.loads(await start(one, '{"address"'))
        assert told["address"].startswith("sip://127.0.0.1:")
        secret = tmp_path / "data" / told["secret_file"]
        assert secret.stat().st_mode & 0o077 == 0 and secret.read_text()
    finally:
        one.stop(5.0)
    assert json.loads(one.out_file.read_text().splitlines()[-1])["alarms"] == 0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("drop:Alarm", Fault("drop", "Alarm")),
        ("lose:Keepalivex3", Fault("lose", "Keepalive", 3)),
        ("503:REGISTER", Fault("status", "REGISTER", 1, 503)),
    ],
)
def test_faults_by_name(text: str, fault: Fault) -> None:
    assert fault_named(text) == fault


def test_a_fault_that_there_is_not_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["gb-platform", "--secrets", str(tmp_path), "--fault", "sing:Alarm"])
    assert done.exit_code == 1 and "drop:Alarm" in done.output

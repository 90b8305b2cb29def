"""The agent as a process on a broker of our own making: over TLS, by name and password, and what it takes there."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.broker.certificates import make_authority
from simulators.processes import Child
from simulators.products import ask, command
from tests.edge.broker_stage import Stage, Visitor, needs_mosquitto
from tests.edge.devices.samples import sample
from tests.rig import start, until

pytestmark = needs_mosquitto

SERIAL = "fe71e106-57263272"
CAMERA_USER = f"vzenith.{SERIAL}"
PLATE = sample("vzenith-mqtt", "ivs-result-blue.json")
EDGE_TOML = """\
data = "data"
[[devices]]
id = "vzenith:fe71e106-57263272"
[[devices]]
id = "vzenith:west-2"
"""


class Box:
    """A gateway box: its settings, the broker as the command set it up, and the agent."""

    def __init__(self, folder: Path) -> None:
        self.stage, self.config = Stage(folder), folder / "edge.toml"
        self.agent = Child("edge", [command("gatehouse-edge"), "run", "--config", str(self.config)], folder)

    async def set_up(self) -> dict[str, Any]:
        """As an installer does it: the command, then its lines into edge.toml."""
        self.config.write_text(EDGE_TOML)
        where = ("--out", str(self.stage.folder.mosquitto), "--port", str(self.stage.port), "--user", "root")
        told = await ask("gatehouse-edge", "broker-config", "--config", str(self.config), "--site", "garden", *where)
        self.config.write_text(EDGE_TOML + told["edge_toml"])
        return told

    def held(self) -> int:
        """How many events the agent's log ever took."""
        with closing(sqlite3.connect(f"file:{self.config.parent}/data/log.db?mode=ro", uri=True, timeout=10)) as db:
            return db.execute("SELECT coalesce(sum(head), 0) FROM stream").fetchone()[0]

    def said(self, event: str) -> list[dict[str, Any]]:
        lines = self.agent.log_file.read_text().splitlines() if self.agent.log_file.is_file() else []
        entries = [json.loads(line) for line in lines if line.startswith("{")]
        return [entry for entry in entries if entry["event"] == event]


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    made = Box(tmp_path)
    await made.set_up()
    made.stage.start()
    yield made
    made.agent.stop(5.0)
    made.stage.child.stop(5.0)


async def test_the_agent_takes_what_a_camera_publishes_under_its_own_name(box: Box) -> None:
    await start(box.agent, "ready")
    assert box.said("broker_connected")
    before = box.held()
    with Visitor(box.stage, CAMERA_USER) as camera:
        camera.publish(PLATE.topic, PLATE.payload)
    await until(lambda: box.held() > before)
    with Visitor(box.stage, "vzenith.west-2") as other:
        other.publish(PLATE.topic, PLATE.payload.replace(b"1772324130", b"1772324131"))
        other.publish("device/west-2/message/up/ivs_result", PLATE.payload.replace(SERIAL.encode(), b"west-2"))
    await until(lambda: box.held() > before + 1)
    status = await ask("gatehouse-edge", "status", "--config", str(box.config))
    assert (box.held(), status["parked"]) == (before + 2, 0), "what it published in the other's name is nowhere"


@pytest.mark.parametrize(
    ("fault", "said"),
    [("password", "Not authorized: check broker.username"), ("authority", "must be the authority that signed it")],
)
async def test_a_refusal_says_what_to_look_at(box: Box, fault: str, said: str) -> None:
    folder = box.stage.folder
    if fault == "password":
        folder.agent_password_file.write_text("wrong\n")
    else:
        folder.authority_file.write_bytes(make_authority(datetime.now(UTC)).certificate)
    await start(box.agent, "ready")
    refused = box.said("broker_refused")
    assert refused and said in refused[0]["error"], msgspec.json.encode(refused)
    assert not box.said("broker_connected")

"""What a person sees of a box in real processes: doctor, status, tail, metrics and the agent's own lines."""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from simulators.broker import Broker, NatsBroker
from simulators.devices.uhppoted import Controller
from simulators.load import publish
from simulators.products import ask, command, run_command
from tests.edge.test_metrics import free_port, read
from tests.made import adopt
from tests.rig import Rig, until
from tests.scenarios.test_chain import broker

CONTROLLER = 405419896
LISTED = f'[[devices]]\nid = "uhppoted:{CONTROLLER}"\n'


class Box(Rig):
    """A complex whose agent serves its metrics."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        super().__init__(folder, broker)
        self.metrics_port = free_port()

    async def start(self) -> None:
        await adopt(self)
        self.broker.start()
        await self.start_server()
        self.write_edge_settings(self.url)
        text = self.edge_config.read_text().replace("port = 0", f"port = {self.metrics_port}")
        self.edge_config.write_text(text + LISTED)
        await self.start_edge()

    async def swipe(self, *more: tuple[str, bytes]) -> None:
        swipes = Controller(CONTROLLER, ZoneInfo("Asia/Shanghai")).swipe(1, 8_165_537, 1, datetime.now(UTC))
        await publish("127.0.0.1", self.broker.port, [*((m.topic, m.payload) for m in swipes), *more], connections=1)

    async def metrics(self) -> dict[tuple[str, ...], float]:
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return read(await answer.read())

    def lines(self) -> list[dict[str, Any]]:
        """What the agent said on standard error."""
        return [json.loads(line) for line in self.edge.log_file.read_text().splitlines()]

    def said(self) -> dict[str, Any]:
        """The agent's last word, once there is one."""
        file = self.edge_folder / "data" / "status.json"
        return json.loads(file.read_text()) if file.exists() else {}


@pytest.fixture(params=["nats", "mosquitto"])
async def box(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Box]:
    box = Box(tmp_path, broker(request.param))
    try:
        await box.start()
        yield box
    finally:
        box.stop_all()


def examined(box: Box) -> tuple[int, dict[str, list[str]]]:
    """Exit code, and what is not well: name -> levels."""
    words = [command("gatehouse-edge"), "doctor", "--json", "--config", str(box.edge_config)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    found = json.loads(done.stdout)
    assert found["exit"] == done.returncode
    bad: dict[str, list[str]] = {}
    for finding in found["findings"]:
        if finding["level"] != "ok":
            assert finding["next_step"], finding
            bad.setdefault(finding["name"], []).append(finding["level"])
    return done.returncode, bad


# Of the machine that runs the tests, not of what is tested.
_OF_THE_MACHINE = {"systemd", "Mosquitto", "room on the disk", "clock", "file system", "life of the disk"}


async def test_the_doctor_finds_a_sound_box_sound_and_says_what_breaks(box: Box) -> None:
    await box.swipe()
    await box.drained(2)
    await until(lambda: box.said().get("seen"))
    code, bad = examined(box)
    assert bad.keys() - _OF_THE_MACHINE == {"broker's login"}, "a broker that asks nobody for a name"
    assert code < 2 or bad.keys() & _OF_THE_MACHINE
    box.server.stop(5.0)
    box.edge.stop(5.0)
    box.broker.close()
    code, bad = examined(box)
    assert code == 2
    for name in ("centre's line", "agent", "broker's line"):
        assert bad[name] == ["error"]
    assert bad["broker's line"] and "log" not in bad


async def test_the_doctor_does_not_end_the_agent_s_session(box: Box) -> None:
    examined(box)
    await box.swipe()
    await box.drained(2)
    assert [line["event"] for line in box.lines()].count("broker_connected") == 1


async def test_metrics_status_and_tail_tell_the_same(box: Box) -> None:
    await box.swipe(("uhppoted/gateway/events", b"\x00 not json"))
    await box.drained(2)
    await until(lambda: box.said().get("counts", {}).get("undecodable") == 1)
    await until(lambda: box.said()["streams"]["routine"]["backlog"] == 0)
    page = await box.metrics()
    shown = await ask("gatehouse-edge", "status", "--config", str(box.edge_config))
    assert page["gatehouse_parked_total", "undecodable"] == shown["counts"]["undecodable"] == shown["parked"] == 1
    assert page["gatehouse_events_total",] == shown["counts"]["events"]
    assert page["gatehouse_backlog_events", "routine"] == shown["streams"]["routine"]["backlog"] == 0
    assert page["gatehouse_commit_seconds_count",] >= 1
    assert (page["gatehouse_uplink_up",], page["gatehouse_broker_up",]) == (1, 1)
    seen = datetime.fromisoformat(shown["seen"][f"uhppoted:{CONTROLLER}"]["at"])
    assert page["gatehouse_device_last_seen_timestamp_seconds", f"uhppoted:{CONTROLLER}"] == seen.timestamp()
    printed = await run_command("gatehouse-edge", "tail", "--json", "--config", str(box.edge_config))
    last = json.loads(printed.splitlines()[-1])
    assert (last["device"], last["position"]) == (f"uhppoted:{CONTROLLER}", shown["streams"]["routine"]["head"])
    assert "8165537" not in printed


async def test_the_agent_says_one_json_object_a_line_and_where_a_thing_can_be_found(tmp_path: Path) -> None:
    box = Box(tmp_path, NatsBroker())
    try:
        await box.start()
        await box.swipe(*[("uhppoted/gateway/events", b"\x00 %d" % number) for number in range(200)])
        await until(lambda: box.said().get("parked") == 200)
        box.edge.stop(5.0)
        lines = box.lines()
        assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)
        told = [line for line in lines if line["event"] == "parked"]
        numbers = {row.split("\t")[0] for row in await _parked_numbers(box)}
        assert 1 <= len(told) < 200, "a flood is told, and does not flood the log"
        assert {str(line["number"]) for line in told} <= numbers
        assert {(line["topic"], line["family"]) for line in told} == {("uhppoted/gateway/events", "uhppoted-mqtt")}
        assert lines[-1]["event"] == "stopped"
    finally:
        box.stop_all()


async def _parked_numbers(box: Box) -> list[str]:
    words = ("parked", "--json", "--limit", "1000", "--config", str(box.edge_config))
    return [str(json.loads(line)["number"]) for line in (await run_command("gatehouse-edge", *words)).splitlines()]


async def test_two_agents_on_one_machine_whose_port_is_taken(tmp_path: Path) -> None:
    box = Box(tmp_path, NatsBroker())
    other: Box | None = None
    try:
        await box.start()
        other = Box(tmp_path / "other", box.broker)
        other.metrics_port = box.metrics_port
        other.write_edge_settings("")
        other.edge_config.write_text(
            other.edge_config.read_text()
            .replace("port = 0", f"port = {box.metrics_port}")
            .replace("[broker]", '[broker]\nclient_id = "another"')
        )
        await other.start_edge()
        await until(lambda: "metrics_not_served" in [line["event"] for line in other.lines()])
        assert other.edge.running
        assert other.edge_head() == 1, "it records that it started"
    finally:
        if other is not None:
            other.stop_all()
        box.stop_all()

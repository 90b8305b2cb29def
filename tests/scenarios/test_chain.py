"""The whole chain in real processes: vendors' bytes in, alerts, sessions and charges out, over cuts and restarts."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from simulators.broker import Broker, MosquittoBroker, NatsBroker
from simulators.devices import vzenith
from simulators.devices.uhppoted import Controller
from simulators.faults import Uplink
from simulators.load import LoadFailed, publish
from simulators.products import ask
from tests.books import unbalanced
from tests.rig import Rig, until
from tests.server.engines import POSTGRES, SQLITE

LANE = """
[[devices]]
id = "vzenith:in-1"
lane = "east-in"
direction = "in"
[[devices]]
id = "vzenith:out-1"
lane = "east-out"
direction = "out"
"""
IN, OUT = vzenith.Camera("in-1", "东门入口"), vzenith.Camera("out-1", "东门出口")
FORCED = 38


def broker(kind: str) -> Broker:
    if kind == "nats":
        return NatsBroker()
    if shutil.which("mosquitto") is None and not Path("/usr/sbin/mosquitto").exists():
        pytest.skip("mosquitto is not installed: apt install mosquitto")
    return MosquittoBroker()


@pytest.fixture(params=[("mosquitto", SQLITE), ("nats", POSTGRES)], ids=lambda way: f"{way[0]}-{way[1].name}")
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    name, engine = request.param
    with engine.database() as database:
        rig = Rig(tmp_path, broker(name), database=database)
        try:
            await rig.start_all()
            rig.edge.stop()
            rig.edge_config.write_text(rig.edge_config.read_text() + LANE)
            await rig.start_edge()
            yield rig
        finally:
            rig.stop_all()


async def say(rig: Rig, *messages: object) -> None:
    await publish("127.0.0.1", rig.broker.port, [(m.topic, m.payload) for m in messages], connections=1)  # type: ignore[attr-defined]


async def readers_done(rig: Rig) -> None:
    """Until each row below stands: the readers are independent, and none waits for another."""
    for rows in ("charge", "alert", "session WHERE state = 'exited'"):
        await until(partial(rig.centre_query, f"SELECT 1 FROM {rows}"))


async def test_from_a_devices_message_to_an_alert_a_session_and_a_charge(rig: Rig) -> None:
    now = datetime.now(UTC)
    controller = Controller(405419896, ZoneInfo("Asia/Shanghai"))
    entered = vzenith.Plate(text="粤B8K6Q2", scene=b"\xff\xd8\xff\xe0 in", close_up=b"\xff\xd8\xff\xe0 plate")
    await say(
        rig,
        vzenith.plate(IN, entered, 1, now - timedelta(hours=2), sent_at=now),  # the camera kept it: offline record
        *controller.alarm(1, FORCED, now),
        vzenith.plate(OUT, vzenith.Plate(text="粤B8K6Q2"), 1, now),
    )
    await readers_done(rig)
    assert rig.centre_query("SELECT rule, severity, lateness FROM alert") == [("door_forced", "critical", "live")]
    assert rig.centre_query("SELECT plate, state FROM session") == [("粤B8K6Q2", "exited")]
    ((amount, lines),) = rig.centre_query("SELECT amount_fen, lines FROM charge")
    assert amount == 400
    assert sum(line["fen"] for line in json.loads(lines)) == 400
    await until(lambda: len(rig.centre_query("SELECT sha256 FROM media")) == 2)
    report = await ask("gatehouse-server", "report", "--data", str(rig.server_folder))
    assert (report["alerts"], report["charged_fen"], report["sessions"]) == (1, 400, {"exited": 1})
    for projection in ("alerts", "doors", "parking"):  # beside the running server
        rebuilt = await ask("gatehouse-server", "rebuild", projection, "--data", str(rig.server_folder))
        assert rebuilt["same"]
    assert rig.centre_query("SELECT count(*) FROM charge") == [(1,)]
    assert await unbalanced(rig) == []


async def test_a_cut_uplink_fills_the_log_and_drains_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path, NatsBroker())
    uplink: Uplink | None = None
    try:
        rig.broker.start()
        await rig.start_server()
        uplink = Uplink(int(rig.url.rsplit(":", 1)[1]))
        await uplink.start()
        await rig.enrol(f"http://127.0.0.1:{uplink.port}")
        await rig.start_edge()
        await rig.drained(1)
        uplink.cut()
        before = rig.centre_count()
        controller = Controller(405419896, ZoneInfo("Asia/Shanghai"))
        now = datetime.now(UTC)
        swipes = [controller.swipe(1, 8_165_537, 1, now + timedelta(seconds=n % 60))[0] for n in range(200)]
        await say(rig, *swipes)
        await until(lambda: rig.edge_head() >= before + 200)
        shown = await ask("gatehouse-edge", "status", "--config", str(rig.edge_config))
        assert shown["streams"]["routine"]["backlog"] >= 200
        assert rig.centre_count() == before
        uplink.restore()
        await rig.drained(before + 200)
        origins = [origin for origin, _ in rig.centre_events()]
        assert len(origins) == len(set(origins)) == rig.edge_head()
        assert await unbalanced(rig) == []
    finally:
        rig.stop_all()
        if uplink is not None:
            await uplink.stop()


async def test_parked_messages_can_be_looked_at(rig: Rig) -> None:
    await publish("127.0.0.1", rig.broker.port, [("uhppoted/gateway/events", b"\x00 not json")], connections=1)

    def parked() -> bool:
        return rig.edge_folder.joinpath("data/status.json").exists() and (
            json.loads(rig.edge_folder.joinpath("data/status.json").read_text())["parked"] == 1
        )

    await until(parked)
    from simulators.products import run_command

    shown = await run_command("gatehouse-edge", "parked", "--config", str(rig.edge_config), "--json")
    assert json.loads(shown)["reason"] == "undecodable"


async def test_a_topic_with_a_space_reaches_us_through_mosquitto(tmp_path: Path) -> None:
    """A camera named with a space. The pip broker has no such topics: it refuses the publisher, and says why."""
    rig = Rig(tmp_path, broker("mosquitto"))
    try:
        await rig.start_all()
        await publish("127.0.0.1", rig.broker.port, [("frigate/front door/motion", b"ON")], connections=1)
        await rig.drained(2)
        assert ("frigate:front door", "motion") in {(e["device"], e.get("label")) for _, e in rig.centre_events()}
    finally:
        rig.stop_all()


async def test_the_pip_broker_refuses_a_topic_with_a_space_and_serves_the_others() -> None:
    with NatsBroker() as nats:
        with pytest.raises(LoadFailed):
            await publish("127.0.0.1", nats.port, [("frigate/front door/motion", b"ON")], connections=1, stall_s=2)
        result = await publish("127.0.0.1", nats.port, [("frigate/front_door/motion", b"ON")], connections=1)
        assert len(result.keys) == 1

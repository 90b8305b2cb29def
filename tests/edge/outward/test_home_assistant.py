"""A real agent and a real Mosquitto: what Home Assistant is told, all of it as docs/asyncapi.yaml says."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from domain.desired import Document
from edge import agent as agents
from edge.agent import Agent
from edge.broker.users import agent_user, broker_users, overlap, with_home_assistant
from edge.clock import Clock
from edge.config import Broker, Config, HomeAssistant, Metrics
from edge.devices.driver import discover
from edge.outward import known, outward
from edge.outward import publisher as publishers
from edge.outward.publisher import Publisher
from edge.store.keeper import open_fit
from simulators.broker import MosquittoBroker
from tests.edge import asyncapi
from tests.edge.broker_stage import needs_mosquitto
from tests.edge.devices.samples import sample
from tests.rig import until

pytestmark = needs_mosquitto

SMOKE, CAMERA, DOOR = "z2m:hall/smoke", "vzenith:fe71e106-57263272", "esp-rfid:/rfid/unit3"
PLATE = sample("vzenith-mqtt", "ivs-result-blue.json")
STATES = "gatehouse/garden"
LISTED: list[dict[str, Any]] = [
    {"id": SMOKE, "name": "烟感", "place": "3 号楼"},
    {"id": CAMERA, "lane": "east-in", "direction": "in"},
    {"id": DOOR, "doors": [{"point": "door/1", "open_with": {"doorip": "192.0.2.30"}}]},
]


class Witness:
    """Reads all that passes, and what is kept; ``again`` asks the broker anew."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.got: list[tuple[str, bytes]] = []
        self._lock = threading.Lock()
        self._client = self._connected(self._note)

    def _connected(self, note: Callable[[paho.MQTTMessage], None]) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.on_connect = lambda *_: client.subscribe("#", 1)
        client.on_message = lambda _client, _data, message: note(message)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        return client

    def _note(self, message: paho.MQTTMessage) -> None:
        self.got.append((message.topic, message.payload))

    def ours(self) -> list[tuple[str, bytes]]:
        return [one for one in list(self.got) if one[0].startswith(("gatehouse/", "homeassistant/device/"))]

    def last(self, topic: str) -> Any:
        found = [payload for name, payload in list(self.got) if name == topic]
        return json.loads(found[-1]) if found and found[-1] else (b"" if found else None)

    def count(self, topic: str) -> int:
        return sum(name == topic for name, _ in list(self.got))

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def throw(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=1)

    async def kept(self) -> dict[str, bytes]:
        """What the broker keeps of ours."""
        found: dict[str, bytes] = {}
        client = self._connected(
            lambda message: found.update({message.topic: message.payload} if message.retain else {})
        )
        await until(lambda: bool(found))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(self._stop, client)
        return {topic: body for topic, body in found.items() if topic.startswith(("gatehouse/", "homeassistant/"))}

    def _stop(self, client: paho.Client) -> None:
        client.disconnect()
        client.loop_stop()

    def close(self) -> None:
        self._stop(self._client)


@asynccontextmanager
async def running(folder: Path, broker_port: int, **settings: Any) -> AsyncIterator[Agent]:
    config = Config(
        data=str(folder),
        metrics=Metrics(port=0),
        broker=Broker(port=broker_port, topics={"gatehouse/#": "zigbee2mqtt"}),
        home_assistant=HomeAssistant(on=True, complex="garden", **settings),
    )
    clock = Clock(kernel=lambda: True)
    store, happened = await open_fit(folder, clock.now)
    agent = Agent(config, store, clock, happened)
    await agent._parts.control.desired.apply([Document("devices", 1, {"devices": LISTED})])
    ready = asyncio.Event()
    task = asyncio.create_task(agent.run(ready.set))
    try:
        await asyncio.wait_for(ready.wait(), 20)
        yield agent
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await store.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outward, "_LOOK_S", 0.05)
    monkeypatch.setattr(outward, "_ALL_AGAIN_S", 0.0)
    monkeypatch.setattr(publishers, "_LONGEST_PAUSE_S", 1)
    monkeypatch.setattr(agents, "_BROKER_WAIT_S", 10.0)


@pytest.fixture
async def broker() -> AsyncIterator[MosquittoBroker]:
    with MosquittoBroker() as made:
        yield made


@pytest.fixture
async def witness(broker: MosquittoBroker) -> AsyncIterator[Witness]:
    made = Witness(broker.port)
    yield made
    made.close()


def config_of(witness: Witness, device: str) -> Any:
    return witness.last(outward.Names("garden").discovery(device))


async def test_what_is_on_site_is_told_kept_and_taken_back(tmp_path: Path, witness: Witness) -> None:
    async with running(tmp_path, witness.port) as agent:
        await until(lambda: witness.last(f"{STATES}/availability") == {"state": "online"})
        witness.say("zigbee2mqtt/hall/smoke", b'{"smoke":false,"battery":71,"tamper":false}')
        witness.say(PLATE.topic, PLATE.payload)
        await until(lambda: "battery_pct" in (config_of(witness, SMOKE) or {}).get("components", {}))
        await until(lambda: config_of(witness, CAMERA) is not None)
        smoke = f"{STATES}/z2m:hall%2Fsmoke/state"
        assert witness.last(f"{smoke}/smoke")["state"] == "OFF", "a detector at rest shows itself too"
        witness.say("zigbee2mqtt/hall/smoke", b'{"smoke":true}')
        await until(lambda: witness.last(f"{smoke}/smoke")["state"] == "ON")
        plates = witness.last(f"{STATES}/{CAMERA}/state/plates")
        assert (plates["state"], "is" in plates) == (1, False), "a count, and no number"
        assert not any(b"\xe7\xb2\xa4" in payload for _, payload in witness.ours())
        witness.say("zigbee2mqtt/hall/smoke/availability", b'{"state":"offline"}')
        await until(lambda: witness.last(f"{STATES}/z2m:hall%2Fsmoke/availability") == {"state": "offline"})

        told = witness.count(outward.Names("garden").discovery(SMOKE))
        witness.say("homeassistant/status", b"online")
        await until(lambda: witness.count(outward.Names("garden").discovery(SMOKE)) > told)

        kept = await witness.kept()
        assert {f"{smoke}/smoke", outward.Names("garden").discovery(SMOKE), f"{STATES}/availability"} <= kept.keys()
        assert agent._parts.intake.counts["undecodable"] == 0, "our own topics are nobody's message"
        assert agent._parts.intake.counts["not_ours"] > 0

        fewer = {"devices": [one for one in LISTED if one["id"] != SMOKE]}
        assert await agent._parts.control.desired.apply([Document("devices", 2, fewer)])
        await until(lambda: config_of(witness, SMOKE) == b"")
        kept = await witness.kept()
        assert not any("smoke" in topic for topic in kept)
    await until(lambda: witness.last(f"{STATES}/availability") == {"state": "offline"})
    assert [asyncapi.wrong(topic, body) for topic, body in witness.ours() if asyncapi.wrong(topic, body)] == []
    assert len(witness.ours()) > 12


async def test_what_was_shown_before_a_restart_is_shown_after_it(tmp_path: Path, witness: Witness) -> None:
    async with running(tmp_path, witness.port):
        witness.say("zigbee2mqtt/hall/smoke", b'{"smoke":false}')
        await until(lambda: config_of(witness, SMOKE) is not None)
        await until(lambda: (tmp_path / "home-assistant.json").is_file())
    before = len(witness.got)
    async with running(tmp_path, witness.port):
        await until(lambda: any(topic.startswith("homeassistant/device/") for topic, _ in witness.got[before:]))
        await until(lambda: config_of(witness, SMOKE)["components"].keys() == {"smoke"})


async def hear_before_it_runs(folder: Path, witness: Witness, patch: pytest.MonkeyPatch) -> None:
    """What is known from earlier runs is read slowly, and a message arrives meanwhile."""
    load, may_read = known.load, threading.Event()

    def slow(of: Path) -> known.Known:
        may_read.wait(10)
        return load(of)

    patch.setattr(known, "load", slow)
    async with running(folder, witness.port) as agent:
        try:
            witness.say("zigbee2mqtt/hall/smoke", b'{"smoke":false}')
            await until(lambda: agent._parts.intake.seen.is_here(SMOKE))
        finally:
            may_read.set()
        await until(lambda: witness.last(f"{STATES}/availability") == {"state": "online"})
        await until(lambda: config_of(witness, SMOKE) is not None, timeout_s=3)


async def test_what_is_heard_before_it_can_be_told_is_told_later(
    tmp_path: Path, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hear_before_it_runs(tmp_path, witness, monkeypatch)


async def test_control_what_is_heard_early_and_not_put_by_is_missed(
    tmp_path: Path, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outward.Outward, "_put_by", lambda *_: None)
    with pytest.raises(AssertionError, match="not so after"):
        await hear_before_it_runs(tmp_path, witness, monkeypatch)


async def test_a_door_is_opened_only_where_the_settings_allow_it(tmp_path: Path, witness: Witness) -> None:
    order = f"{STATES}/esp-rfid:%2Frfid%2Funit3/order/open-door%2F1"
    witness.say(order, b"open", retain=True)
    async with running(tmp_path / "read", witness.port):
        await until(lambda: witness.last(f"{STATES}/availability") == {"state": "online"})
        witness.say(order, b"open")
        witness.say("zigbee2mqtt/hall/smoke", b'{"smoke":false}')
        await until(lambda: config_of(witness, SMOKE) is not None)
        assert witness.count("/rfid/unit3/cmd") == 0
    async with running(tmp_path / "orders", witness.port, orders=True):
        await until(lambda: (config_of(witness, DOOR) or {}).get("components") is not None)
        component = config_of(witness, DOOR)["components"]["open-door/1"]
        assert (component["platform"], component["command_topic"]) == ("button", order)
        await asyncio.sleep(0.3)
        assert witness.count("/rfid/unit3/cmd") == 0, "what the broker had kept opens nothing"
        witness.say(order, b"unlock")
        witness.say(order, component["payload_press"].encode())
        await until(lambda: witness.count("/rfid/unit3/cmd") == 1)
        assert witness.last("/rfid/unit3/cmd") == {"cmd": "opendoor", "doorip": "192.0.2.30"}
        (sent,) = [body for topic, body in witness.got if topic == "/rfid/unit3/cmd"]
        assert asyncapi.wrong("/rfid/unit3/cmd", sent) == ""
        assert asyncapi.wrong(order, b"open", "receive") == ""


async def test_a_broker_that_is_away_costs_no_event_and_is_told_all_when_it_is_back(
    tmp_path: Path, witness: Witness
) -> None:
    """Outwards to a broker of its own, which dies."""
    with MosquittoBroker() as other:
        async with running(tmp_path, witness.port, host="127.0.0.1", port=other.port) as agent:
            assert agent._outward is not None
            publisher = agent._outward._publisher
            assert publisher is not None
            await until(lambda: publisher.waiting == 0)
            other.kill()
            for number in range(200):
                witness.throw("zigbee2mqtt/hall/smoke", b'{"battery":%d}' % (number % 100))
            await until(lambda: agent._parts.intake.counts["messages"] >= 200)
            assert publisher.waiting <= 8, "the newest of each topic, however often it was said"
            other.start()
            seen = Witness(other.port)
            await until(lambda: (seen.last(f"{STATES}/z2m:hall%2Fsmoke/state/battery_pct") or {}).get("state") == 99)
            await until(lambda: seen.last(f"{STATES}/availability") == {"state": "online"})
            seen.close()
    assert not witness.ours()


async def test_who_is_gone_without_a_word_is_told_to_be_by_the_broker(witness: Witness) -> None:
    settings = Broker(port=witness.port, client_id="outward-test")
    publisher = Publisher(
        settings,
        ["homeassistant/status"],
        ("gatehouse/garden/availability", b'{"state":"offline"}'),
        _nothing,
        _unheard,
    )
    task = asyncio.create_task(publisher.run())
    publisher.put("gatehouse/garden/availability", b'{"state":"online"}')
    await until(lambda: witness.last("gatehouse/garden/availability") == {"state": "online"})
    sock = publisher._client.socket()
    assert sock is not None
    publisher._client.reconnect_delay_set(60, 60)
    sock.shutdown(socket.SHUT_RDWR)
    await until(lambda: witness.last("gatehouse/garden/availability") == {"state": "offline"})
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _nothing() -> None:
    pass


def _unheard(topic: str, payload: bytes) -> None:
    pass


async def test_more_topics_than_there_is_room_for_are_dropped_and_counted() -> None:
    publisher = Publisher(Broker(), [], ("t", b""), _nothing, _unheard)
    for number in range(20_050):
        publisher.put(f"gatehouse/garden/{number}/availability", b"x")
    assert (publisher.waiting, publisher.dropped) == (20_000, 50)


def test_at_our_own_broker_home_assistant_reads_ours_and_writes_orders_where_allowed() -> None:
    registry = discover()
    users = broker_users([SMOKE, CAMERA], registry, "garden")
    users.append(agent_user(users, registry, "garden"))
    assert with_home_assistant(users, HomeAssistant()) == users
    *_, hears = with_home_assistant(users, HomeAssistant(on=True))
    assert hears.name == "home-assistant"
    assert not any(overlap(topic, f"{STATES}/x/order/y") for topic in hears.writes)
    assert all(topic.startswith(("gatehouse/", "homeassistant/")) for topic in hears.reads)
    ours = next(user for user in with_home_assistant(users, HomeAssistant(on=True)) if user.name == "gatehouse")
    assert any(overlap(topic, f"{STATES}/availability") for topic in ours.writes)
    *_, hears = with_home_assistant(users, HomeAssistant(on=True, orders=True))
    assert any(overlap(topic, f"{STATES}/x/order/y") for topic in hears.writes)

"""ONVIF-style JSON to somebody else's broker, a real one: only on a basis, once by id, in order, through its death."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from domain.events import Event, Subject
from domain.feeds.basis import Basis
from domain.onvif_json import told, topic_of
from domain.wire import Header
from server.facts import Fact
from server.feeds.mqtt_line import MqttLine
from server.feeds.mqtt_platform import BadSettings, MqttPlatform, read_settings
from server.feeds.sender import Accepted, Again, Offer, Verdict
from server.store import platform_rows
from server.store.engine import Database
from server.store.platform_rows import Platform
from server.store.platform_tables import handover, platform
from simulators.broker import NatsBroker
from tests.rig import until
from tests.server.centre import centre
from tests.server.engines import SQLITE, Engine
from tests.server.test_platforms import NOW, all_in, swipe

ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])


class Listener:
    """Somebody else's client at the broker."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="listener", protocol=paho.MQTTv311)
        self._client.on_connect = lambda client, *_: client.subscribe("city/#", 1)
        self._client.on_message = self._take
        self.is_there = False
        self._client.on_subscribe = self._subscribed
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _subscribed(self, *_: Any) -> None:
        self.is_there = True

    def _take(self, _client: Any, _userdata: Any, message: paho.MQTTMessage) -> None:
        self.heard.append((message.topic, msgspec.json.decode(message.payload)))

    @property
    def ids(self) -> list[str]:
        """In the order in which each came first."""
        return list(dict.fromkeys(said["Key"]["Id"] for _, said in self.heard))

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextlib.contextmanager
def broker_and_listener() -> Iterator[tuple[NatsBroker, Listener]]:
    broker = NatsBroker()
    broker.start()
    listener = Listener(broker.port)
    try:
        yield broker, listener
    finally:
        listener.stop()
        broker.close()


async def add(db: Database, port: int) -> None:
    said: dict[str, Any] = {"kind": "mqtt", "address": f"mqtt://127.0.0.1:{port}", "settings": {"prefix": "city/1"}}
    async with db.write() as connection:
        await platform_rows.add(connection, Platform(id="city", name="市局", is_on=True, **said))


async def allow(db: Database) -> None:
    span = {"since": NOW - timedelta(days=1), "until": NOW + timedelta(days=1)}
    basis = Basis(unit="市公安局", document="公函7", classes=frozenset({"door"}), **span)
    async with db.write() as connection:
        await platform_rows.record_basis(connection, "city", basis, "wang", NOW)


@ON_SQLITE
async def test_with_no_basis_nothing_and_then_each_once_in_order(tmp_path: Path, engine: Engine) -> None:
    with broker_and_listener() as (broker, listener):
        async with centre(tmp_path, engine) as here:
            await until(lambda: listener.is_there)
            gateway = await here.gateway()
            await add(here.house.db, broker.port)
            await here.wait_for(platform, lambda rows: rows[0]["session"] == "silent")
            await gateway.send(swipe(1))
            await here.settled()
            assert not listener.heard
            await allow(here.house.db)
            await here.wait_for(platform, lambda rows: rows[0]["session"] in ("opening", "open"))
            await gateway.send(*(swipe(n) for n in range(10, 40)))
            rows = await here.wait_for(handover, all_in("accepted", 30))
            await until(lambda: len(listener.ids) == 30)
            assert listener.ids == [row["id"].hex() for row in sorted(rows, key=lambda row: row["number"])]
    topic, said = listener.heard[0]
    assert topic == "city/1/onvif-ej/AccessControl/AccessGranted/Credential/garden/x:1"
    assert said["Source"] == {"Complex": "garden", "Device": "x:1"}
    assert "王小明" not in str(listener.heard) and "778899" not in str(listener.heard)


@ON_SQLITE
async def test_a_broker_that_dies_loses_nothing(tmp_path: Path, engine: Engine) -> None:
    with broker_and_listener() as (broker, listener):
        async with centre(tmp_path, engine) as here:
            await until(lambda: listener.is_there)
            gateway = await here.gateway()
            await add(here.house.db, broker.port)
            await allow(here.house.db)
            await gateway.send(*(swipe(n) for n in range(10)))
            await here.wait_for(handover, all_in("accepted", 10))
            broker.kill()
            await gateway.send(*(swipe(n) for n in range(10, 20)))
            await here.wait_for(handover, lambda rows: [one for one in rows if "offline" in (one["reason"] or "")])
            listener.is_there = False
            broker.start()
            await until(lambda: listener.is_there)
            await here.wait_for(handover, all_in("accepted", 20))


def offer(number: int) -> Offer:
    event = msgspec.structs.replace(swipe(number), recorded_at=NOW)
    header = Header("g", "routine", "e", number, number, "door", 1)
    return Offer(bytes([number]) * 16, event, Fact(event, "garden", header, 0, NOW), "door", urgent=False)


async def verdicts_of_a_deaf_broker() -> tuple[list[Verdict], list[Verdict], list[str]]:
    """What is said of records while the broker is stopped, and once it goes on; and what arrived, in order."""
    with broker_and_listener() as (broker, listener):
        await until(lambda: listener.is_there)
        settings = read_settings({"prefix": "city", "answer_s": 1})
        one = MqttPlatform(f"mqtt://127.0.0.1:{broker.port}", settings, "", None)
        keeping = asyncio.create_task(one.keep())
        await until(lambda: one.is_open)
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            deaf = await one.send([offer(n) for n in range(1, 6)])
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        heard = await one.send([offer(n) for n in range(1, 6)])
        await until(lambda: len(listener.ids) == 5)
        keeping.cancel()
        await asyncio.wait([keeping])
        return deaf, heard, listener.ids


async def test_only_a_puback_accepts_and_what_comes_again_bears_its_id() -> None:
    deaf, heard, ids = await verdicts_of_a_deaf_broker()
    assert all(isinstance(one, Again) for one in deaf)
    assert heard == [Accepted()] * 5
    assert ids == [offer(n).id.hex() for n in range(1, 6)]


async def test_control_who_takes_publishing_for_an_answer_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    publish = MqttLine.publish

    def at_once(self: MqttLine, topic: str, body: bytes) -> asyncio.Future[None]:
        publish(self, topic, body)
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    monkeypatch.setattr(MqttLine, "publish", at_once)
    deaf, _, _ = await verdicts_of_a_deaf_broker()
    assert not all(isinstance(one, Again) for one in deaf)


def test_topics_are_those_of_onvif_where_it_has_one() -> None:
    events = [
        (Event(kind="door", device="x:1", state="forced_open"), "Door/State/DoorAlarm"),
        (Event(kind="detection", device="x:1", label="loitering"), "RuleEngine/LoiteringDetector/ObjectIsLoitering"),
        (Event(kind="plate", device="x:1"), "RuleEngine/Recognition/LicensePlate"),
        (Event(kind="alarm", device="x:1", alarm="fire"), "Gatehouse/Alarm/fire"),
        (Event(kind="alarm", device="x:1", alarm="a/+#"), "Gatehouse/Alarm/a%2F%2B%23"),
        (Event(kind="availability", device="x:1", state="online"), "Gatehouse/Availability"),
    ]
    assert [topic_of(event) for event, _ in events] == [topic for _, topic in events]


def test_a_message_says_who_only_where_the_fact_still_does() -> None:
    whole = Event(kind="access", device="x/1", time=NOW, result="denied", subject=Subject(type="card", name="王"))
    cut = msgspec.structs.replace(whole, subject=Subject(type="card"))
    one, other = (told("", "花园", b"1", event) for event in (whole, cut))
    assert one.topic == "onvif-ej/AccessControl/Denied/Credential/花园/x%2F1"
    assert msgspec.json.decode(one.body)["Data"]["CredentialHolderName"] == "王"
    assert "王" not in other.body.decode()


@pytest.mark.parametrize("wrong", [{"prefix": "a/#"}, {"client_id": ""}, {"password": "x"}, {"answer_s": 0}])
def test_settings_that_cannot_be_used_are_refused_where_they_are_wrong(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadSettings, match=next(iter(wrong))):
        read_settings(wrong)

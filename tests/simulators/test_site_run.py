"""A site played to a real broker: every message is acknowledged and received, and devices answer commands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from simulators.broker import NatsBroker, free_port
from simulators.estate import LANE_IN
from simulators.site import Site
from simulators.site_run import BrokerAway, SiteRun
from tests.simulators.polling import poll, poll_async


class Listener:
    """Hears everything, and may say something."""

    def __init__(self, port: int) -> None:
        self.heard: list[MQTTMessage] = []
        self.ready = False
        self.client = Client(CallbackAPIVersion.VERSION2, client_id="listener")
        self.client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self.client.on_subscribe = lambda *_: setattr(self, "ready", True)
        self.client.on_message = lambda _client, _data, message: self.heard.append(message)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        poll(lambda: self.ready)

    def topics(self) -> list[str]:
        return [message.topic for message in self.heard]

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[NatsBroker]:
    with NatsBroker(store=tmp_path / "store") as one:
        yield one


async def test_everything_is_acknowledged_and_received(broker: NatsBroker) -> None:
    listener = Listener(broker.port)
    run = SiteRun(Site(1, minutes=2, drawn=False), broker.host, broker.port, speed=200)
    await run.run()
    await poll_async(lambda: len(listener.heard) >= run.report.published)
    listener.stop()
    assert run.report.acknowledged == run.report.published == len(listener.heard)
    assert run.report.facts == len(run.truth.facts)
    plates = [topic for topic in listener.topics() if topic.endswith("/up/ivs_result")]
    assert len(plates) == len(run.truth.cars)


async def test_a_device_answers_a_command_while_the_site_plays(broker: NatsBroker) -> None:
    listener = Listener(broker.port)
    playing = asyncio.create_task(SiteRun(Site(1, minutes=None, drawn=False), broker.host, broker.port).run())
    await poll_async(lambda: len(listener.heard) > 3)
    command = {"id": "77", "sn": LANE_IN.sn, "name": "gpio_out", "payload": {"type": "gpio_out", "body": {"io": 0}}}
    topic = f"{LANE_IN.root}/down/gpio_out"
    await asyncio.to_thread(lambda: listener.client.publish(topic, json.dumps(command), qos=1).wait_for_publish(20))
    await poll_async(lambda: f"{topic}/reply" in listener.topics())
    playing.cancel()
    await asyncio.gather(playing, return_exceptions=True)
    listener.stop()
    [reply] = [message for message in listener.heard if message.topic == f"{topic}/reply"]
    assert (json.loads(reply.payload)["id"], json.loads(reply.payload)["code"]) == ("77", 200)


async def test_a_broker_that_is_restarted_gets_everything(broker: NatsBroker) -> None:
    run = SiteRun(Site(2, minutes=1, drawn=False), broker.host, broker.port, speed=15)
    playing = asyncio.create_task(run.run())
    await poll_async(lambda: run.report.acknowledged > 20)
    broker.kill()
    broker.start()
    await playing
    assert run.report.acknowledged == run.report.published


async def test_no_broker_is_said_with_what_to_do() -> None:
    with pytest.raises(BrokerAway, match="gatehouse-sim broker"):
        await SiteRun(Site(1, minutes=1, drawn=False), "127.0.0.1", free_port()).run()

"""The brokers start, are killed, and come back with what they promised to keep."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from simulators import mqtt_wire
from simulators.broker import Broker, BrokerUnavailable, MosquittoBroker, NatsBroker, PortTaken, free_port, mosquitto
from tests.simulators.polling import poll


def has_mosquitto() -> bool:
    try:
        mosquitto()
    except BrokerUnavailable:
        return False
    return True


needs_mosquitto = pytest.mark.skipif(not has_mosquitto(), reason="mosquitto is not installed")
KINDS = [
    pytest.param(NatsBroker, id="nats"),
    pytest.param(MosquittoBroker, id="mosquitto", marks=needs_mosquitto),
]


@pytest.fixture(params=KINDS)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    made: Broker = request.param(store=tmp_path / "store")
    with made:
        yield made


class Subscriber:
    """A persistent session that acknowledges what it gets."""

    def __init__(self, port: int) -> None:
        self.subscribed = self.connected = False
        self.got: list[bytes] = []
        self._port = port
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="subscriber", clean_session=False)
        self._client.on_connect = lambda client, *_: client.subscribe("doors/#", qos=1)
        self._client.on_subscribe = lambda *_: setattr(self, "subscribed", True)
        self._client.on_message = lambda _client, _data, message: self.got.append(message.payload)

    def come(self) -> None:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        poll(lambda: self.subscribed)

    def go(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def publish(port: int, payloads: list[bytes]) -> None:
    client = Client(CallbackAPIVersion.VERSION2, client_id="publisher")
    client.connect("127.0.0.1", port)
    client.loop_start()
    for sent in [client.publish("doors/1", payload, qos=1) for payload in payloads]:
        sent.wait_for_publish(20)
        assert sent.is_published()
    client.disconnect()
    client.loop_stop()


def test_starts_accepts_and_stops(broker: Broker) -> None:
    assert broker.running
    assert mqtt_wire.answers_connect(broker.host, broker.port)
    broker.stop()
    assert not broker.running
    assert not mqtt_wire.answers_connect(broker.host, broker.port)


def test_comes_back_on_the_same_port_after_a_kill(broker: Broker) -> None:
    port, first = broker.port, broker.pid
    broker.kill()
    assert not broker.running
    broker.start()
    assert (broker.port, broker.pid != first) == (port, True)
    broker.restart()
    assert mqtt_wire.answers_connect(broker.host, port)


def test_a_taken_port_is_named_with_what_to_do(broker: Broker) -> None:
    with pytest.raises(PortTaken, match=rf"port {broker.port} is taken.*another --port"):
        type(broker)(broker.port).start()


def test_listens_on_loopback_alone(broker: Broker) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.2", broker.port))  # free there: it does not listen on every address


def test_nats_keeps_an_offline_session_over_a_kill(tmp_path: Path) -> None:
    payloads = [str(number).encode() for number in range(200)]
    with NatsBroker(store=tmp_path / "store") as broker:
        subscriber = Subscriber(broker.port)
        subscriber.come()
        subscriber.go()
        publish(broker.port, payloads)
        broker.kill()
        broker.start()
        subscriber.subscribed = False
        subscriber.come()
        poll(lambda: len(set(subscriber.got)) == len(payloads))
        subscriber.go()
    assert set(subscriber.got) == set(payloads)


def test_nats_takes_large_messages(tmp_path: Path) -> None:
    picture = bytes(5 * 1024 * 1024)
    with NatsBroker(store=tmp_path / "store", sync="always") as broker:
        subscriber = Subscriber(broker.port)
        subscriber.come()
        publish(broker.port, [picture])
        poll(lambda: subscriber.got == [picture])
        subscriber.go()


def test_a_temporary_store_goes_with_the_broker() -> None:
    with NatsBroker() as broker:
        store = broker.store
        assert store.is_dir()
    assert not store.exists()


def test_what_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing: Callable[[str], list[object]] = lambda _name: []  # noqa: E731
    monkeypatch.setattr("importlib.metadata.files", nothing)
    with pytest.raises(BrokerUnavailable, match="pip install"):
        NatsBroker(store=tmp_path).start()


def test_a_free_port_is_outside_the_range_of_outgoing_connections() -> None:
    assert all(20_000 <= free_port() < 32_000 for _ in range(20))

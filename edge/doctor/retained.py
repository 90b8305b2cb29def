"""What the broker keeps of the listed devices: asked once for all, under a name of the doctor's own, at QoS 0."""

from __future__ import annotations

import secrets
import ssl
import time
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from domain.desired_bodies import Device
from domain.events import Event
from edge.broker.users import BadDevice, broker_users
from edge.config import Config
from edge.devices.driver import Message, Registry
from edge.transports.broker_tls import secure
from edge.transports.mqtt_routes import Routes, topic_of

_LOOP_S, _QUIET_S, _LIMIT_S, _HANDSHAKE_S = 0.05, 0.5, 5.0, 3.0
_MOST_MESSAGES = 20_000
_MOST_FILTERS = 1_000


class Retained(msgspec.Struct):
    """Device -> its availability by the broker, "" for one of which other states are kept; ``why`` it is not known."""

    states: dict[str, str] = {}
    why: str = ""


NOT_ASKED = Retained(why="the broker was not asked")


def ask(config: Config, registry: Registry, devices: Sequence[Device]) -> Retained:
    """Blocks, for some seconds at most."""
    filters = _filters(config, registry, devices)
    if not filters:
        return Retained()
    try:
        return _Asking(config, registry).ask(filters)
    except (OSError, ssl.SSLError, ValueError) as error:
        return Retained(why=f"the broker does not answer: {error}")


def _filters(config: Config, registry: Registry, devices: Sequence[Device]) -> list[str]:
    """What the devices at the broker may write, and no more: not all that passes there."""
    found: dict[str, None] = {}
    for device in devices:
        try:
            users = broker_users([device.id], registry, "", config.broker.topics)
        except BadDevice:
            continue  # said by the device's own test
        found |= dict.fromkeys(topic for user in users for topic in user.writes if not topic.startswith("edge/v1/"))
    return list(found)[:_MOST_FILTERS]


class _Asking:
    """One session."""

    def __init__(self, config: Config, registry: Registry) -> None:
        self._config, self._registry = config, registry
        self._routes = Routes(registry.topics_with(config.broker.topics))
        self._found = Retained()
        self._code: Any = None
        self._granted = False
        self._messages, self._last_s = 0, 0.0
        self._client = self._make_client()

    def _make_client(self) -> paho.Client:
        name = f"{self._config.broker.client_id}-doctor-{secrets.token_hex(3)}"
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=True, protocol=paho.MQTTv311)
        secure(client, self._config.broker)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def ask(self, filters: Iterable[str]) -> Retained:
        """Raises OSError."""
        broker = self._config.broker
        self._client.connect_timeout = _HANDSHAKE_S
        self._client.connect(broker.host, broker.port, keepalive=30)
        try:
            self._loop(_HANDSHAKE_S, lambda: self._code is not None)
            if self._code != 0:
                return Retained(why=f"the broker does not let us in: {self._code or 'no answer'}")
            self._client.subscribe([(topic, 0) for topic in filters])
            self._last_s = time.monotonic()
            self._loop(_LIMIT_S, self._is_quiet)
        finally:
            self._client.disconnect()
        return self._found

    def _is_quiet(self) -> bool:
        """What is kept comes at once after the subscription."""
        over = self._messages >= _MOST_MESSAGES
        return over or (self._granted and time.monotonic() - self._last_s > _QUIET_S)

    def _loop(self, limit_s: float, done: Any) -> None:
        ends_s = time.monotonic() + limit_s
        while not done() and time.monotonic() < ends_s and self._client.loop(_LOOP_S) == paho.MQTT_ERR_SUCCESS:
            pass

    def _on_connect(self, _client: Any, _userdata: Any, _flags: Any, code: Any, _properties: Any) -> None:
        self._code = code

    def _on_subscribe(self, *_: Any) -> None:
        self._granted, self._last_s = True, time.monotonic()

    def _on_message(self, _client: Any, _userdata: Any, received: paho.MQTTMessage) -> None:
        if not received.retain:
            return  # news is the agent's
        self._messages, self._last_s = self._messages + 1, time.monotonic()
        route = self._routes.find(topic_of(received))
        if route.family is None or route.topic is None:
            return
        message = Message(route.family, bytes(received.payload), route.topic, retained=True)
        try:
            reading = self._registry.decode(message, self._config.site)
        except Exception:  # noqa: BLE001 - a message that no driver reads is the agent's to park
            return
        for event in (*reading.events, *reading.at_rest):
            self._note(event)

    def _note(self, event: Event) -> None:
        if event.kind == "availability" and event.point is None:
            self._found.states[event.device] = event.state or ""
        else:
            self._found.states.setdefault(event.device, "")

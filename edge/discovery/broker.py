"""What speaks at the broker: a short session of its own hears births that are kept there, and whoever says something.

It is not the agent's session: it acknowledges nothing and takes nothing away from it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.devices.driver import Message
from edge.discovery.discoverer import CannotLook, Discoverer, Search, Tell
from edge.discovery.heard import devices_in, told_to_home_assistant
from edge.transports.broker_tls import secure
from edge.transports.mqtt_routes import Routes, topic_of

_MOST_BYTES = 2 * 1024 * 1024  # of one message: the list of a large Zigbee network
_MOST_OF_A_TOPIC, _MOST_TOPICS, _MOST_WAITING = 20, 5_000, 500
_CONNECT_S = 5.0


async def look(search: Search, tell: Tell) -> None:
    """Raises CannotLook."""
    session = _Session(search)
    await session.open()
    try:
        async with asyncio.timeout(search.seconds):
            while True:
                session.read(await session.heard.get(), tell)
    except TimeoutError:
        pass
    finally:
        await session.close()
    if session.refusal:
        raise CannotLook(session.refusal)


class _Session:
    """One connection, on paho's own thread; ``heard`` is what of it is worth a look."""

    def __init__(self, search: Search) -> None:
        self._search, self._broker = search, search.config.broker
        self._routes = Routes(search.registry.topics_with(self._broker.topics))
        self.heard: asyncio.Queue[tuple[str, bytes, bool]] = asyncio.Queue(_MOST_WAITING)
        self.refusal = ""
        self._topics: Counter[bytes] = Counter()
        self._loop = asyncio.get_running_loop()
        name = f"{self._broker.client_id}-find-{secrets.token_hex(4)}"  # one of its own: the same would end the agent's
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=paho.MQTTv311)

    async def open(self) -> None:
        """Raises CannotLook."""
        where = f"the broker at {self._broker.host}:{self._broker.port}"
        try:
            secure(self._client, self._broker)
            self._client.connect_timeout = _CONNECT_S
            self._client.on_connect = self._on_connect
            self._client.on_message = self._on_message
            await asyncio.to_thread(
                self._client.connect, self._broker.host, self._broker.port, self._broker.keepalive_s
            )
        except (OSError, ValueError) as error:
            raise CannotLook(f"{where} is not reached: {error}; see [broker] in edge.toml") from error
        self._client.loop_start()

    async def close(self) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def _on_connect(self, client: paho.Client, _userdata: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code != 0:
            self.refusal = f"the broker refuses: {code}; see username and password_file under [broker] in edge.toml"
            return
        client.subscribe([(topic, 0) for topic in self._broker.subscriptions])

    def _on_message(self, _client: paho.Client, _userdata: Any, received: paho.MQTTMessage) -> None:
        """On paho's thread. Few of each topic are enough to know who speaks there."""
        topic = topic_of(received)
        if len(received.payload) > _MOST_BYTES or (topic not in self._topics and len(self._topics) >= _MOST_TOPICS):
            return
        self._topics[topic] += 1
        if self._topics[topic] <= _MOST_OF_A_TOPIC:
            text = topic.decode("utf-8", "replace")
            self._loop.call_soon_threadsafe(self._put, (text, bytes(received.payload), received.retain))

    def _put(self, said: tuple[str, bytes, bool]) -> None:
        if not self.heard.full():
            self.heard.put_nowait(said)

    def read(self, said: tuple[str, bytes, bool], tell: Tell) -> None:
        """What one message says of devices."""
        topic, payload, retained = said
        registry, family = self._search.registry, self._family(topic)
        if family is not None:
            now = self._search.now()
            message = Message(family, payload, topic, retained, received_at=now)
            for known in devices_in(message, registry, self._search.config.site):
                tell(known)
        elif (known := told_to_home_assistant(topic, payload, registry, self._family)) is not None:
            tell(known)

    def _family(self, topic: str) -> str | None:
        return self._routes.find(topic.encode()).family


DISCOVERER = Discoverer("mqtt", look)

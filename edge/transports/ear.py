"""A second ear at the broker while the log cannot be written: doors must be decided all the same.

A broker hands over only so many messages that are not acknowledged (Mosquitto and nats-server: about a thousand), and
while nothing can be written nothing may be. What is behind those would reach no door's decision. So for as long as that
lasts the devices of doors are also heard by a session of its own, at QoS 0, in which nothing has to be acknowledged.
What it hears is decided and not recorded: the first session brings the same again once there is room.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion

from edge.clock import Clock
from edge.config import Broker
from edge.devices.driver import Message, Publish
from edge.transports.broker_tls import secure
from edge.transports.mqtt_routes import Routes, topic_of

log = structlog.get_logger()

LOOK_S = 0.25
_MOST_WAITING = 1_000


class Ear:
    """``is_wanted`` says whether it should listen now, ``families`` to whose devices, ``hear`` takes what it hears."""

    def __init__(
        self,
        broker: Broker,
        routes: Routes,
        is_wanted: Callable[[], bool],
        families: Callable[[], frozenset[str]],
        hear: Callable[[Message], None],
        clock: Clock,
    ) -> None:
        self._broker, self._routes = broker, routes
        self._is_wanted, self._families, self._hear, self._clock = is_wanted, families, hear, clock
        self._client: paho.Client | None = None
        self._listens_to: frozenset[str] = frozenset()
        self._waiting = threading.Semaphore(_MOST_WAITING)  # between paho's thread and the loop

    async def run(self) -> None:
        """Listen whenever it is wanted, until cancelled."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                await self._settle()
                await asyncio.sleep(LOOK_S)
        finally:
            await self._close()

    def publish(self, message: Publish) -> bool:
        """Send a command now, or not at all; whether it was sent. For while the first session comes again."""
        client = self._client
        if client is None or not client.is_connected():
            return False
        return client.publish(message.topic, message.payload, qos=0).rc == paho.MQTT_ERR_SUCCESS

    async def _settle(self) -> None:
        self._listens_to = self._families() if self._is_wanted() else frozenset()
        if self._listens_to and self._client is None:
            log.warning("second_ear", listens_to=sorted(self._listens_to))
            self._client = self._make_client()
            self._client.connect_async(self._broker.host, self._broker.port, self._broker.keepalive_s)
            self._client.loop_start()
        elif not self._listens_to:
            await self._close()

    async def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            await asyncio.to_thread(client.loop_stop)

    def _make_client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=f"{self._broker.client_id}-ear", protocol=paho.MQTTv311
        )
        secure(client, self._broker)
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        return client

    def _on_connect(self, client: paho.Client, *_: Any) -> None:
        client.subscribe([(topic, 0) for topic in self._broker.subscriptions])

    def _on_message(self, _client: paho.Client, _userdata: Any, received: paho.MQTTMessage) -> None:
        """On paho's thread. What comes faster than it can be decided is not heard: it would be late anyway."""
        route = self._routes.find(topic_of(received))
        if route.family not in self._listens_to or route.topic is None or received.retain:
            return
        if self._waiting.acquire(blocking=False):
            self._loop.call_soon_threadsafe(self._tell, route.family, route.topic, bytes(received.payload))

    def _tell(self, family: str, topic: str, payload: bytes) -> None:
        self._waiting.release()
        now, state = self._clock.now(), self._clock.state
        self._hear(Message(family, payload, topic, received_at=now, gateway_clock=state))

"""A session of its own at the broker, for what we tell: the newest of each topic, bounded, and nobody waits for it."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion

from edge.config import Broker
from edge.transports.broker_tls import secure

log = structlog.get_logger()

_MOST_TOPICS = 20_000
_UNACKNOWLEDGED = 200
_LOOK_S = 1.0
_MOST_HEARD = 100
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1, 60

Told = Callable[[str, bytes], None]


class Publisher:
    """``put`` never waits; what a topic said before is overtaken. ``came`` is called with each new session, ``told``
    with what was heard on ``filters``. ``will`` is what the broker says of us when we are gone: topic and payload."""

    def __init__(
        self, broker: Broker, filters: list[str], will: tuple[str, bytes], came: Callable[[], None], told: Told
    ) -> None:
        self._broker, self._filters, self._will = broker, filters, will
        self._came, self._told = came, told
        self._waiting: OrderedDict[str, bytes] = OrderedDict()
        self._some = asyncio.Event()
        self.dropped = 0
        self._heard = threading.Semaphore(_MOST_HEARD)  # between paho's thread and the loop

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def put(self, topic: str, payload: bytes) -> None:
        """To be kept by the broker; empty: it keeps nothing there any more."""
        self._waiting[topic] = payload
        self._waiting.move_to_end(topic)
        if len(self._waiting) > _MOST_TOPICS:
            self._waiting.popitem(last=False)
            self.dropped += 1
        self._some.set()

    async def run(self) -> None:
        """Until cancelled; a broker that is away is tried again by paho, in a thread of its own."""
        self._loop = asyncio.get_running_loop()
        client = self._client = await self._made()
        client.connect_async(self._broker.host, self._broker.port, self._broker.keepalive_s)
        client.loop_start()
        try:
            while True:
                await self._some.wait()
                self._some.clear()
                if not self._flush(client):
                    await asyncio.sleep(_LOOK_S)
                    self._some.set()
        finally:
            await asyncio.to_thread(self._leave, client)

    async def _made(self) -> paho.Client:
        """Files that cannot be read yet are tried again: nothing else waits for this."""
        while True:
            try:
                return self._make()
            except (OSError, ssl.SSLError) as error:
                log.error("home_assistant_broker_refused", error=str(error))
                await asyncio.sleep(_LONGEST_PAUSE_S)

    def _make(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=self._broker.client_id, clean_session=True, protocol=paho.MQTTv311
        )
        secure(client, self._broker)
        client.reconnect_delay_set(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        client.max_queued_messages_set(_UNACKNOWLEDGED)
        client.will_set(*self._will, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _flush(self, client: paho.Client) -> bool:
        """Whether nothing waits any more, or nobody is there for it: then the next session says it all again."""
        while self._waiting and client.is_connected():
            topic, payload = self._waiting.popitem(last=False)
            if client.publish(topic, payload, qos=1, retain=True).rc != paho.MQTT_ERR_SUCCESS:
                self._waiting.setdefault(topic, payload)
                self._waiting.move_to_end(topic, last=False)
                return False
        return True

    def _leave(self, client: paho.Client) -> None:
        """In good order: a broker tells no will of who says goodbye, so we say it ourselves."""
        if client.is_connected():
            client.publish(*self._will, qos=1, retain=True).wait_for_publish(_LOOK_S)
        client.disconnect()
        client.loop_stop()

    # --- on paho's thread ---

    def _on_connect(self, client: paho.Client, _userdata: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code != 0:
            log.error("home_assistant_broker_refused", host=self._broker.host, port=self._broker.port, error=str(code))
            return
        if self._filters:
            client.subscribe([(topic, 0) for topic in self._filters])
        log.info("home_assistant_broker", host=self._broker.host, port=self._broker.port)
        self._call(self._begin)

    def _on_connect_fail(self, *_: Any) -> None:
        log.warning("home_assistant_broker_away", host=self._broker.host, port=self._broker.port)

    def _on_disconnect(self, *_: Any) -> None:
        log.warning("home_assistant_broker_away", host=self._broker.host, port=self._broker.port)

    def _on_message(self, _client: Any, _userdata: Any, received: paho.MQTTMessage) -> None:
        """What the broker had kept is of the past: neither a birth nor an order."""
        if received.retain or len(received.payload) > 1_000:
            return
        try:
            topic = received.topic
        except UnicodeDecodeError:
            return
        if self._heard.acquire(blocking=False):
            self._call(self._tell, topic, bytes(received.payload))

    def _call(self, what: Callable[..., None], *args: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(what, *args)
        except RuntimeError:
            return  # the agent stops

    # --- on the loop ---

    def _tell(self, topic: str, payload: bytes) -> None:
        self._heard.release()
        self._told(topic, payload)

    def _begin(self) -> None:
        self._came()
        self._some.set()

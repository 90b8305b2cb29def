"""MQTT by paho, driven from asyncio: persistent session, acknowledged by hand, read until dry, stopped when full."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion

from edge.clock import RELEASED_AT, Clock
from edge.config import Broker
from edge.devices.driver import Message, Publish
from edge.intake.intake import Intake
from edge.transports.broker_tls import explained, secure
from edge.transports.mqtt_routes import Routes, topic_of
from edge.transports.mqtt_stream import MqttStream, Published, StreamClient

log = structlog.get_logger()

_PACKETS_AT_ONCE = 250
_HOUSEKEEPING_S = 1.0
# A broker hands over its queue without a word of how old it is. It is over once nothing came for so long.
# A device that never pauses must not pass for a queue for ever.
_QUEUE_QUIET_S, _QUEUE_LONGEST_S = 2.0, 600.0
_HANDSHAKE_S = 30.0


class BrokerRefused(Exception):
    """The broker does not let the agent in; says why, and what to look at."""


class MqttTransport:
    """One connection to the complex's broker. ``topics`` maps MQTT filters to device families."""

    def __init__(
        self,
        broker: Broker,
        topics: Mapping[str, str],
        intake: Intake,
        clock: Clock,
        own: tuple[str, ...] = (),
    ) -> None:
        """``own``: how topics begin that this gateway publishes itself."""
        self._broker, self._intake, self._clock = broker, intake, clock
        self.listened_until: datetime | None = None  # up to when an earlier run was listening; set before ``run``
        self._connected_s: float | None = None  # monotonic, as all that is compared here: no step may move it
        self._queued_since: datetime | None = None
        self._connected_at_s = self._last_message_s = 0.0
        self._routes = Routes(topics, own)
        self._connection = 0  # counts connections: a packet id means nothing on the next one
        self._socket: MqttStream | None = None  # None also while a thread connects: paho then must not touch the loop
        self._writing = False
        self._paused = False
        self.connected = False
        self._subscribed = asyncio.Event()
        self._refusal: BrokerRefused | None = None
        self._failures = 0
        self._client = self._make_client()

    @property
    def queued_since(self) -> datetime | None:
        """Set while the broker hands over what it kept in our absence."""
        return self._queued_since

    @property
    def last_connected(self) -> datetime | None:
        """Up to when this or an earlier run was listening."""
        return self.listened_until if self._connected_s is None else self._clock.at(self._connected_s)

    def _waiting_since(self) -> datetime | None:
        """Since when the broker may have kept what it hands over now; long ago where two clocks disagree."""
        since = self.last_connected
        return since if since is None or since <= self._clock.now() else RELEASED_AT

    def _make_client(self) -> paho.Client:
        client = StreamClient(
            CallbackAPIVersion.VERSION2,
            client_id=self._broker.client_id,
            clean_session=False,
            protocol=paho.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,  # else paho connects again by itself, blocking the loop
        )
        client.max_queued_messages_set(1)  # none is kept: see publish
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_want_write
        secure(client, self._broker)
        return client

    async def run(self, retry_s: Callable[[int], float]) -> None:
        """Stay connected until cancelled; a broker that is away is tried again after a growing pause."""
        self._loop = asyncio.get_running_loop()
        while True:
            try:
                await self._connect()
                await self._keep()
            except BrokerRefused as error:
                log.error("broker_refused", host=self._broker.host, port=self._broker.port, error=str(error))
            except ssl.SSLError as error:
                said = explained(error, self._broker)
                log.error("broker_refused", host=self._broker.host, port=self._broker.port, error=said)
            except OSError as error:
                log.warning("broker_away", host=self._broker.host, port=self._broker.port, error=str(error))
            finally:
                self._hang_up()
            self._failures += 1
            await asyncio.sleep(retry_s(self._failures))

    async def ready(self, timeout_s: float) -> bool:
        """Whether the subscriptions stand, waiting for them at most ``timeout_s``."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._subscribed.wait()
        except TimeoutError:
            return False
        return True

    def publish(self, message: Publish) -> bool:
        """Send a command to a device now, or not at all; whether it was sent.

        QoS 0 on purpose, whatever the driver says: above it paho and the broker keep what could not be delivered and
        bring it later, and a door must not open when nobody stands there any more, nor twice.
        """
        if not self.connected:
            return False
        return self._client.publish(message.topic, message.payload, qos=0).rc == paho.MQTT_ERR_SUCCESS

    async def _connect(self) -> None:
        # paho connects in a blocking way; only the TCP and TLS handshake, in a thread, never on the loop.
        broker, self._refusal = self._broker, None
        await asyncio.to_thread(self._client.connect, broker.host, broker.port, broker.keepalive_s)
        sock = self._client.socket()
        if not isinstance(sock, MqttStream):
            raise OSError("the connection closed at once")
        self._socket, self._paused = sock, False
        self._connection += 1
        self._loop.add_reader(sock, self._readable)
        self._writable()

    async def _keep(self) -> None:
        """Until the connection ends. Raises BrokerRefused or OSError."""
        deadline_s = self._loop.time() + _HANDSHAKE_S
        while (result := self._client.loop_misc()) == paho.MQTT_ERR_SUCCESS and self._refusal is None:
            self._note_connection()
            if not self.connected and self._loop.time() > deadline_s:
                raise OSError(f"the broker did not grant the subscriptions within {_HANDSHAKE_S:.0f} s")
            await asyncio.sleep(_HOUSEKEEPING_S if self.connected else 0.05)
        raise self._refusal or OSError(paho.error_string(result))

    def _note_connection(self) -> None:
        if not self.connected:
            return
        now_s = self._connected_s = self._clock.monotonic_s()
        if now_s - self._last_message_s > _QUEUE_QUIET_S or now_s - self._connected_at_s > _QUEUE_LONGEST_S:
            self._queued_since = None

    def _hang_up(self) -> None:
        self._drop()
        self._client.disconnect()  # else the broker goes on sending to a socket that nobody reads
        self._client.loop_write()  # says so and closes; the loop's own writer is gone

    def reconnect(self) -> None:
        """Hang up and come again: a persistent session then brings all that was not acknowledged."""
        if self.connected:
            self._client.disconnect()

    def _drop(self) -> None:
        self.connected = False
        self._subscribed.clear()
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket, self._writing = None, False

    def _readable(self) -> None:
        """Read until dry, or until others must have their turn."""
        if self._paused:
            return  # called later, and not wanted any more
        for _ in range(_PACKETS_AT_ONCE):
            if self._socket is None or not self._socket.packet_waits():
                return
            self._read_packet(self._socket)
            if self._intake.full:
                self._pause()
                return
        self._loop.call_soon(self._readable)  # what is read already wakes no selector

    def _read_packet(self, sock: MqttStream) -> None:
        published = sock.take_publish()
        if published is None:
            self._client.loop_read()
        else:
            self._receive(published)

    def _pause(self) -> None:
        if self._socket is not None and not self._paused:
            self._paused = True
            self._loop.remove_reader(self._socket)

    def resume(self) -> None:
        """Read again, after the intake has room."""
        if self._paused and self._socket is not None:
            self._paused = False
            self._loop.add_reader(self._socket, self._readable)
            self._loop.call_soon(self._readable)  # what is read already wakes no selector

    def _on_want_write(self, _client: Any, _userdata: Any, _sock: Any) -> None:
        self._want_write()

    def _want_write(self) -> None:
        if self._socket is not None and not self._writing:
            self._writing = True
            self._loop.add_writer(self._socket, self._writable)

    def _writable(self) -> None:
        """Everything that waits goes out in one piece: an acknowledgement alone is not worth a system call."""
        self._client.loop_write()
        if self._socket is None:
            return
        if self._socket.flush() and not self._client.want_write():
            self._writing = False
            self._loop.remove_writer(self._socket)
        else:
            self._want_write()

    def _on_socket_close(self, _client: Any, _userdata: Any, sock: Any) -> None:
        """Before paho closes it: a closed socket can no longer be taken from the loop."""
        if sock is self._socket:  # never so while a thread connects, or after the loop has gone
            self._drop()

    def _on_connect(self, client: paho.Client, _userdata: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code != 0:
            self._refusal = BrokerRefused(f"{code}: check broker.username, broker.password_file and broker.client_id")
            return
        self._queued_since = self._waiting_since()
        self._connected_at_s = self._last_message_s = self._clock.monotonic_s()
        client.subscribe([(topic, 1) for topic in self._broker.subscriptions])

    def _on_subscribe(self, _client: Any, _userdata: Any, _mid: int, codes: list[Any], _properties: Any) -> None:
        refused = [topic for topic, code in zip(self._broker.subscriptions, codes, strict=False) if code.is_failure]
        if refused or len(codes) != len(self._broker.subscriptions):
            who = self._broker.username or "a client without a name"
            what = ", ".join(refused or self._broker.subscriptions)
            self._refusal = BrokerRefused(f"no subscription to {what}: check that the broker lets {who} read it (ACL)")
            return
        self.connected, self._failures = True, 0
        self._subscribed.set()
        log.info("broker_connected", host=self._broker.host, port=self._broker.port)

    def _on_message(self, _client: paho.Client, _userdata: Any, received: paho.MQTTMessage) -> None:
        """What paho takes in itself: QoS 2."""
        self._receive(
            Published(topic_of(received), bytes(received.payload), received.mid, received.qos, received.retain)
        )

    def _receive(self, published: Published) -> None:
        connection = self._connection
        route = self._routes.find(published.topic)
        if route.family is None or route.topic is None:
            self._intake.counts["bad_topic" if route.topic is None else "not_ours"] += 1
            self._acknowledge(published.mid, published.qos, connection)
            return
        message = Message(
            route.family,
            published.payload,
            route.topic,
            published.retain,
            received_at=self._clock.now(),
            queued_since=self._queued_since,
            gateway_clock=self._clock.state,
        )
        self._last_message_s = self._clock.monotonic_s()
        mid, qos = published.mid, published.qos
        self._intake.offer(message, lambda: self._acknowledge(mid, qos, connection))

    def _acknowledge(self, mid: int, qos: int, connection: int) -> None:
        """Only on the connection the message came by: elsewhere its packet id may be another message's."""
        if connection != self._connection or self._socket is None:
            return
        try:
            if qos == 1:
                self._socket.acknowledge(mid)
            else:
                self._client.ack(mid, qos)
        except OSError:  # full or broken: paho keeps it, or notices the end
            self._client.ack(mid, qos)
        self._want_write()

"""One connection to a broker of somebody else's: what is published on it is known by its acknowledgement, or is not."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

_KEEPALIVE_S = 30
_CONNECT_S = 10.0
_CLOSE_S = 2.0


class LineClosed(Exception):
    """The broker is away, or does not let us in; says why."""


class MqttLine:
    """Opened once, and of no more use when it is closed: what paho would send again by itself could overtake what is
    newer, so each connection has a client of its own."""

    def __init__(
        self, client_id: str, username: str, password: str, trust: ssl.SSLContext | None, timeout_s: float = _CONNECT_S
    ) -> None:
        self._loop, self._timeout_s = asyncio.get_running_loop(), timeout_s
        self.closed: asyncio.Future[str] = self._loop.create_future()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._unanswered: dict[int, asyncio.Future[None]] = {}
        client = self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=True, protocol=paho.MQTTv311
        )
        if username:
            client.username_pw_set(username, password)
        if trust is not None:
            client.tls_set_context(trust)  # pyright: ignore[reportUnknownMemberType]
        client.on_connect, client.on_disconnect, client.on_publish = (
            self._connected,
            self._disconnected,
            self._published,
        )

    async def open(self, host: str, port: int) -> None:
        """Raises LineClosed."""
        try:
            await asyncio.to_thread(self._client.connect, host, port, _KEEPALIVE_S)
            self._client.loop_start()
            async with asyncio.timeout(self._timeout_s):
                await asyncio.wait({self._opened, self.closed}, return_when=asyncio.FIRST_COMPLETED)
        except (OSError, ValueError) as error:  # TimeoutError is one
            raise LineClosed(str(error) or type(error).__name__) from error
        if not self._opened.done():
            raise LineClosed(self.closed.result() if self.closed.done() else "no answer to CONNECT")

    def publish(self, topic: str, body: bytes) -> asyncio.Future[None]:
        """Done once the broker has it; fails with LineClosed."""
        waits: asyncio.Future[None] = self._loop.create_future()
        if self.closed.done():
            waits.set_exception(LineClosed(self.closed.result()))
            return waits
        sent = self._client.publish(topic, body, qos=1)
        if sent.rc != paho.MQTT_ERR_SUCCESS:
            waits.set_exception(LineClosed(paho.error_string(sent.rc)))
        else:
            self._unanswered[sent.mid] = waits
        return waits

    async def close(self) -> None:
        """In good order, as far as the broker hears it."""
        self._end("closed by us")
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def _end(self, why: str) -> None:
        if not self.closed.done():
            self.closed.set_result(why)
        waiting, self._unanswered = self._unanswered, {}
        for one in waiting.values():
            if not one.done():
                one.set_exception(LineClosed(why))

    def _answer(self, mid: int) -> None:
        waits = self._unanswered.pop(mid, None)
        if waits is not None and not waits.done():
            waits.set_result(None)

    def _begin(self) -> None:
        if not self._opened.done():
            self._opened.set_result(None)

    # --- on paho's thread ---

    def _connected(self, _client: paho.Client, _userdata: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code == 0:
            self._call(self._begin)
        else:
            self._call(self._end, f"the broker refuses us: {code}")

    def _disconnected(self, client: paho.Client, _userdata: Any, _flags: Any, code: Any, _properties: Any) -> None:
        client.disconnect()  # this one does not come back
        self._call(self._end, f"the connection ended: {code}")

    def _published(self, _client: paho.Client, _userdata: Any, mid: int, _code: Any, _properties: Any) -> None:
        self._call(self._answer, mid)

    def _call(self, what: Any, *args: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(what, *args)
        except RuntimeError:
            return  # the server stops

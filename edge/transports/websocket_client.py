"""One charge point on its line: who it is, one frame at a time, durable before it is answered."""

from __future__ import annotations

import asyncio
import binascii
import hmac
from typing import Literal

import structlog
from aiohttp import web
from msgspec.structs import replace

from edge.device_secrets import DeviceSecret, DeviceSecrets
from edge.devices.driver import BadMessage, Message
from edge.intake.device_list import DeviceList
from edge.transports.links import Around

log = structlog.get_logger()

_KIND = "ocpp"
_MAX_IDENTITY = 100
_DURABLE_S = 30.0
_ROOM_S = 0.01
_WAITING_OUT = 32
_NO_HEADERS: dict[str, str] = {}


class Refused(Exception):
    """A call that is not taken; says why, to whoever set the charge point up."""

    def __init__(self, status: int, why: str, headers: dict[str, str] = _NO_HEADERS) -> None:
        super().__init__(why)
        self.status, self.headers = status, headers


class NotListed(Refused):
    """It is a charge point, and nobody listed it."""

    def __init__(self, device: str) -> None:
        super().__init__(404, f"{device} is not in the device list")
        self.device = device


class WhoCalls:
    """Tells who calls, and refuses who may not."""

    def __init__(self, devices: DeviceList, secrets: DeviceSecrets) -> None:
        self._devices, self._secrets = devices, secrets

    def device(self, request: web.Request, protocol: str) -> str:
        """The device. Raises Refused."""
        identity = request.match_info["path"].rstrip("/").rpartition("/")[2]
        if not identity or len(identity) > _MAX_IDENTITY or not identity.isprintable():
            raise Refused(404, "the identity of the charge point is the last segment of the path")
        device = f"{_KIND}:{identity}"
        if not self._devices.admits(device):
            raise NotListed(device)
        self._check_password(request, device, identity)
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        if protocol not in {name.strip() for name in offered.split(",")}:
            raise Refused(400, f"the subprotocol is {protocol}, not {offered!r:.100}")
        return device

    def _check_password(self, request: web.Request, device: str, identity: str) -> None:
        """Where a secret was entered for the device, its user (or the identity) and password are asked for."""
        try:
            expected = self._secrets.of(device)
        except (OSError, ValueError) as error:
            raise Refused(500, f"the secret of {device} cannot be read: {error}") from error
        if expected is not None and not _matches(request, expected, identity):
            raise Refused(401, f"{device}: wrong user or password", {"WWW-Authenticate": 'Basic realm="gatehouse"'})


def _matches(request: web.Request, expected: DeviceSecret, identity: str) -> bool:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        given = binascii.a2b_base64(encoded) if scheme.lower() == "basic" else b""
    except ValueError:  # binascii.Error is one
        return False
    return hmac.compare_digest(given, f"{expected.user or identity}:{expected.secret}".encode())


def _settle(durable: asyncio.Future[None]) -> None:
    if not durable.done():
        durable.set_result(None)


class Client:
    """The line of one charge point."""

    def __init__(self, device: str, path: str, family: str, socket: web.WebSocketResponse, around: Around) -> None:
        self.device, self._path, self._family = device, path, family
        self._socket, self._around = socket, around
        self._sending: set[asyncio.Task[None]] = set()

    async def take(self, text: str) -> bool:
        """One frame: into the log, then its answer. False: the line is to be closed, nothing was acknowledged."""
        if text.lstrip()[:1] != "[":
            log.warning("charge_point_nonsense", device=self.device, begins=text[:40])
            return False
        while self._around.intake.full:  # noqa: ASYNC110 - nobody is told when there is room again
            await asyncio.sleep(_ROOM_S)
        message = self._decided(self._message(text.encode()))
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._around.intake.offer(message, lambda: _settle(durable))
        try:
            await asyncio.wait_for(durable, _DURABLE_S)
        except TimeoutError:
            log.warning("charge_point_not_answered", device=self.device, reason="what it said is not durable")
            return False
        await self._answer(message)
        return True

    def _decided(self, message: Message) -> Message:
        """With what is decided about the card it asks about: the record and the answer say the same."""
        card = self._around.registry.asks(message)
        return replace(message, decision=self._around.right(self.device, card)) if card else message

    async def _answer(self, message: Message) -> None:
        try:
            answer = self._around.registry.answer(message, self._around.config.site)
        except BadMessage:
            return  # what is no frame has no id to be answered by; it is parked
        if answer is not None:
            await self._write(answer.payload)

    def send(self, payload: bytes) -> bool:
        """Now or not at all: False where too much waits to be written."""
        if self._socket.closed or len(self._sending) >= _WAITING_OUT:
            return False
        task = asyncio.create_task(self._write(payload))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return True

    async def _write(self, payload: bytes) -> None:
        try:
            await self._socket.send_str(payload.decode())
        except (ConnectionError, RuntimeError) as error:
            log.info("charge_point_gone", device=self.device, error=str(error))

    def say_link(self, state: Literal["up", "down"]) -> None:
        """The connection itself is news: it takes the way of every message."""
        self._around.intake.offer(self._message(b'{"link":"%s"}' % state.encode()), lambda: None)

    def _message(self, payload: bytes) -> Message:
        clock = self._around.clock
        return Message(
            self._family,
            payload,
            self._path,
            received_at=clock.now(),
            gateway_clock=clock.state,
            sender=self.device.partition(":")[2],
        )

    async def close(self) -> None:
        """Once or more."""
        for task in list(self._sending):
            task.cancel()
        await self._socket.close()

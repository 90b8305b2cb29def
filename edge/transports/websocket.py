"""Charge points call here over WebSocket: the last segment of the path says who it is."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress

import structlog
from aiohttp import WSMsgType, web

from edge.device_secrets import DeviceSecrets
from edge.devices.driver import Outgoing, Packet
from edge.transports.links import Around
from edge.transports.websocket_client import Client, NotListed, Refused, WhoCalls

log = structlog.get_logger()

TAKES_CALLS = True  # its devices come to us
FAMILY, PROTOCOL = "ocpp16", "ocpp1.6"
_FRAME_BYTES = 64 * 1024
_PING_S = 30.0
_LOOK_S = 1.0
_STILL_AWAY_S = 10.0  # a line that comes back sooner was never away
_CLOSE_S = 2.0


def make(around: Around) -> WebSocketTransport:
    return WebSocketTransport(around)


class WebSocketTransport:
    """Listens for charge points of the device list."""

    def __init__(self, around: Around) -> None:
        self._around, self._settings = around, around.config.websocket
        self._who_calls = WhoCalls(around.devices, DeviceSecrets(around.config.folder))
        self._clients: dict[str, Client] = {}
        self._leaving: dict[str, asyncio.TimerHandle] = {}
        self.port = 0  # where it listens

    async def run(self) -> None:
        """Serve until cancelled. Raises OSError where the port cannot be had."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_CLOSE_S)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self._settings.host, self._settings.port, ssl_context=self._tls())
            await site.start()
            self.port = runner.addresses[0][1]
            while True:
                await asyncio.sleep(_LOOK_S)
                await self._send_away()
        finally:
            for timer in self._leaving.values():
                timer.cancel()
            for client in list(self._clients.values()):
                await client.close()
            await runner.cleanup()

    def send(self, device: str, message: Outgoing) -> bool:
        """Whether the charge point is there and had room."""
        client = self._clients.get(device)
        return client is not None and isinstance(message, Packet) and client.send(message.payload)

    def _tls(self) -> ssl.SSLContext | None:
        if not self._settings.certificate_file:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._settings.certificate_file, self._settings.key_file)
        return context

    async def _send_away(self) -> None:
        """Whoever was taken off the list."""
        for device, client in list(self._clients.items()):
            if not self._around.devices.admits(device):
                await client.close()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        try:
            device = self._who_calls.device(request, PROTOCOL)
        except Refused as error:
            if isinstance(error, NotListed):
                self._around.called(error.device, request.remote or "")
            log.warning("charge_point_refused", path=request.path[:200], peer=request.remote, reason=str(error))
            return web.Response(status=error.status, text=str(error), headers=error.headers)
        if len(self._clients) >= self._settings.connections and device not in self._clients:
            return web.Response(status=503, text="too many charge points at one time", headers={"Retry-After": "30"})
        socket = web.WebSocketResponse(protocols=(PROTOCOL,), max_msg_size=_FRAME_BYTES, heartbeat=_PING_S)
        await socket.prepare(request)
        await self._talk(Client(device, request.path, FAMILY, socket, self._around), socket)
        return socket

    async def _talk(self, client: Client, socket: web.WebSocketResponse) -> None:
        """Until the line ends. A charge point that calls again ends its older line: that one is dead, it knows."""
        await self._enter(client)
        log.info("charge_point_here", device=client.device)
        try:
            async for frame in socket:
                if frame.type is not WSMsgType.TEXT or not await client.take(frame.data):
                    break
        finally:
            await client.close()
            self._leave(client)

    async def _enter(self, client: Client) -> None:
        older = self._clients.get(client.device)
        self._clients[client.device] = client
        if timer := self._leaving.pop(client.device, None):
            timer.cancel()
        if older is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(older.close(), _CLOSE_S)
        client.say_link("up")

    def _leave(self, client: Client) -> None:
        if self._clients.get(client.device) is not client:
            return
        del self._clients[client.device]
        log.info("charge_point_away", device=client.device)
        loop = asyncio.get_running_loop()
        self._leaving[client.device] = loop.call_later(_STILL_AWAY_S, self._say_away, client)

    def _say_away(self, client: Client) -> None:
        del self._leaving[client.device]
        if self._around.devices.admits(client.device):
            client.say_link("down")

"""Devices that are asked over HTTP, at their addresses in the device list: listened to, and told what to do."""

from __future__ import annotations

import asyncio

import aiohttp
import structlog

from edge.device_secrets import DeviceSecrets
from edge.devices.driver import (
    ANSWER_STATUS,
    ANSWER_TO,
    NO_ANSWER,
    NOT_REACHED,
    Message,
    Outgoing,
    Poll,
    Request,
    Stream,
)
from edge.transports.http_client import Address, BadAddress, DeviceClient, Unauthorised, address_in, read_up_to
from edge.transports.http_line import Line
from edge.transports.links import Around

log = structlog.get_logger()

NAME = "http_pull"
_LOOK_S = 1.0
_ANSWER_S = 5.0  # a command that takes longer is nobody's any more
_ANSWER_BYTES = 64 * 1024
_MOST_COMMANDS = 32
_NOT_PULLED = "push"  # behind # in an address: commands go there, events come by themselves


class HttpPull:
    """A line for each device that can be listened to; a command is one request, made once."""

    def __init__(self, around: Around) -> None:
        self._around, self._secrets = around, DeviceSecrets(around.config.folder)
        self._session: aiohttp.ClientSession | None = None
        self._clients: dict[str, DeviceClient] = {}
        self._lines: dict[str, asyncio.Task[None]] = {}
        self._commands: set[asyncio.Task[None]] = set()
        self._bad: dict[str, str] = {}  # devices whose address was complained of

    async def run(self) -> None:
        """Until cancelled."""
        connector = aiohttp.TCPConnector(limit=0, force_close=True)  # a kept connection may carry a command twice
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as self._session:
            try:
                while True:
                    self._settle(self._session)
                    await asyncio.sleep(_LOOK_S)
            finally:
                await self._stop()

    async def _stop(self) -> None:
        tasks = [*self._lines.values(), *self._commands]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._clients.clear()

    def _settle(self, session: aiohttp.ClientSession) -> None:
        """A client for each device that has an address now, and none for others."""
        wanted = self._wanted()
        for device, client in list(self._clients.items()):
            if wanted.get(device) != client.address:
                del self._clients[device]
                if line := self._lines.pop(device, None):
                    line.cancel()
        for device in wanted.keys() - self._clients.keys():
            client = self._clients[device] = DeviceClient(session, device, wanted[device], self._secrets)
            if way := self._way(device, client.address):
                line = Line(self._around, client, way)
                self._lines[device] = asyncio.create_task(line.run(), name=f"line to {device}")

    def _wanted(self) -> dict[str, Address]:
        kinds = {driver.kind for driver in self._around.registry.by_family.values() if NAME in driver.transports}
        listed = [entry for kind in kinds for entry in self._around.devices.with_address(kind).items()]
        found = ((device, self._address(device, written)) for device, written in listed)
        return {device: address for device, address in found if address is not None}

    def _address(self, device: str, written: str) -> Address | None:
        try:
            return address_in(written)
        except BadAddress as error:
            if self._bad.get(device) != written:
                self._bad[device] = written
                log.error("bad_device_address", device=device, error=str(error))
            return None

    def _way(self, device: str, address: Address) -> Stream | Poll | None:
        """How the driver says that it is listened to; None for devices that are only told."""
        ways = {way.name: way for family in self._families(device) for way in self._ways(family)}
        if address.way not in ways and address.way != _NOT_PULLED and ways:
            named = ", ".join(f"#{name}" for name in [*ways, _NOT_PULLED] if name)
            said = f"#{address.way} is no way to listen; there are {named}"
            log.error("bad_device_address", device=device, error=said)
        return ways.get(address.way)

    def _families(self, device: str) -> list[str]:
        kind = device.partition(":")[0]
        drivers = self._around.registry.by_family.items()
        return [family for family, driver in drivers if driver.kind == kind and NAME in driver.transports]

    def _ways(self, family: str) -> tuple[Stream | Poll, ...]:
        return self._around.registry.by_family[family].pulls

    def send(self, device: str, message: Outgoing) -> bool:
        """Whether the request is on its way; its answer comes to the intake."""
        client = self._clients.get(device)
        if not isinstance(message, Request) or client is None or len(self._commands) >= _MOST_COMMANDS:
            return False
        task = asyncio.create_task(self._carry_out(client, message))
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)
        return True

    async def _carry_out(self, client: DeviceClient, request: Request) -> None:
        status, body = await self._answer(client, request)
        message = Message(
            self._families(client.device)[0],
            body,
            request.path,
            headers={ANSWER_STATUS: status, ANSWER_TO: request.request_id},
            received_at=self._around.clock.now(),
            gateway_clock=self._around.clock.state,
            sender=client.device.partition(":")[2],
        )
        self._around.intake.offer(message, lambda: None)

    async def _answer(self, client: DeviceClient, request: Request) -> tuple[str, bytes]:
        """The status and the body, or why there is none."""
        try:
            async with client.tell(request, _ANSWER_S) as response:
                return str(response.status), await read_up_to(response, _ANSWER_BYTES)
        except Unauthorised as error:
            return "401", str(error).encode()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, ValueError) as error:
            return NOT_REACHED, f"{error}".encode()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return NO_ANSWER, (f"{error}" or type(error).__name__).encode()


def make(around: Around) -> HttpPull:
    """The asking side of this agent."""
    return HttpPull(around)

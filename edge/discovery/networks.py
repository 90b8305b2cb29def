"""The networks this box stands in, and sockets that ask everybody there: a port of their own, beside whoever runs."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from typing import cast

import msgspec

from edge.discovery.discoverer import CannotLook, Search

_ADDRESS, _BROADCAST = 0x8915, 0x8919  # SIOCGIFADDR, SIOCGIFBRDADDR of Linux
_MOST_NETWORKS, _MOST_ANSWERS = 32, 4_000  # of one socket in one search
_RECEIVE_BYTES = 1024 * 1024  # many answer at once
_TTL = 1

Heard = Callable[[bytes, tuple[str, int]], None]


class Network(msgspec.Struct, frozen=True):
    """One address of this box; ``broadcast`` is "" where the network has none."""

    address: str
    broadcast: str = ""


def networks(interface: str = "") -> list[Network]:
    """Those of this box but its own loopback, or the one that is named by its address. Raises CannotLook."""
    found = [network for _, name in socket.if_nameindex() if (network := _network(name)) is not None]
    if interface:
        if interface != str(_checked(interface)):
            raise CannotLook(f"{interface} is not how an IPv4 address is written")
        return [network for network in found if network.address == interface] or [Network(interface)]
    outside = [network for network in found if not IPv4Address(network.address).is_loopback]
    return outside[:_MOST_NETWORKS] or [Network("0.0.0.0")]  # noqa: S104 - as the system routes it


def _checked(interface: str) -> IPv4Address:
    try:
        return IPv4Address(interface)
    except ValueError as error:
        raise CannotLook(f"{interface!r} is no IPv4 address of this box: see `ip addr`") from error


def _network(name: str) -> Network | None:
    address = _asked(name, _ADDRESS)
    return Network(address, _asked(name, _BROADCAST)) if address else None


def _asked(name: str, what: int) -> str:
    request = struct.pack("256s", name.encode()[:15])
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            answer = fcntl.ioctl(probe.fileno(), what, request)
    except OSError:  # an interface without an address of this kind
        return ""
    address = socket.inet_ntoa(answer[20:24])
    return "" if address == "0.0.0.0" else address  # noqa: S104


class Asking(asyncio.DatagramProtocol):
    """Asks, and hands over what comes, up to a bound."""

    def __init__(self, heard: Heard) -> None:
        self._heard, self._left = heard, _MOST_ANSWERS
        self._transport: asyncio.DatagramTransport | None = None
        self.error: OSError | None = None  # why something could not be sent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # no subclass of it in Python 3.11

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._left > 0:
            self._left -= 1
            self._heard(data, (addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        self.error = exc if isinstance(exc, OSError) else None

    async def ask_twice(self, packets: Sequence[bytes], targets: Sequence[tuple[str, int]], seconds: float) -> None:
        """Send, and once more at a third of the time, for packets are lost; then wait for who is slow."""
        for share in (1 / 3, 2 / 3):
            for target in targets:
                for packet in packets:
                    self._send(packet, target)
            await asyncio.sleep(seconds * share)

    def _send(self, packet: bytes, target: tuple[str, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(packet, target)

    @property
    def heard_nothing(self) -> bool:
        return self._left == _MOST_ANSWERS


@asynccontextmanager
async def asking(address: str, heard: Heard) -> AsyncGenerator[Asking]:
    """A socket at an address of this box, at any free port. Raises CannotLook."""
    try:
        opened = _socket(address)
    except OSError as error:
        why = error.strerror or str(error)
        raise CannotLook(f"cannot ask from {address}: {why}; is it an address of this box? (ip addr)") from error
    asked = Asking(heard)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: asked, sock=opened)
    try:
        yield asked
    finally:
        transport.close()


async def ask_everywhere(
    search: Search, packets: Sequence[bytes], targets_of: Callable[[Network], Sequence[tuple[str, int]]], heard: Heard
) -> None:
    """Ask in each network of the box at once. Raises CannotLook where nothing could be sent in any of them."""

    async def ask_in(network: Network) -> str | None:
        targets = targets_of(network)
        try:
            async with asking(network.address, heard) as asked:
                await asked.ask_twice(packets, targets, search.seconds)
        except CannotLook as error:
            return str(error)
        if asked.error is None or not asked.heard_nothing:
            return None
        where = ", ".join(f"{host}:{port}" for host, port in targets)
        return f"cannot send to {where} from {network.address}: {asked.error.strerror or asked.error}"

    there = networks(search.interface)
    failed = [error for error in await asyncio.gather(*map(ask_in, there)) if error is not None]
    if len(failed) == len(there):
        raise CannotLook(failed[0])


def _socket(address: str) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, _TTL)
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
        opened.bind((address, 0))
    except OSError:
        opened.close()
        raise
    return opened

"""Asking UHPPOTE controllers: one thing at a time of each, since their answers carry nothing but what was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from edge.devices import _uhppote_packet as packets
from edge.devices.driver import BadMessage

TRIES = 3
Fits = Callable[[bytes], bool]


def _any(answer: bytes) -> bool:
    return True


class Asking(asyncio.DatagramProtocol):
    """The socket that requests leave by and answers come to. Events come to another, or a pushed event would be taken
    for the answer to get-status, which looks the same."""

    def __init__(self, answer_s: float) -> None:
        self._answer_s = answer_s
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[tuple[int, int], tuple[asyncio.Future[bytes], Fits]] = {}
        self.unasked = 0  # answers that nobody waited for: late ones, and other people's

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # no subclass of it in Python 3.11

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            function, serial = packets.opened(data)
        except BadMessage:
            self.unasked += 1
            return
        future, fits = self._waiting.get((serial, function), (None, _any))
        if future is None or future.done() or not fits(data):
            self.unasked += 1
            return
        future.set_result(data)

    async def ask(
        self, address: tuple[str, int], request: bytes, fits: Fits = _any, tries: int = TRIES
    ) -> bytes | None:
        """The answer; None where none came. The caller asks one thing at a time of a controller."""
        key = packets.number_at(request, 4), request[1]
        for attempt in range(tries):
            future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            self._waiting[key] = future, fits
            try:
                self._send(request, address)
                async with asyncio.timeout(self._answer_s):
                    answer = await future
            except (TimeoutError, OSError):
                continue
            finally:
                del self._waiting[key]
            if attempt:  # the answer to an earlier try may still come, and would be taken for that to the next request
                await asyncio.sleep(self._answer_s / 2)
            return answer
        return None

    def _send(self, request: bytes, address: tuple[str, int]) -> None:
        if self._transport is None or self._transport.is_closing():
            raise OSError("the socket is closed")
        self._transport.sendto(request, address)

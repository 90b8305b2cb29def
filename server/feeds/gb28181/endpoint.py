"""One line to a platform with its transactions: requests of ours and their answers, requests of theirs and ours."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence

import structlog

from domain.gb28181.xml import Element, fitted
from domain.gb28181.xml import written as xml_written
from server.feeds.gb28181 import sip
from server.feeds.gb28181.lines import Line, open_tcp, open_udp
from server.feeds.gb28181.settings import Settings
from server.feeds.gb28181.sip import BadSip, Request, Response, written
from server.feeds.gb28181.transactions import OurRequests, TheirRequests

log = structlog.get_logger()

MANSCDP = "Application/MANSCDP+xml"
MOST_DATAGRAM_BYTES = 1_300  # beyond it RFC 3261 (18.1.1) wants TCP, and a way with a tunnel in it cuts
_LENGTH_GROWS = 4  # digits of Content-Length, once there is a body

Answerer = Callable[[Request], Response]


class Endpoint:
    """Opened for one node of a platform; closed, it is of no more use."""

    def __init__(
        self,
        settings: Settings,
        answer: Answerer,
        broken: Callable[[Exception], None],
        odd: Callable[[bytes], None],
    ) -> None:
        self.settings, self._answer, self._told_broken, self._odd = settings, answer, broken, odd
        self._line: Line | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ours: OurRequests | None = None
        self._theirs = TheirRequests(asyncio.get_running_loop().time, settings.timers.give_up_s)

    async def open(self, far: tuple[str, int]) -> None:
        """Raises OSError."""
        one, local = self.settings, (self.settings.local_host, self.settings.local_port)
        if one.transport == "udp":
            line: Line = await open_udp(far, local, self._take, self._broken)
        else:
            line, self._reading = await open_tcp(far, local, self._take, self._broken)
        self._line = line
        self._ours = OurRequests(one.timers, line.send, is_reliable=line.is_reliable)

    def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        if self._line is not None:
            self._line.close()
        self._broken(ConnectionError("closed by us"), tell=False)

    async def ask(
        self, method: str, uri: str, headers: Sequence[tuple[str, str]], body: Element | None = None
    ) -> Response:
        """The final answer. Raises NoAnswer; OSError where the line is gone."""
        if self._line is None or self._ours is None:
            raise ConnectionError("the line is not open")
        host, port = _shown(self._line.local)
        via = f"SIP/2.0/{self._line.name} {host}:{port};rport;branch=z9hG4bK{secrets.token_hex(12)}"
        fixed = [("Via", via), ("Max-Forwards", "70"), ("User-Agent", "Gatehouse"), ("X-GB-Ver", self.settings.version)]
        typed = [("Content-Type", MANSCDP)] if body else []
        request = Request([*fixed, *headers, *typed], method=method, uri=uri)
        if body is not None:
            request.body = self._written(body, MOST_DATAGRAM_BYTES - len(written(request)) - _LENGTH_GROWS)
        return await self._ours.ask(request)

    def _written(self, body: Element, room: int) -> bytes:
        encoding = self.settings.written_in
        is_datagram = self.settings.transport == "udp"
        return fitted(body, encoding, room) if is_datagram else xml_written(body, encoding)

    @property
    def contact(self) -> str:
        """Where we are reached, as our own requests and answers say it."""
        host, port = _shown(self._line.local) if self._line else ("invalid", 5060)
        over = ";transport=tcp" if self.settings.transport == "tcp" else ""
        return f"<sip:{self.settings.ours}@{host}:{port}{over}>"

    def _take(self, packet: bytes, reply: Callable[[bytes], None]) -> None:
        if not packet.strip(b"\r\n\0"):
            return  # what keeps a way through a translator open
        try:
            message = sip.read(packet)
            if isinstance(message, Request):
                self._take_request(message, reply)
            elif self._ours is not None:
                self._ours.take(message)
        except BadSip as error:
            self._odd(packet)
            log.warning("gb28181_not_understood", error=str(error), bytes=len(packet), begins=packet[:80].hex())
        except OSError as error:
            log.info("gb28181_answer_unsent", error=repr(error))  # they ask again

    def _take_request(self, request: Request, reply: Callable[[bytes], None]) -> None:
        if request.method == "ACK":
            return  # of an INVITE that we turned down
        known = self._theirs.answered(request)
        if known is None:
            lacks = sip.missing(request)
            if lacks:
                raise BadSip(f"a request without {', '.join(lacks)}")
            known = written(self._answer(request))
            self._theirs.note(request, known)
        reply(known)

    def _broken(self, error: Exception, *, tell: bool = True) -> None:
        if self._ours is not None:
            self._ours.fail(error)
        if tell:
            self._told_broken(error)


def _shown(local: tuple[str, int]) -> tuple[str, int]:
    return (f"[{local[0]}]" if ":" in local[0] else local[0]), local[1]

"""A mail server that keeps what it is given: as much of SMTP (RFC 5321) as a client needs, in the open on loopback."""

from __future__ import annotations

import asyncio
import base64
from email import message_from_bytes, policy

from simulators.channels.faults import Fault, Faults
from simulators.channels.kept import Kept

USER, PASSWORD = "gatehouse", "mail-password-0001"  # pragma: allowlist secret
_LINE_S = 30.0
_REFUSALS: dict[Fault, str] = {
    "429": "450 4.7.1 too many messages, try later",
    "limited": "452 4.5.3 too many messages",
    "500": "451 4.3.0 local error",
    "blocked": "554 5.7.1 refused by policy",
    "gone": "550 5.1.1 no such user here",
    "garbage": "hello",
}


class MailServer:
    """Listens from ``start`` to ``stop``; wants a login before a letter."""

    def __init__(self, kept: Kept, faults: Faults) -> None:
        self._kept, self._faults, self.port = kept, faults, 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._client, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _Talk(reader, writer, self._kept, self._faults).run()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            pass  # a client that goes away
        finally:
            writer.close()


class _Talk:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: Kept, faults: Faults) -> None:
        self._reader, self._writer, self._kept, self._faults = reader, writer, kept, faults
        self._is_known, self._to = False, list[str]()

    async def run(self) -> None:
        await self._say("220 simulated ESMTP")
        while True:
            line = await self._line()
            word = line.split(" ")[0].upper()
            if word == "QUIT":
                await self._say("221 bye")
                return
            await self._answer(word, line)

    async def _answer(self, word: str, line: str) -> None:
        if word == "EHLO":
            await self._say("250-simulated\r\n250 AUTH PLAIN")
        elif word == "AUTH":
            await self._log_in(line.split(" ")[2])
        elif word == "MAIL" and not self._is_known:
            await self._say("530 5.7.0 log in first")
        elif word == "RCPT":
            await self._recipient(line)
        elif word == "DATA":
            await self._letter()
        else:
            await self._say("250 ok")

    async def _log_in(self, given: str) -> None:
        self._is_known = base64.b64decode(given) == f"\0{USER}\0{PASSWORD}".encode()
        await self._say("235 ok" if self._is_known else "535 5.7.8 wrong password")

    async def _recipient(self, line: str) -> None:
        fault = self._faults.next()
        if fault == "slow":
            await asyncio.sleep(_LINE_S)
        if fault in _REFUSALS:
            self._kept.refused.append(f"mail {fault}")
            await self._say(_REFUSALS[fault])
            return
        self._to.append(line.partition("<")[2].partition(">")[0])
        await self._say("250 ok")

    async def _letter(self) -> None:
        await self._say("354 go on")
        raw = await self._reader.readuntil(b"\r\n.\r\n")
        letter = message_from_bytes(raw[:-3], policy=policy.default)
        body = letter.get_body()
        text = f"{letter['Subject']}\n{body.get_content() if body else ''}"
        self._kept.take("mail", text, ",".join(self._to), str(letter["Message-ID"]))
        await self._say("250 2.0.0 taken")

    async def _line(self) -> str:
        async with asyncio.timeout(_LINE_S):
            return (await self._reader.readuntil(b"\r\n")).decode().rstrip()

    async def _say(self, line: str) -> None:
        self._writer.write(line.encode() + b"\r\n")
        await self._writer.drain()

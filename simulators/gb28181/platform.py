"""The upper platform: a registrar that hears keep-alives and alarms, asks for the catalogue, subscribes, controls."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.gb28181.faults import Faults
from simulators.gb28181.sip import Packet, is_right, parse, reply
from simulators.gb28181.wire import Wire

_MOST = 5_000
_MANSCDP = ("Content-Type", "Application/MANSCDP+xml")


@dataclass
class Habits:
    """How it is set up. ``unknown``: its answer to whom it does not know; ``qop``: whether it offers that."""

    qop: bool = True
    unknown: int = 403
    expires_s: int = 3600
    challenges_refresh: bool = False
    elsewhere: str = ""  # HOST:PORT of another node, for redirects
    late_s: float = 1.0
    encoding: str = "GB2312"


@dataclass
class Heard:
    """What reached it. An alarm counts once by its device and number; repeats are counted beside."""

    alarms: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    order: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    repeats: int = 0
    bodies: deque[str] = field(default_factory=lambda: deque[str](maxlen=_MOST))
    packets: Counter[str] = field(default_factory=Counter[str])
    registers: deque[Packet] = field(default_factory=lambda: deque[Packet](maxlen=_MOST))
    notices: deque[Packet] = field(default_factory=lambda: deque[Packet](maxlen=_MOST))
    refused: deque[str] = field(default_factory=lambda: deque[str](maxlen=_MOST))
    largest: int = 0  # request, in bytes

    def of(self, command: str) -> list[str]:
        """The bodies of one CmdType."""
        return [body for body in self.bodies if f"<CmdType>{command}</CmdType>" in body]


class Platform:
    """One node. ``port`` 0: a free one, the same for datagrams and connections."""

    def __init__(self, code: str, password: str, port: int = 0, host: str = "127.0.0.1") -> None:
        self.code, self._password = code, password
        self.habits, self.faults, self.heard = Habits(), Faults(), Heard()
        self.registered: dict[str, str] = {}  # the code of a lower platform, and the Call-ID it registered with
        self.is_deaf = False  # as if it were switched off
        self._wire = Wire(host, port, self._take)
        self._nonces: dict[str, str] = {}
        self._known: dict[str, bytes] = {}  # what was answered lately, by transaction
        self._answers: dict[str, asyncio.Future[Packet]] = {}
        self._to: Callable[[bytes], None] | None = None
        self._sn = 0
        self.dialogs: set[str] = set()  # the Call-IDs of subscriptions that it still knows

    async def start(self) -> None:
        await self._wire.start()

    async def stop(self) -> None:
        await self._wire.stop()

    @property
    def port(self) -> int:
        return self._wire.port

    # --- what comes ---

    def _take(self, data: bytes, send: Callable[[bytes], None]) -> None:
        if self.is_deaf or not data.strip():
            return
        try:
            packet = parse(data)
        except (ValueError, UnicodeDecodeError, TypeError) as error:
            self.heard.refused.append(f"{error}: {data[:200]!r}")
            return
        self._to = send
        if packet.is_response:
            answered = self._answers.pop(packet.transaction, None)
            if answered is not None and not answered.done():
                answered.set_result(packet)
            return
        self.heard.largest = max(self.heard.largest, len(data))
        self._request(packet, send)

    def _request(self, packet: Packet, send: Callable[[bytes], None]) -> None:
        body = packet.body.decode("gb18030" if b"GB" in packet.body[:60] else "utf-8")
        command = _word(body, "CmdType")
        self.heard.packets[command or packet.method] += 1
        fault = self.faults.take(packet.method, command)
        if fault and fault.what == "drop":
            return
        if fault and fault.what == "forget":
            self.registered.pop(packet.user, None)
        answer = self._known.get(packet.transaction)
        if answer is None:
            if fault and fault.what == "status":
                done = reply(packet, fault.status, "As told")
            elif fault and fault.what == "redirect":
                done = reply(packet, 302, "Moved", ("Contact", f"<sip:{self.code}@{self.habits.elsewhere}>"))
            else:
                done = self._done(packet, body, command)
            answer = self._known[packet.transaction] = done.bytes()
            if len(self._known) > _MOST:
                del self._known[next(iter(self._known))]
        self._answer(answer, send, fault.what if fault else "")

    def _answer(self, answer: bytes, send: Callable[[bytes], None], fault: str) -> None:
        if fault == "lose":
            return
        if fault == "late":
            asyncio.get_running_loop().call_later(self.habits.late_s, send, answer)
            return
        send(answer)

    def _done(self, packet: Packet, body: str, command: str) -> Packet:
        if packet.method == "REGISTER":
            return self._register(packet)
        if packet.user not in self.registered:
            return reply(packet, self.habits.unknown, "Unknown")
        if packet.method == "NOTIFY":
            if packet.get("Call-ID") not in self.dialogs:
                return reply(packet, 481, "Subscription Does Not Exist")
            self.heard.notices.append(packet)
        self.heard.bodies.append(body)
        if command == "Alarm" and body.count("<Notify>"):
            self._alarm(body)
        return reply(packet, 200, "OK")

    def _alarm(self, body: str) -> None:
        key = (_word(body, "DeviceID"), _word(body, "SN"))
        self.heard.repeats += key in self.heard.alarms
        if key not in self.heard.alarms:
            self.heard.order.append(key)
        self.heard.alarms[key] = body

    def _register(self, packet: Packet) -> Packet:
        self.heard.registers.append(packet)
        said, call = packet.get("Authorization"), packet.get("Call-ID")
        if not packet.get("Expires"):
            return reply(packet, 400, "No Expires")
        is_refresh = self.registered.get(packet.user) == call and not self.habits.challenges_refresh
        if not is_refresh and not said:
            return self._challenge(packet)
        if said and not is_right(said, "REGISTER", self._password, self._nonces.pop(call, "")):
            return reply(packet, 403, "Forbidden")
        if packet.get("Expires") == "0":
            self.registered.pop(packet.user, None)
            return reply(packet, 200, "OK", ("Expires", "0"))
        self.registered[packet.user] = call
        lasts = min(int(packet.get("Expires")), self.habits.expires_s)
        date = ("Date", "2026-11-22T16:10:00.000")
        return reply(packet, 200, "OK", ("Contact", packet.get("Contact")), ("Expires", str(lasts)), date)

    def _challenge(self, packet: Packet) -> Packet:
        nonce = self._nonces[packet.get("Call-ID")] = secrets.token_hex(16)
        qop = ', qop="auth"' if self.habits.qop else ""
        said = f'Digest realm="{self.code[:10]}", nonce="{nonce}"{qop}, algorithm=MD5'
        return reply(packet, 401, "Unauthorized", ("WWW-Authenticate", said))

    # --- what it says ---

    async def query(self, device: str, command: str, target: str = "", inner: str = "") -> int:
        """Ask; the number by which the answer is known. Raises TimeoutError where not even SIP answers."""
        sn = self._next_sn()
        response = await self.message(device, self._body("Query", command, sn, target or device, inner))
        if response.status != 200:
            raise AssertionError(response.first)
        return sn

    async def control(self, device: str, target: str, inner: str) -> int:
        """Arm, disarm, or try to open a door."""
        sn = self._next_sn()
        await self.message(device, self._body("Control", "DeviceControl", sn, target, inner))
        return sn

    async def message(self, device: str, body: bytes) -> Packet:
        return await self.ask(device, "MESSAGE", [_MANSCDP], body)

    async def subscribe(
        self, device: str, command: str, expires_s: int, call_id: str = "", inner: str = "", event: str = "presence"
    ) -> Packet:
        """Begin a subscription, or with the same Call-ID renew or end one."""
        headers = [("Event", event), ("Expires", str(expires_s)), _MANSCDP]
        call_id = call_id or secrets.token_hex(10)
        self.dialogs.add(call_id)
        body = self._body("Query", command, self._next_sn(), device, inner)
        return await self.ask(device, "SUBSCRIBE", headers, body, call_id)

    async def ask(
        self,
        device: str,
        method: str,
        headers: list[tuple[str, str]],
        body: bytes = b"",
        call_id: str = "",
        who: str = "",
    ) -> Packet:
        """Any request at all, once; its response. Raises TimeoutError."""
        if self._to is None:
            raise AssertionError("nobody has spoken to us yet, so we know no way to them")
        domain, self._sn = self.code[:10], self._sn + 1
        here = f"127.0.0.1:{self.port}"
        packet = Packet(
            f"{method} sip:{device}@{domain} SIP/2.0",
            [
                ("Via", f"SIP/2.0/{self._wire.spoken} {here};rport;branch=z9hG4bK{secrets.token_hex(8)}"),
                ("Max-Forwards", "70"),
                ("From", f"<sip:{who or self.code}@{domain}>;tag={(call_id or secrets.token_hex(6))[:12]}"),
                ("To", f"<sip:{device}@{domain}>"),
                ("Call-ID", call_id or secrets.token_hex(10)),
                ("CSeq", f"{self._sn} {method}"),
                ("Contact", f"<sip:{self.code}@{here}>"),
                *headers,
            ],
            body,
        )
        answered = self._answers[packet.transaction] = asyncio.get_running_loop().create_future()
        self._to(packet.bytes())
        async with asyncio.timeout(5):
            return await answered

    def _body(self, root: str, command: str, sn: int, target: str, inner: str) -> bytes:
        head = f"<CmdType>{command}</CmdType><SN>{sn}</SN><DeviceID>{target}</DeviceID>"
        text = f'<?xml version="1.0" encoding="{self.habits.encoding}"?>\n<{root}>{head}{inner}</{root}>\n'
        return text.encode(self.habits.encoding.lower())

    def _next_sn(self) -> int:
        self._sn += 1
        return self._sn


def _word(body: str, name: str) -> str:
    found = re.search(f"<{name}>([^<]*)</{name}>", body)
    return found[1] if found else ""

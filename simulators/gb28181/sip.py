"""SIP as the simulated platform reads and writes it; of its own, so that it cannot share a mistake with the centre."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field

_CRLF = "\r\n"


@dataclass
class Packet:
    """A request or a response: the first line, the headers in order, the body."""

    first: str
    headers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    body: bytes = b""

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def is_response(self) -> bool:
        return self.first.startswith("SIP/2.0 ")

    @property
    def method(self) -> str:
        return self.first.split(" ")[0]

    @property
    def status(self) -> int:
        return int(self.first.split(" ")[1])

    @property
    def user(self) -> str:
        """The code of who sends it."""
        found = re.search(r"sip:([0-9]{20})@", self.get("From"))
        return found[1] if found else ""

    @property
    def transaction(self) -> str:
        found = re.search(r"branch=([^;,\s]+)", self.get("Via"))
        return f"{found[1] if found else ''} {self.get('CSeq')}"

    def bytes(self) -> bytes:
        lines = [self.first, *(f"{name}: {value}" for name, value in self.headers)]
        return _CRLF.join([*lines, f"Content-Length: {len(self.body)}", "", ""]).encode() + self.body


def parse(data: bytes) -> Packet:
    """Strict: what the standard does not allow is an error here."""
    head, ended, body = data.partition(b"\r\n\r\n")
    if not ended:
        raise ValueError(f"no end of the head: {data[:80]!r}")
    first, *lines = head.decode().split(_CRLF)
    pairs = [line.split(": ", 1) for line in lines]
    packet = Packet(first, [(name, value) for name, value in pairs], body)
    if int(packet.get("Content-Length")) != len(body):
        raise ValueError(f"Content-Length {packet.get('Content-Length')}, and {len(body)} bytes")
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        if not packet.get(name):
            raise ValueError(f"no {name}")
    if not packet.is_response and not packet.get("Max-Forwards"):
        raise ValueError("no Max-Forwards")
    packet.headers = [pair for pair in packet.headers if pair[0] != "Content-Length"]
    return packet


def reply(request: Packet, status: int, reason: str, *extra: tuple[str, str]) -> Packet:
    """A response to a request, with a tag in To."""
    same = [(name, value) for name, value in request.headers if name in ("Via", "From", "Call-ID", "CSeq")]
    to = request.get("To")
    tagged = to if ";tag=" in to else f"{to};tag={secrets.token_hex(6)}"
    return Packet(f"SIP/2.0 {status} {reason}", [*same, ("To", tagged), *extra])


def split_stream(held: bytes) -> tuple[list[bytes], bytes]:
    """The whole messages of a connection, and what is left."""
    found: list[bytes] = []
    while b"\r\n\r\n" in held:
        head, _, rest = held.partition(b"\r\n\r\n")
        length = int(re.search(rb"Content-Length: ([0-9]+)", head)[1])  # type: ignore[index]
        if len(rest) < length:
            break
        found.append(head + b"\r\n\r\n" + rest[:length])
        held = rest[length:]
    return found, held


def is_right(header: str, method: str, password: str, nonce: str) -> bool:
    """Whether an Authorization answers our challenge, by MD5, with or without qop."""
    said = dict(re.findall(r'([a-z]+)="?([^",]+)"?', header))
    first = _md5(f"{said.get('username')}:{said.get('realm')}:{password}")
    second = _md5(f"{method}:{said.get('uri')}")
    middle = f"{nonce}:{said['nc']}:{said['cnonce']}:{said['qop']}" if "qop" in said else nonce
    return said.get("nonce") == nonce and said.get("response") == _md5(f"{first}:{middle}:{second}")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

"""SIP messages (RFC 3261): read tolerantly and within bounds, written strictly."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

MOST_BYTES = 64 * 1024
MOST_HEAD_BYTES = 16 * 1024
_MOST_HEADERS = 100
_VERSION = "SIP/2.0"
_COMPACT = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length", "c": "content-type",
    "e": "content-encoding", "o": "event", "k": "supported", "s": "subject", "u": "allow-events",
}  # fmt: skip
_REQUEST = re.compile(r"([A-Za-z][A-Za-z0-9.!%*_+`'~-]{0,31}) +(\S{1,1024}) +SIP/2\.0\s*", re.IGNORECASE)
_STATUS = re.compile(r"SIP/2\.0 +([1-6][0-9]{2})(?: +(.*))?", re.IGNORECASE)
_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")
_TAG = re.compile(r";\s*tag\s*=\s*\"?([^;\s\">,]+)", re.IGNORECASE)
_BRANCH = re.compile(r";\s*branch\s*=\s*([^;\s,]+)", re.IGNORECASE)
_URI = re.compile(r"<\s*([^<>\s]{1,1024})\s*>|^\s*(sips?:[^;,\s<>]{1,1024})", re.IGNORECASE)
_USER = re.compile(r"^sips?:([^@;?]+)@", re.IGNORECASE)
_HOST = re.compile(r"^sips?:(?:[^@]*@)?(\[[0-9a-f:.]+\]|[^:;?>]+)(?::([0-9]{1,5}))?", re.IGNORECASE)
_CSEQ = re.compile(r"([0-9]{1,10})\s+(\S+)")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_LINE_BREAK = re.compile(r"[\r\n]")
NEEDED = ("via", "from", "to", "call-id", "cseq")


class BadSip(ValueError):
    """It is no SIP; says what is wrong with it."""


class Message(msgspec.Struct):
    """What requests and responses have in common. Names of headers are kept as they came, and compared without case."""

    headers: list[tuple[str, str]]
    body: bytes = b""

    def get(self, name: str, otherwise: str = "") -> str:
        """The first header of a name."""
        return next(iter(self.all(name)), otherwise)

    def all(self, name: str) -> list[str]:
        wanted = name.lower()
        return [value for key, value in self.headers if _full(key) == wanted]

    @property
    def call_id(self) -> str:
        return self.get("call-id")

    @property
    def cseq(self) -> tuple[int, str]:
        """Raises BadSip."""
        found = _CSEQ.fullmatch(self.get("cseq").strip())
        if found is None:
            raise BadSip(f"CSeq {self.get('cseq')[:60]!r}")
        return int(found[1]), found[2].upper()

    @property
    def branch(self) -> str:
        """Of the topmost Via: by it a transaction is known."""
        found = _BRANCH.search(self.get("via").partition(",")[0])
        return found[1] if found else ""

    @property
    def expires(self) -> int | None:
        return seconds(self.get("expires"))


class Request(Message, kw_only=True):
    """What somebody asks."""

    method: str
    uri: str


class Response(Message, kw_only=True):
    """What is answered to it."""

    status: int
    reason: str = ""

    @property
    def is_final(self) -> bool:
        return self.status >= 200

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    def __str__(self) -> str:
        return f"{self.status} {self.reason}".strip()[:120]


def read(packet: bytes) -> Request | Response:
    """One whole message. Raises BadSip."""
    if len(packet) > MOST_BYTES:
        raise BadSip(f"{len(packet)} bytes, at most {MOST_BYTES}")
    start = packet.lstrip(b"\r\n")
    end = _END.search(start)
    head = start[: end.start()] if end else start
    if len(head) > MOST_HEAD_BYTES:
        raise BadSip(f"a head of {len(head)} bytes, at most {MOST_HEAD_BYTES}")
    text = _FOLD.sub(" ", head.decode("utf-8", "replace")).replace("\r\n", "\n")
    first, *lines = _CONTROL.sub(" ", text).split("\n")  # a lone CR would be a line to whoever gets it back
    headers = _headers(lines)
    body = _body(start[end.end() :] if end else b"", headers)
    return _made(first, headers, body)


def written(message: Request | Response) -> bytes:
    """As it goes over the wire, with its length. Raises ValueError for a header that would begin another."""
    if isinstance(message, Request):
        first = f"{message.method} {message.uri} {_VERSION}"
    else:
        first = f"{_VERSION} {message.status} {message.reason}"
    lines = [first, *(f"{name}: {value}" for name, value in message.headers), f"Content-Length: {len(message.body)}"]
    if any(_LINE_BREAK.search(line) for line in lines):
        raise ValueError("a header with a line break in it")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + message.body


def answer(request: Request, status: int, reason: str, tag: str, extra: Iterable[tuple[str, str]] = ()) -> Response:
    """A response to a request: its Vias as they came, its dialog, and our tag where To has none."""
    to = request.get("to")
    vias = [("Via", via) for via in request.all("via")]
    ours = to if tag_of(to) else f"{to};tag={tag}"
    same = [("From", request.get("from")), ("To", ours), ("Call-ID", request.call_id), ("CSeq", request.get("cseq"))]
    return Response([*vias, *same, *extra], status=status, reason=reason)


def missing(request: Request) -> list[str]:
    """The headers without which a request cannot be answered."""
    return [name for name in NEEDED if not request.get(name)]


def tag_of(address: str) -> str:
    found = _TAG.search(address.rpartition(">")[2] if ">" in address else address)
    return found[1] if found else ""


def uri_of(address: str) -> str:
    """Of ``"name" <sip:…>;params``, or of a bare ``sip:…;params``."""
    found = _URI.search(address)
    return (found[1] or found[2]) if found else ""


def user_of(address: str) -> str:
    """The code of who speaks, from a From, To or Contact."""
    found = _USER.match(uri_of(address))
    return found[1] if found else ""


def host_of(uri: str, port: int = 5060) -> tuple[str, int] | None:
    """Where a URI leads."""
    found = _HOST.match(uri)
    if found is None or (found[2] and not 0 < int(found[2]) < 65_536):
        return None
    return found[1].strip("[]"), int(found[2] or port)


def seconds(text: str) -> int | None:
    """A number of seconds as headers have it; None where there is none."""
    return int(text.strip()) if re.fullmatch(r"\s*[0-9]{1,9}\s*", text) else None


def _full(name: str) -> str:
    lower = name.lower()
    return _COMPACT.get(lower, lower)


def _headers(lines: list[str]) -> list[tuple[str, str]]:
    if len(lines) > _MOST_HEADERS:
        raise BadSip(f"{len(lines)} headers, at most {_MOST_HEADERS}")
    pairs = (line.partition(":") for line in lines if line.strip())
    return [(name.strip(), value.strip()) for name, colon, value in pairs if colon and name.strip()]


def _body(rest: bytes, headers: list[tuple[str, str]]) -> bytes:
    """As long as it says; without a length it is all that came."""
    said = next((value for name, value in headers if _full(name) == "content-length"), None)
    if said is None:
        return rest
    length = seconds(said)
    if length is None or length > len(rest):
        raise BadSip(f"Content-Length {said[:20]!r} with a body of {len(rest)} bytes")
    return rest[:length]


def _made(first: str, headers: list[tuple[str, str]], body: bytes) -> Request | Response:
    if status := _STATUS.fullmatch(first.strip()):
        return Response(headers, body, status=int(status[1]), reason=(status[2] or "").strip())
    if request := _REQUEST.fullmatch(first):
        return Request(headers, body, method=request[1].upper(), uri=request[2])
    raise BadSip(f"neither a request nor a response of SIP: {first[:80]!r}")

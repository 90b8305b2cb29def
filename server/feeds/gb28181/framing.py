"""SIP over TCP: where one message ends and the next begins."""

from __future__ import annotations

import re

from server.feeds.gb28181.sip import MOST_BYTES, MOST_HEAD_BYTES, BadSip

_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[ \t]*([0-9]{1,9})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


class Framer:
    """Takes bytes as they come, gives whole messages. After BadSip the connection is of no more use."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, came: bytes) -> list[bytes]:
        """Raises BadSip."""
        self._held += came
        found: list[bytes] = []
        while (one := self._next()) is not None:
            found.append(one)
        return found

    def _next(self) -> bytes | None:
        self._held = self._held.lstrip(b"\r\n")  # what keeps a connection alive
        end = _END.search(self._held)
        if end is None:
            if len(self._held) > MOST_HEAD_BYTES:
                raise BadSip(f"no end of a head within {MOST_HEAD_BYTES} bytes")
            return None
        length = end.end() + _body_bytes(self._held[: end.start()])
        if length > MOST_BYTES:
            raise BadSip(f"a message of {length} bytes, at most {MOST_BYTES}")
        if len(self._held) < length:
            return None
        one, self._held = self._held[:length], self._held[length:]
        return one


def _body_bytes(head: bytes) -> int:
    found = _LENGTH.search(head)
    if found is None:
        raise BadSip("no Content-Length, by which a message on a connection ends")
    return int(found[1])

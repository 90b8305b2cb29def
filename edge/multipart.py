"""Multipart bodies as devices write them: with lengths that are wrong, line ends of either kind, and no end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

_HEAD_BYTES = 16 * 1024
_PARTS = 64  # of one body
_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]*)"|([^\s;,]+))', re.IGNORECASE)
_FIRST_LINE = re.compile(rb"[\r\n]*-{2,}([^\s-][^\r\n]{0,200}?)(?:--)?[ \t]*\r?(?:\n|$)")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


class Part(msgspec.Struct, frozen=True):
    """One part: its headers by lower-case names, and its body. ``whole`` false: more came than may be kept."""

    headers: Mapping[str, str]
    body: bytes
    whole: bool = True

    @property
    def media_type(self) -> str:
        """``image/jpeg``; "" where it is not said."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def name(self) -> str:
        """The name of the field or file; "" where it has none."""
        found = re.search(r'name="?([^";]*)', self.headers.get("content-disposition", ""))
        return found[1].strip() if found else ""


def boundary_in(content_type: str) -> str:
    """The boundary of a Content-Type, without its dashes; "" where it names none."""
    found = _BOUNDARY.search(content_type)
    return (found[1] or found[2] or "").strip().strip("-") if found else ""


def is_multipart(body: bytes, content_type: str = "") -> bool:
    """Whether a body is multipart, by how it begins, and where that tells nothing by what is said of it."""
    if body[:64].lstrip(b"\0 \t\r\n\xef\xbb\xbf")[:1] in (b"{", b"<"):
        return False
    return content_type.strip().lower().startswith("multipart/") or bool(_FIRST_LINE.match(body[:256]))


def parts_of(body: bytes, content_type: str = "") -> list[Part]:
    """The parts of a whole body, split at its boundary and nowhere else; none where it has none.

    The boundary in its first line counts before that of the Content-Type: it is what stands between the parts.
    """
    first = _FIRST_LINE.match(body)
    boundary = first[1].rstrip(b"-") if first else boundary_in(content_type).encode()
    return list(_split(body, boundary)) if boundary else []


def _split(body: bytes, boundary: bytes) -> Iterator[Part]:
    delimiter = _delimiter(boundary)
    found = delimiter.search(body)
    for _ in range(_PARTS):
        if found is None or found[1]:
            return
        start, found = found.end(), delimiter.search(body, found.end())
        part = _part(body[start : found.start() if found else len(body)])
        if part is not None:
            yield part


def _delimiter(boundary: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(?:^|\r?\n)-{2,}" + re.escape(boundary) + rb"-*?(--)?[ \t]*(?=\r?\n|$)")


def _part(said: bytes) -> Part | None:
    """A part from behind its boundary on; one without a head is its body."""
    said = said.removeprefix(b"\r").removeprefix(b"\n")
    end = _END_OF_HEAD.search(said, 0, _HEAD_BYTES)
    if end is None or b":" not in said[: end.start()]:
        return Part({}, said.strip(b"\r\n")) if said.strip() else None
    return Part(headers_in(said[: end.start()]), said[end.end() :])


def headers_in(head: bytes) -> dict[str, str]:
    """Header lines by lower-case name; lines that are none are left out."""
    lines = (line.partition(":") for line in head.decode("utf-8", "replace").splitlines())
    return {name.strip().lower(): value.strip() for name, colon, value in lines if colon}


class PartsReader:
    """Parts of an answer without end, as they come. A part is over at its length, or at the next boundary."""

    def __init__(self, content_type: str, limit_bytes: int) -> None:
        self._boundary, self._limit_bytes = boundary_in(content_type).encode(), limit_bytes
        self._delimiter = _delimiter(self._boundary) if self._boundary else None
        self._waiting = bytearray()
        self._headers: dict[str, str] | None = None  # of the part that is being read
        self._length: int | None = None
        self._looked = 0

    @property
    def is_inside(self) -> bool:
        """Whether a part has begun and is not over."""
        return self._headers is not None and bool(self._waiting.strip())

    @property
    def is_open_ended(self) -> bool:
        """Whether one has begun whose length nobody told."""
        return self.is_inside and self._length is None

    def feed(self, chunk: bytes) -> list[Part]:
        """The parts that are over now."""
        self._waiting += chunk
        found: list[Part] = []
        while (part := self._next()) is not None:
            found += [part] if part.body.strip() else []
        return found

    def rest(self) -> list[Part]:
        """What has come of a part whose length nobody told, after a pause: it is over."""
        if not self.is_inside or self._length is not None:
            return []
        return [self._over(len(self._waiting), len(self._waiting))]

    def _next(self) -> Part | None:
        if self._headers is None and not self._begin():
            return None
        found = self._delimiter.search(self._waiting, max(0, self._looked - 256)) if self._delimiter else None
        if found is not None and (self._length is None or found.start() < self._length):
            return self._over(found.start(), found.start())
        if self._length is not None and len(self._waiting) >= self._length:
            return self._over(self._length, self._length)
        self._looked = len(self._waiting)
        if len(self._waiting) > self._limit_bytes:
            return self._over(self._limit_bytes, len(self._waiting), whole=False)
        return None

    def _begin(self) -> bool:
        """Whether the head of a part is there. What stands before its boundary belongs to nothing."""
        if self._delimiter is None and (first := _FIRST_LINE.search(self._waiting)) is not None:
            self._delimiter = _delimiter(first[1].rstrip(b"-"))
        found = self._delimiter.search(self._waiting) if self._delimiter else None
        end = _END_OF_HEAD.search(self._waiting, found.end()) if found else None
        if found is None or end is None:
            del self._waiting[: max(0, len(self._waiting) - _HEAD_BYTES)]
            return False
        self._headers = headers_in(bytes(self._waiting[found.end() : end.start()]))
        length = self._headers.get("content-length", "")
        told = int(length) if length.isascii() and length.isdecimal() and len(length) < 12 else None
        self._length = told if told is not None and told <= self._limit_bytes else None
        del self._waiting[: end.end()]
        self._looked = 0
        return True

    def _over(self, size: int, taken: int, *, whole: bool = True) -> Part:
        part = Part(self._headers or {}, bytes(self._waiting[:size]), whole)
        del self._waiting[:taken]
        self._headers, self._length, self._looked = None, None, 0
        return part


def joined(parts: list[Part]) -> tuple[str, bytes]:
    """The Content-Type and the body that say the same parts in one piece."""
    boundary = "gatehouse-parts"
    while any(boundary.encode() in part.body for part in parts):
        boundary += "-x"
    pieces = [
        b"--%s\r\n%s\r\n\r\n%s\r\n" % (boundary.encode(), _head(part).encode("utf-8", "replace"), part.body)
        for part in parts
    ]
    return f"multipart/mixed; boundary={boundary}", b"".join(pieces) + f"--{boundary}--\r\n".encode()


def _head(part: Part) -> str:
    kept = {name: value for name, value in part.headers.items() if name != "content-length"}
    return "\r\n".join(f"{name}: {value}" for name, value in kept.items()) or "content-type: application/octet-stream"

"""The parts of a form that a device pushed: multipart or urlencoded, read leniently, the last part cut or not."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

import msgspec

_NAME = re.compile(rb';\s*name\s*=\s*(?:"([^"]*)"|([^\s;]+))', re.IGNORECASE)
_MAX_PARTS = 50
_MAX_BOUNDARY = 200


class Part(msgspec.Struct, frozen=True, gc=False):
    """One part: the name it is given, and its bytes."""

    name: str
    body: bytes


def is_multipart(payload: bytes) -> bool:
    """Whether a body begins as a multipart one does; what stands in its headers is not needed to read it."""
    return payload.lstrip(b"\r\n")[:2] == b"--"


def parts_of(payload: bytes) -> list[Part]:
    """The named parts, by the boundary that the body itself begins with; at most fifty."""
    payload = payload.lstrip(b"\r\n")
    boundary, end, rest = payload.partition(b"\n")
    mark, line_end = boundary.rstrip(b"\r"), b"\r\n" if boundary.endswith(b"\r") else b"\n"
    if not end or not 2 < len(mark) <= _MAX_BOUNDARY:
        return []
    found = (_part(piece, line_end) for piece in (b"\n" + rest).split(b"\n" + mark, _MAX_PARTS)[:_MAX_PARTS])
    return [part for part in found if part is not None]


def _part(piece: bytes, line_end: bytes) -> Part | None:
    head, gap, body = piece.partition(line_end * 2)
    named = _NAME.search(head)
    if not gap or named is None:
        return None
    name = (named.group(1) or named.group(2) or b"").decode("utf-8", "replace")
    return Part(name, body.removesuffix(line_end[:-1]) if line_end[:-1] else body)


def urlencoded(payload: bytes) -> dict[str, str]:
    """The fields of a urlencoded body; none where it is not one."""
    try:
        found: list[tuple[str, Any]] = parse_qsl(payload.decode("ascii"), max_num_fields=_MAX_PARTS)
    except ValueError:  # UnicodeDecodeError is one
        return {}
    return dict(found)

"""The size of a JPEG from its head alone: asked of every picture on its way, it must cost next to nothing."""

from __future__ import annotations

_START, _FRAMES = b"\xff\xd8", frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # of SOF; the others are tables
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers that nothing belongs to
_MOST_SEGMENTS = 200
_LEAST_FRAME_BYTES = 8


def jpeg_size(body: bytes) -> tuple[int, int] | None:
    """Width and height; None of what is no JPEG, or whose head is not plain: somebody else may look at that."""
    if not body.startswith(_START):
        return None
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if at + 9 > len(body) or body[at] != 0xFF:
            return None
        marker, length = body[at + 1], int.from_bytes(body[at + 2 : at + 4], "big")
        if marker in _FRAMES:
            return _size(body[at + 5 : at + 9]) if length >= _LEAST_FRAME_BYTES else None
        if marker in _ALONE or length < 2:
            return None
        at += 2 + length
    return None


def _size(said: bytes) -> tuple[int, int] | None:
    height, width = int.from_bytes(said[:2], "big"), int.from_bytes(said[2:], "big")
    return (width, height) if width and height else None

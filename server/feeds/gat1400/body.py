"""The body of a message: all but its pictures is written once, and those are told as base64 while they leave."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, cast

import msgspec
import pybase64

_MARK = secrets.token_hex(16)  # where a picture stands: nothing that is sent can say it
_MARKED = _MARK.encode()
_PLAIN = frozenset({str, int, float, bool, type(None)})


class Body(msgspec.Struct, frozen=True):
    """JSON in which ``pictures`` stand between ``parts``, one fewer than those.

    Pictures are nearly all of a message. Written out as one they would be copied four times on their way; so each is
    told when its turn comes, as often as the message is sent.
    """

    parts: tuple[bytes, ...]
    pictures: tuple[bytes, ...] = ()

    def __len__(self) -> int:
        return sum(map(len, self.parts)) + sum((len(one) + 2) // 3 * 4 for one in self.pictures)

    def __iter__(self) -> Iterator[bytes]:
        for part, picture in zip_longest(self.parts, self.pictures, fillvalue=b""):
            yield part + pybase64.b64encode(picture)


def body_of(said: object) -> Body:
    """``bytes`` in it are pictures."""
    pictures: list[bytes] = []
    parts = msgspec.json.encode(_without_pictures(said, pictures)).split(_MARKED)
    return Body(tuple(parts), tuple(pictures))


def _without_pictures(said: Any, pictures: list[bytes]) -> Any:
    """The same with a mark for each picture, and the pictures in their order."""
    if type(said) in _PLAIN:  # nearly all of a message, and asked first for that
        return said
    if isinstance(said, bytes):
        pictures.append(said)
        return _MARK
    if isinstance(said, dict):
        of = cast("dict[str, Any]", said)
        return {name: one if type(one) in _PLAIN else _without_pictures(one, pictures) for name, one in of.items()}
    if isinstance(said, list):
        return [_without_pictures(one, pictures) for one in cast("list[Any]", said)]
    return said

"""What the agent and a child that sees say to each other over two pipes: MessagePack, each word with its length."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from edge.devices._camera_words import MOST_BYTES, Told
from edge.vision.settings import Camera

T = TypeVar("T")
_LENGTH = struct.Struct(">I")
LENGTH_BYTES = _LENGTH.size
MOST_ORDER_BYTES = 4 * 1024 * 1024
MOST_REFERENCE_BYTES = 32 * 1024


class BadWord(Exception):
    """Bytes that are no word of the other side; says what is wrong with them."""


class Ordered(msgspec.Struct, frozen=True):
    """One camera to look at."""

    device: str
    address: str
    settings: Camera = Camera()
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Ordered({self.device!r})"  # never in a log


class Orders(msgspec.Struct, frozen=True, tag="orders"):
    """What a child begins with."""

    cameras: tuple[Ordered, ...]
    zone: str
    memory_mb: int
    ahead_s: float = 0.0
    looks_per_s: float = 12.0  # of all its cameras together, for things
    looks_cores: float = 0.3  # which may take no more of the box than this
    references: dict[str, bytes] = {}  # by device, what was learnt of it before


class Clock(msgspec.Struct, frozen=True, tag="clock"):
    """By how much the agent's clock is ahead of the box's."""

    ahead_s: float


class Anew(msgspec.Struct, frozen=True, tag="anew"):
    """Another way to look at one of the child's cameras."""

    camera: Ordered


class Show(msgspec.Struct, frozen=True, tag="show"):
    """Tell the next picture of a camera, whatever is in it; ``request_id`` is who asked."""

    device: str
    request_id: str


class Mistake(msgspec.Struct, frozen=True, tag="mistake"):
    """Something that a person should know of a camera and that is no event."""

    device: Annotated[str, Meta(max_length=200)]
    text: Annotated[str, Meta(max_length=1_000)]


class Figures(msgspec.Struct, frozen=True, tag="figures"):
    """How the child is: also its sign of life."""

    memory_mb: float
    cpu_s: float
    cameras: Annotated[dict[str, dict[str, float]], Meta(max_length=65)]  # "": of the child itself
    states: Annotated[dict[str, Annotated[str, Meta(max_length=32)]], Meta(max_length=64)] = {}


class Learnt(msgspec.Struct, frozen=True, tag="learnt"):
    """How a camera's view looks while all is well: the agent keeps it for whoever looks after this child."""

    device: Annotated[str, Meta(max_length=200)]
    body: Annotated[bytes, Meta(max_length=MOST_REFERENCE_BYTES)]


Down = Orders | Clock | Anew | Show
Up = Told | Mistake | Figures | Learnt
_down: msgspec.msgpack.Decoder[Down] = msgspec.msgpack.Decoder(Down)
_up: msgspec.msgpack.Decoder[Up] = msgspec.msgpack.Decoder(Up)
encode = msgspec.msgpack.encode


def worded(word: Down | Up) -> bytes:
    """Raises ValueError for one that is longer than the other side takes."""
    body = encode(word)
    if len(body) > MOST_BYTES:
        raise ValueError(f"{len(body)} bytes; at most {MOST_BYTES}")
    return _LENGTH.pack(len(body)) + body


def length_in(head: bytes, most: int = MOST_BYTES) -> int:
    """Raises BadWord."""
    (length,) = _LENGTH.unpack(head)
    if not 0 < length <= most:
        raise BadWord(f"a word of {length} bytes; at most {most}")
    return length


def up_in(body: bytes) -> Up:
    """What a child said. Raises BadWord."""
    return _read(_up.decode, body)


def down_in(body: bytes) -> Down:
    """What the agent said. Raises BadWord."""
    return _read(_down.decode, body)


def _read(decode: Callable[[bytes], T], body: bytes) -> T:
    try:
        return decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise BadWord(str(error)) from error

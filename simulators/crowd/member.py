"""What a device of the crowd is: where it reaches the gateway, what it says, and how a fact of it is known again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import count
from string import ascii_uppercase, digits
from typing import Any, ClassVar, Literal, get_args
from zoneinfo import ZoneInfo

import msgspec

ZONE = ZoneInfo("Asia/Shanghai")
Nature = Literal["door", "plate", "camera", "sensor"]
NATURES: tuple[Nature, ...] = get_args(Nature)
_SIGNS = digits + "".join(sign for sign in ascii_uppercase if sign not in "IO")
_MOST_PLATES = len(_SIGNS) ** 5


class NotTaken(Exception):
    """The agent did not take what was sent, however often."""


class Gateway(msgspec.Struct, frozen=True):
    """Where the agent is reached: its broker, and the ports it listens at."""

    broker: int
    http: int
    fire: int  # GB/T 26875.3
    websocket: int
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.http}"


class Signs:
    """Plates, cards and numbers of which no two are the same in a run; a picture that goes with a plate."""

    def __init__(self, first: int, picture: bytes = b"") -> None:
        self._count, self._picture = count(first), picture

    def number(self) -> int:
        return next(self._count)

    def plate(self) -> str:
        left, signs = self.number() % _MOST_PLATES, ""
        for _ in range(5):
            left, sign = divmod(left, len(_SIGNS))
            signs = _SIGNS[sign] + signs
        return f"粤B{signs}"

    def picture(self) -> bytes:
        """Another one each time, as a camera's is: what follows the end of a JPEG shows nothing."""
        return self._picture + self.number().to_bytes(8) if self._picture else b""


class Member:
    """One device. ``open``: its own ports are there; ``join``: it speaks to a gateway; both before it says a fact.

    A fact is said when ``fact`` returns: the device has its acknowledgement, or keeps the fact for whoever asks it.
    """

    family: ClassVar[str]
    nature: ClassVar[Nature]
    alive_s: ClassVar[float] = 0.0  # between two signs of life; 0: none, or whoever asks it sees that it lives
    user: ClassVar[str] = ""
    password: str = ""  # which the agent must show it
    push_password: str = ""  # which it shows the agent
    has_port: ClassVar[bool] = False  # of its own, at which the agent asks it
    keeps_cards: bool = False  # the agent puts the residents' cards into it
    port: int = 0  # set before it is opened: that one, else any

    def __init__(self, device: str, signs: Signs) -> None:
        self.device, self.signs = device, signs

    @property
    def row(self) -> dict[str, Any]:
        """What the installer writes of it; complete once it is open."""
        return {"id": self.device, **self.placed()}

    def placed(self) -> dict[str, Any]:
        """What else stands in the row."""
        return {}

    def company(self) -> list[dict[str, Any]]:
        """Rows of what speaks beside it by another name."""
        return []

    async def open(self) -> None:
        """Its own ports, where it has some."""

    async def join(self, gateway: Gateway) -> None:
        """It is switched on."""

    @property
    def is_met(self) -> bool:
        """Whether the agent reaches it, or it the agent."""
        return True

    async def fact(self, at: datetime) -> str:
        """Something happens; by what it is known again."""
        raise NotImplementedError

    async def alive(self, at: datetime) -> None:
        """A sign of life, which is no fact."""

    @property
    def owed(self) -> int:
        """How many orders it still waits for, where the gateway decides."""
        return 0

    async def close(self) -> None:
        """It is switched off."""

    def mark(self, event: Mapping[str, Any]) -> str | None:
        """By what a fact of it is known, in the event that came of it; None for an event that is no fact of its own."""
        raise NotImplementedError


def subject_of(event: Mapping[str, Any], kind: str) -> str | None:
    """The plate or the card of an event of a kind that is the device's own, and no decision on it."""
    if event["kind"] != kind or event.get("ext", {}).get("decided_by"):
        return None
    return event.get("subject", {}).get("id")


def in_ms(at: datetime) -> datetime:
    """A moment as devices that count in milliseconds have it."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def moment(text: str | None) -> str:
    """An event's time, one way to write it for one moment."""
    return "" if text is None else f"{datetime.fromisoformat(text).timestamp():.3f}"

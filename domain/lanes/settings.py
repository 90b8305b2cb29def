"""What a lane is made of: reader, barrier, loops, boards, and how it decides. The desired state of kind ``lanes``."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from domain.desired_words import Identity, Name, once

LaneId = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Argument = str | int | bool
Arm = Literal["open", "opening", "closed", "closing"]
Seconds = Annotated[float, Meta(gt=0, le=3_600)]
_MAX_LANES, _MAX_OF_A_KIND = 200, 8


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that is not known is refused: it may be a restriction."""


class Reader(_Part, frozen=True, kw_only=True):
    """A plate camera; ``channel`` where one device reads several lanes, as its events name it."""

    device: Identity
    channel: Name = ""


class Barrier(_Part, frozen=True, kw_only=True):
    """The arm. ``codes`` says what a controller's own numbers mean, once somebody has looked at the arm beside them."""

    device: Identity
    point: Name = ""  # as its events name it; "" where it has one arm
    open_with: Annotated[dict[str, Argument], Meta(max_length=16)] = {}  # of barrier.open, as its driver names
    codes: Annotated[dict[str, Arm], Meta(max_length=32)] = {}
    tells: bool = True  # whether its states come at all: without them, and without a loop, no opening is confirmed


class Loop(_Part, frozen=True, kw_only=True):
    """A vehicle loop at a dry input: under the arm, where a car that passes must roll over it."""

    device: Identity
    point: Annotated[str, Meta(min_length=1, max_length=40)]  # input/1
    occupied: int = 1  # the input's value while a car stands there


class Button(_Part, frozen=True, kw_only=True):
    """A button at the lane: a car whose plate could not be read asks by it."""

    device: Identity
    point: Annotated[str, Meta(min_length=1, max_length=40)]
    pressed: int = 1


class Board(_Part, frozen=True, kw_only=True):
    """A display and voice board behind a camera's serial line; ``board`` names its protocol."""

    device: Identity
    board: Name = "0x64"
    serial_channel: Annotated[int, Meta(ge=0, le=7)] = 0
    lines: bool = True  # shows lines beside speaking


class Lane(_Part, frozen=True, kw_only=True):
    """One lane. Every time is in seconds."""

    id: LaneId
    name: Name = ""
    direction: Literal["in", "out"]
    readers: Annotated[tuple[Reader, ...], Meta(min_length=1, max_length=_MAX_OF_A_KIND)]
    barrier: Barrier
    loop: Loop | None = None
    button: Button | None = None
    boards: Annotated[tuple[Board, ...], Meta(max_length=_MAX_OF_A_KIND)] = ()
    visitors: Literal["ticket", "refuse"] = "ticket"  # at an entrance, a car on no list
    unread: Literal["button", "refuse", "open"] = "button"  # a car whose plate was not read
    watched: Literal["refuse", "open"] = "refuse"  # read, and not gone by: an arm must not tell who is looked for
    black: Literal["refuse", "as_others"] = "refuse"
    emergency: Literal["open", "as_others"] = "open"  # police, fire and ambulance by their plates
    against: Annotated[tuple[Name, ...], Meta(max_length=6)] = ("departing", "reverse")  # travel of a wrong-way car
    least_confidence: Annotated[float, Meta(ge=0, le=1)] = 0.6
    hold_s: Seconds = 30.0  # so long the same plate is one car, and an arm that tells nothing counts as open
    moved_s: Seconds = 5.0  # so long the arm may take to move
    held_s: Seconds = 120.0  # so long it may stand open
    paid_s: Annotated[float, Meta(gt=0, le=86_400)] = 900.0  # so long after paying a car may take to leave

    @property
    def confirms(self) -> bool:
        """Whether anything here can show that the arm moved."""
        return self.barrier.tells or self.loop is not None


class Lanes(_Part, frozen=True, kw_only=True):
    """The lanes that this gateway decides, and the tariff's class of cars that no other plan is for."""

    lanes: Annotated[tuple[Lane, ...], Meta(max_length=_MAX_LANES)]
    tariff_class: Name = "small"

    def __post_init__(self) -> None:
        once((lane.id for lane in self.lanes), "lane")
        once((f"{r.device}/{r.channel}" for lane in self.lanes for r in lane.readers), "reader")
        once((f"{lane.barrier.device}/{lane.barrier.point}" for lane in self.lanes), "barrier")

"""Orders: one action of one device, done at most once and only before it expires; each ends with a word."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from domain.events import Event, is_replay

State = Literal["accepted", "confirmed", "refused", "timeout", "expired"]
STATES: tuple[State, ...] = get_args(State)
ENDED: frozenset[State] = frozenset({"confirmed", "refused", "timeout", "expired"})
MAX_LIFE = timedelta(minutes=5)
Argument = str | int | float | bool
TAKE_PICTURE = "picture.take"
SNAPSHOT = "snapshot"  # the label of the detection by which a camera shows the picture that was asked for
Time = Annotated[datetime, Meta(tz=True)]

_NAME = re.compile(r"[a-z_]{1,40}\.[a-z_]{1,40}")
_ID = re.compile(r"[0-9a-zA-Z_-]{8,64}")
_NEXT: dict[State | None, frozenset[State]] = {
    None: frozenset({"accepted", "expired", "refused", "timeout"}),
    "accepted": frozenset({"confirmed", "refused", "timeout"}),
}
# What a device shows when an order has been carried out: kind, states.
_SHOWN: dict[str, tuple[str, frozenset[str]]] = {
    "door.open": ("door", frozenset({"open"})),
    "barrier.open": ("barrier", frozenset({"open", "opening"})),
    "barrier.close": ("barrier", frozenset({"closed", "closing"})),
}


class BadStep(Exception):
    """An order cannot go from one state to another; says which."""


class Order(msgspec.Struct, frozen=True):
    """``name`` as drivers know it (door.open, barrier.open); times aware UTC."""

    id: str
    device: Annotated[str, Meta(min_length=1, max_length=200)]
    name: str
    issued_at: Time
    expires_at: Time
    issued_by: str
    args: dict[str, Argument] = {}

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError(f"{self.id!r} is no id of an order")
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no order; door.open and barrier.open are")
        if not timedelta() < self.expires_at - self.issued_at <= MAX_LIFE:
            raise ValueError(f"an order lives up to {MAX_LIFE.total_seconds():.0f} s, not to {self.expires_at}")


def advance(state: State | None, to: State) -> State:
    """The next state. Raises BadStep: an order that has ended stays ended, and one never goes back."""
    if to not in _NEXT.get(state, frozenset()):
        raise BadStep(f"an order that is {state or 'new'} cannot become {to}")
    return to


def settled(states: Iterable[State]) -> State | None:
    """Where an order stands by all that was said of it, in whatever order it was heard; None for nothing said.

    An agent that was killed may say twice how it ended: what was seen to happen outweighs what was not.
    """
    said = set(states)
    return next((state for state in ("confirmed", "refused", "timeout", "expired", "accepted") if state in said), None)


def answered(order: Order, event: Event) -> State | None:
    """What an event of a device says of an order that waits: confirmed, refused, or None for nothing."""
    if event.kind == "command_result" and event.request_id == order.id:
        return _by_its_answer(order, event.ok)
    if order.name == TAKE_PICTURE and event.device == order.device and event.label == SNAPSHOT:
        return "confirmed" if event.source_event_id == snapshot_of(order.id) else None
    kind, states = _SHOWN.get(order.name, ("", frozenset[str]()))
    if event.kind != kind or event.device != order.device or event.state not in states or is_replay(event):
        return None
    point = order.args.get("point")
    return "confirmed" if point is None or event.point in (None, point) else None


def snapshot_of(order_id: str) -> str:
    """The number of the detection that shows what an order asked for."""
    return f"{SNAPSHOT}/{order_id}"


def _by_its_answer(order: Order, ok: bool | None) -> State | None:
    """A barrier's yes says that a relay fired, not that the arm moved: only the arm's own state confirms."""
    if ok is None or (ok and order.name.startswith("barrier.")):
        return None
    return "confirmed" if ok else "refused"

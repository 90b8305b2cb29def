"""Where the handling of an alert stands: a fold of what people did, and of what ended by itself: what it missed
is back (``clear``), or was taken out of use (``retire``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Action = Literal["acknowledge", "undo", "hand_over", "close", "false", "clear", "retire"]
Status = Literal["open", "acknowledged", "closed", "false"]

ACTIONS: tuple[str, ...] = ("acknowledge", "undo", "close", "false")  # what a tap may ask for


class NotPossible(Exception):
    """An action that does not fit where the handling stands; says why."""


def status(actions: Iterable[str]) -> Status:
    """Where the handling stands after the actions, the oldest first."""
    current: Status = "open"
    for action in actions:
        current = after(current, action)
    return current


def after(current: Status, action: str) -> Status:
    """The next status; an action that does not fit changes nothing (it was sent from a screen that was behind)."""
    match current, action:
        case "open", "acknowledge":
            return "acknowledged"
        case "acknowledged", "undo" | "hand_over":
            return "open"
        case (("open" | "acknowledged"), "close" | "clear" | "retire"):
            return "closed"
        case (("open" | "acknowledged"), "false"):
            return "false"
        case _:
            return current


def check(current: Status, action: str) -> None:
    """Raises NotPossible where an action would change nothing and is not a repeat of what holds already."""
    if action not in ACTIONS:
        raise NotPossible(f"no such action: {action!r}; there are {', '.join(ACTIONS)}")
    if after(current, action) == current and current == "closed":
        raise NotPossible("this alert is closed")

"""What was found on a picture, and who can find it."""

from __future__ import annotations

from typing import Protocol

import msgspec

from domain.scenes.geometry import Box
from edge.vision.frames import Picture


class Found(msgspec.Struct, frozen=True):
    """A thing in its box, in shares of the picture that was looked at."""

    label: str
    confidence: float
    box: Box


class Finder(Protocol):
    """May be asked from several threads."""

    def find(self, picture: Picture) -> list[Found]: ...


class CannotFind(Exception):
    """There is no network that could look; says what is wrong and what to do."""

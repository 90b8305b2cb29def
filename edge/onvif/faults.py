"""What may go wrong between a camera and us, in words that hold no password."""

from __future__ import annotations


class OnvifFault(Exception):
    """A camera that did not do what it was asked; says what, and why."""


class Unreachable(OnvifFault):
    """Nobody answers, or not in time."""


class Unauthorised(OnvifFault):
    """The password is refused, or there is none; so too where its clock was set meanwhile."""


class Refused(OnvifFault):
    """It answers, with a fault."""


class HalfAnswer(OnvifFault):
    """It answers with what is no answer; ``body`` holds what came, where that may be kept."""

    def __init__(self, said: str, body: bytes = b"") -> None:
        super().__init__(said)
        self.body = body


class NotOffered(OnvifFault):
    """It has no such service."""

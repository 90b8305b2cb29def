"""What the hand-over worker asks of a platform's protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.events import Event
from server.facts import Fact


@dataclass(frozen=True)
class Offer:
    """A record that a platform is owed."""

    id: bytes  # of the record, stable over retries
    event: Event
    fact: Fact  # where it was born, whose it is, when it came
    data_class: str  # alarm | behaviour | vehicle | nonmotor | person | face | door | device
    urgent: bool


@dataclass(frozen=True)
class Accepted:
    """The far end said that it has the record."""


@dataclass(frozen=True)
class Refused:
    """The far end says that this record is wrong: it is not sent again by itself."""

    reason: str


@dataclass(frozen=True)
class Again:
    """The far end is ill, or did not say: the same record later, the order kept."""

    reason: str


Verdict = Accepted | Refused | Again


class Sender(Protocol):
    """One platform's protocol."""

    async def keep(self) -> None:
        """Hold the session (register, keep-alive) until cancelled."""
        ...

    async def send(self, offers: Sequence[Offer]) -> Sequence[Verdict]:
        """One verdict an offer, in order; never raises for the far end's illness."""
        ...

"""What the hand-over worker asks of a platform's protocol."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from sqlalchemy.ext.asyncio import AsyncConnection

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
    line: str = ""  # the subscription that it is owed on, where a platform has such

    @property
    def record(self) -> bytes:
        """By what the far end's number is kept: on whichever line it goes, it is one record."""
        return self.fact.id if self.line else self.id


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


@runtime_checkable
class Paced(Protocol):
    """A protocol whose records are owed on lines, each at its own pace."""

    async def before(self, connection: AsyncConnection) -> Collection[str]:
        """Within the transaction that claims: what no line asks for any more is withheld. The lines that rest now."""
        ...

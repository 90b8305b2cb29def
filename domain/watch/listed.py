"""What of a watch list goes down to a gateway: digests of plates and times, and nothing of why or by whom."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from domain.desired_words import once
from domain.subjects import Subject, key_of

FORM = 2  # of the document; the first named plates, and rang on everybody's screen
_MAX_ENTRIES = 50_000
Time = Annotated[datetime, Meta(tz=True)]
EntryId = Annotated[str, Meta(min_length=16, max_length=64, pattern=r"^[0-9a-f]+$")]


class Watched(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """A plate that is looked for, by its keyed digest, from a moment until before another: it never lacks an end."""

    id: EntryId
    key: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
    from_: Time
    until: Time

    def __post_init__(self) -> None:
        if self.until <= self.from_:
            raise ValueError("until lies before from")

    def holds(self, at: datetime) -> bool:
        return self.from_ <= at < self.until


class WatchLists(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The desired state of kind ``watch_lists``."""

    salt: Annotated[str, Meta(pattern=r"^([0-9a-f]{2}){16,64}$")]
    entries: Annotated[tuple[Watched, ...], Meta(max_length=_MAX_ENTRIES)]

    def __post_init__(self) -> None:
        once((entry.id for entry in self.entries), "entry")


def key_for(salt: bytes, plate: str) -> str:
    """The digest that stands for a canonical plate."""
    return key_of(salt, f"plate:{plate}")


def key_of_plate(salt: bytes, plate: str) -> str:
    """The same for a plate in any spelling. Raises BadSubject."""
    return key_of(salt, Subject("plate", plate).form)


def in_form_1(_body: dict[str, Any]) -> dict[str, Any]:
    """To a program that would name plates and ring for everybody: nothing at all."""
    return {"entries": []}

"""What people, and the rest of the server, do to a matter on the ladder."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from domain.alerts.words import Severity
from domain.duty.plan import Level, Seconds
from domain.duty.state import Owner

Words = Annotated[str, Meta(max_length=2_000)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]


class NotPossible(Exception):
    """An act that does not fit where the matter stands; says why, and what could be done instead."""


class _Act(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """``key`` is the sender's own: an act that comes twice is done once."""

    key: Name


class Acknowledge(_Act, frozen=True):
    """I take it (接单)."""

    by: Name
    level: Level


class Undo(_Act, frozen=True):
    """I took it by mistake, and give it back."""

    by: Name


class HandOver(_Act, frozen=True):
    """Another person or level is to take it; until they do it is theirs, and they are asked."""

    by: Name
    to: Owner
    words: Words = ""


class Call(_Act, frozen=True):
    """A unit is to help. The owner stays the owner."""

    by: Name
    unit: Name
    within_s: Seconds = 1_800


class ReportIn(_Act, frozen=True):
    """A called unit is there (报到)."""

    by: Name
    unit: Name


class Close(_Act, frozen=True):
    """It is done, or it was none."""

    by: Name
    is_false: bool = False
    words: Words = ""


class Worsen(_Act, frozen=True):
    """Something worse came to it: whoever took it took something else."""

    severity: Severity


class Expire(_Act, frozen=True):
    """It is no longer anybody's, for a reason with a name."""

    why: Literal["inhibited", "joined", "cleared", "retention"]


Act = Acknowledge | Undo | HandOver | Call | ReportIn | Close | Worsen | Expire

"""What people do with an item."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from domain.duty.acts import Name, Words

Pictures = Annotated[tuple[Name, ...], Meta(max_length=9)]


class _Act(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """``key`` is the sender's own: an act that comes twice is done once."""

    key: Name
    by: Name


class Send(_Act, frozen=True):
    """派单: a unit answers for it, until then."""

    unit: Name
    due_at: datetime


class Take(_Act, frozen=True):
    """接单."""


class GiveBack(_Act, frozen=True):
    words: Words


class Finish(_Act, frozen=True):
    words: Words
    pictures: Pictures


class Review(_Act, frozen=True):
    passed: bool
    words: Words = ""


class Rate(_Act, frozen=True):
    stars: Annotated[int, Meta(ge=1, le=5)]
    words: Words = ""


class Withdraw(_Act, frozen=True):
    words: Words = ""


class Refuse(_Act, frozen=True):
    words: Words


Act = Send | Take | GiveBack | Finish | Review | Rate | Withdraw | Refuse

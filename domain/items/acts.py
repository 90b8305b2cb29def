"""What people do with an item."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from domain.duty.acts import Name, Words

MOST_PICTURES = 9
Pictures = Annotated[tuple[Name, ...], Meta(max_length=MOST_PICTURES)]


class _Act(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """``key`` is the sender's own: an act that comes twice is done once."""

    key: Name
    by: Name


class Send(_Act, frozen=True):
    """派单: a unit answers for it. Whoever sends it may say of what category it really is, and so until when."""

    unit: Name
    category: str = ""
    due_at: datetime | None = None


class Take(_Act, frozen=True):
    """接单."""


class HandOver(_Act, frozen=True):
    """转办: another unit answers for it; the date stays, or handing over would win time."""

    unit: Name
    words: Words


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


Act = Send | Take | HandOver | GiveBack | Finish | Review | Rate | Withdraw | Refuse

"""When something happened that a phone tells of later: its clock, held against the centre's at the sending."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

OLDEST = timedelta(hours=48)  # what a phone kept longer than that happened "then at the earliest"


class Told(NamedTuple):
    """A moment by the centre's clock; ``is_sure`` not: the phone's clock contradicts itself, or it is too long ago."""

    at: datetime
    is_sure: bool = True


def corrected(phone_at: datetime, sent_at: datetime, received_at: datetime) -> Told:
    """``phone_at`` and ``sent_at`` by the phone's clock, the latter when it sent. What a wrong clock adds falls away;
    nothing happened after it was received, and nothing is believed to be older than OLDEST."""
    ago = sent_at - phone_at
    if ago < timedelta():
        return Told(received_at, is_sure=False)
    if ago > OLDEST:
        return Told(received_at - OLDEST, is_sure=False)
    return Told(received_at - ago)

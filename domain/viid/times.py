"""Times of GA/T 1400: fourteen digits by the clocks of Beijing, without a zone; read leniently."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

BEIJING = timezone(timedelta(hours=8), "Beijing")
_DIGITS, _DIGITS_MS = 14, 17
_REMEMBERED = 1_024  # a record's object says its moment a dozen times


@lru_cache(maxsize=_REMEMBERED)
def stamp(at: datetime) -> str:
    """``20261122160500``; ``at`` must be aware."""
    if at.tzinfo is None:
        raise ValueError(f"{at} names no zone: times here are aware")
    here = at.astimezone(BEIJING)  # strftime takes four times as long, and a message asks hundreds of times
    return f"{here.year:04}{here.month:02}{here.day:02}{here.hour:02}{here.minute:02}{here.second:02}"


def read_stamp(text: str) -> datetime:
    """The time that fourteen digits name, in UTC. Raises ValueError."""
    if len(text) != _DIGITS or not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is no time of fourteen digits")
    parts = (int(text[start : start + 2]) for start in range(4, _DIGITS, 2))
    return datetime(int(text[:4]), *parts, tzinfo=BEIJING).astimezone(UTC)


def read_time(value: object) -> datetime | None:
    """The time somebody wrote, in UTC: fourteen digits, milliseconds or not, or ISO 8601; None for anything else."""
    text = str(value).strip() if isinstance(value, str | int) else ""
    try:
        if not text.isdigit():
            return _in_beijing(datetime.fromisoformat(text))
        at = read_stamp(text[:_DIGITS])
    except ValueError:
        return None
    return at + timedelta(milliseconds=int(text[_DIGITS:] or 0)) if len(text) in (_DIGITS, _DIGITS_MS) else None


def _in_beijing(at: datetime) -> datetime | None:
    try:
        return (at if at.tzinfo else at.replace(tzinfo=BEIJING)).astimezone(UTC)
    except OverflowError:
        return None

"""Times as devices send them: seconds, milliseconds or microseconds since 1970, or a wall clock without a zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from edge.devices._fields import number_in
from edge.devices.driver import JudgedTime, Message, Site, judge_time

_MILLISECONDS_FROM = 100_000_000_000  # in seconds the year 5138: no device means that
_WALL_CLOCK_LENGTH = 19
_MICROSECONDS_FROM = 100_000_000_000_000
_SHORT_OFFSET = re.compile(r"([+-])(\d:\d\d)$")  # +8:00
_FIRST_YEAR, _LAST_YEAR = 1970, 9_000  # so that no shift by a zone leaves what a datetime can hold


def epoch(value: object) -> datetime | None:
    """Seconds, milliseconds or microseconds since 1970, told apart by their size; None for what is no time."""
    number = number_in(value)
    if number is None or number <= 0:
        return None
    if number >= _MICROSECONDS_FROM:
        number /= 1_000_000
    elif number >= _MILLISECONDS_FROM:
        number /= 1_000
    try:
        time = datetime.fromtimestamp(number, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return time if time.year <= _LAST_YEAR else None


def epoch_and_microseconds(seconds: object, microseconds: object) -> datetime | None:
    """The two halves of a C ``timeval``; None for what is no time."""
    start, rest = epoch(seconds), number_in(microseconds) or 0
    if start is None:
        return None
    return start + timedelta(microseconds=rest) if 0 <= rest < 1_000_000 else start


def wall_clock(text: str, zone: ZoneInfo) -> datetime | None:
    """``YYYY-MM-DD HH:MM:SS`` read in ``zone``, whatever follows it; None for what is no time."""
    try:
        local = datetime.fromisoformat(text[:_WALL_CLOCK_LENGTH])
    except ValueError:
        return None
    whole = len(text) >= _WALL_CLOCK_LENGTH and local.tzinfo is None
    return local.replace(tzinfo=zone) if whole and _FIRST_YEAR <= local.year <= _LAST_YEAR else None


def local_text(time: datetime, zone: ZoneInfo) -> str:
    """``YYYY-MM-DD HH:MM:SS`` on the site's clocks."""
    return time.astimezone(zone).replace(tzinfo=None).isoformat(" ", "seconds")


def judged(time: datetime | None, sent: object, message: Message, site: Site, *, replay: bool = False) -> JudgedTime:
    """``time``, read from the field ``sent``, held against the receipt of ``message``.

    A field that says something, but no time, is a bad clock; an empty one is no clock at all. A retained message
    with a time is a stored record, and a stored record stays one, whatever its clock says: it must never act.
    """
    replay = replay or (message.retained and time is not None)
    if time is None and sent not in (None, "", 0):
        return JudgedTime(None, "replay" if replay else "device_clock_bad", str(sent)[:64])
    since = message.queued_since
    return judge_time(time, message.received_at, site, as_sent=sent, replay=replay, queued_since=since)


def iso_8601(text: str | None, zone: tzinfo) -> datetime | None:
    """An ISO 8601 time, read in ``zone`` where it names none itself; None for what is no time."""
    return iso_time(text or "", zone)[0]


def iso_time(text: str, zone: tzinfo) -> tuple[datetime | None, bool]:
    """An ISO 8601 time, and whether its zone is the site's for want of one; (None, False) for what is no time."""
    try:
        time = datetime.fromisoformat(_SHORT_OFFSET.sub(r"\g<1>0\2", text.strip()))
    except ValueError:
        return None, False
    if not _FIRST_YEAR <= time.year <= _LAST_YEAR:
        return None, False
    return (time, False) if time.tzinfo else (time.replace(tzinfo=zone), True)


_OLD_RECORD = timedelta(days=30)


def is_late(time: datetime | None, message: Message, site: Site) -> bool:
    """Whether what should be news is old: a record of a device that does not say so, or a clock that is behind.

    Either way it must not act: nobody stands there any more. A clock that lost its year tells nothing.
    """
    if time is None or message.received_at is None or message.queued_since is not None:
        return False
    late = judge_time(time, message.received_at, site).time_quality == "device_clock_bad"
    return late and timedelta() < message.received_at - time < _OLD_RECORD


def in_assumed_zone(when: JudgedTime, sent: object) -> JudgedTime:
    """A time that was written without its zone and read in the site's: right only if the device's clock shows that."""
    if when.time is None or when.time_quality != "ok":
        return when
    return JudgedTime(when.time, "assumed_zone", str(sent))

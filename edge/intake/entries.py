"""An event as the log takes it: checked alone, so that none that is broken can break the commit of the others."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import structlog

from domain.days import day_number
from domain.events import Event, decode_event, encode_event, stream_of
from domain.ids import fact_id
from eventlog.log import Entry

log = structlog.get_logger()

MAX_EVENT_BYTES = 256 * 1024  # a batch of one must fit domain.wire with room to spare
_FIRST_YEAR, _LAST_YEAR = 1970, 9000  # in any zone within what datetime can hold, as the centre wants it


class NotAnEvent(Exception):
    """What a driver made cannot be written, or nobody could read it back. Says which field and why."""


def entry_of(event: Event, zone: ZoneInfo) -> Entry:
    """The event's entry, its times made UTC. Raises NotAnEvent, and whatever a field of a wrong type raises.

    It is read back as the centre will: what does not come back (NaN is written as null) is no event.
    """
    event.time, event.ended_at = _moment(event.time, "time"), _moment(event.ended_at, "ended_at")
    recorded_at = _moment(event.recorded_at, "recorded_at")
    if recorded_at is None:
        raise NotAnEvent("recorded_at is not set")
    body = _encoded(event)
    decode_event(body)
    return Entry(stream_of(event), body, fact_id(event), day_number(recorded_at, zone))


def _moment(time: datetime | None, field: str) -> datetime | None:
    """A time in UTC. Raises NotAnEvent for one without a zone, or that no one can reckon with."""
    if time is None or (time.tzinfo is UTC and _FIRST_YEAR <= time.year <= _LAST_YEAR):
        return time
    if time.tzinfo is None:
        raise NotAnEvent(f"{field} has no zone: {time}")
    time = time.astimezone(UTC)
    if not _FIRST_YEAR <= time.year <= _LAST_YEAR:
        raise NotAnEvent(f"{field} is no time that anything happened: {time}")
    return time


def _encoded(event: Event) -> bytes:
    """The event's bytes. What a device stuffed into it beyond any sense is cut off, and that is said in it."""
    body = encode_event(event)
    if len(body) <= MAX_EVENT_BYTES:
        return body
    identity = fact_id(event)
    log.warning("event_cut", id=identity and identity.hex(), device=event.device[:200], bytes=len(body))
    bare = Event(kind=event.kind, device=event.device, time=event.time, time_quality=event.time_quality)
    bare.recorded_at, bare.source_event_id = event.recorded_at, event.source_event_id
    bare.ext = {"cut_bytes": len(body)}
    cut = encode_event(bare)
    if len(cut) > MAX_EVENT_BYTES:
        raise NotAnEvent(f"{len(body)} bytes, and {len(cut)} of them in its names alone")
    return cut

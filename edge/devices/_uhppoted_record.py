"""An event record of a UHPPOTE controller, as uhppoted-mqtt words it or as its own packets hold it, as an event."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from domain.events import Event, Subject
from edge.devices._fields import flag, text_in, whole
from edge.devices._times import judged, wall_clock
from edge.devices._uhppote_reasons import (
    BY_TYPE,
    DIRECTIONS,
    REASONS,
    TYPE_NONE,
    TYPE_OVERWRITTEN,
    Meaning,
)
from edge.devices.driver import BadMessage, JudgedTime, Message, Site

KIND = "uhppoted"
_BACKLOG_AFTER = timedelta(minutes=10)  # the feed catches up every 30 s; what is older was missed then
_UNMAPPED = Meaning("unknown", "")


class Record(msgspec.Struct, rename="kebab"):
    """The fields we read; the texts beside the numbers are in the language of the daemon's host."""

    device_id: Any = None
    event_id: Any = None
    event_type: Any = None
    access_granted: Any = None
    door_id: Any = None
    direction: Any = None
    card_number: Any = None
    timestamp: Any = None
    event_reason: Any = None


def read_record(
    record: Record, message: Message, site: Site, *, live: bool, kind: str = KIND, stored: bool = False
) -> list[Event]:
    """The event a record states; none for an empty one. Raises BadMessage where it names no controller or no event.

    The live copy and the one of the feed carry the same numbers, so both give the same fact. ``stored``: read back
    from the controller's log, however young.
    """
    controller, number, event_type = whole(record.device_id), whole(record.event_id), whole(record.event_type)
    if controller is None or number is None or event_type is None:
        raise BadMessage("an event without device-id, event-id or event-type")
    if event_type == TYPE_NONE:
        return []
    reason = whole(record.event_reason)
    meaning = _meaning(event_type, reason)
    door = whole(record.door_id)
    when = _when(record.timestamp, message, site, live=live, stored=stored)
    event = Event(
        kind=meaning.kind,
        device=f"{kind}:{controller}",
        time=when.time,
        time_quality=when.time_quality,
        device_time=when.device_time,
        retained=message.retained,
        point=f"door/{door}" if door else None,
        source_event_id=str(number),
        subject=_subject(record.card_number),
        result=_result(meaning, record.access_granted),
        method=meaning.method,
        reason=meaning.reason or None,
        reason_code=None if reason is None else str(reason),
        direction=DIRECTIONS.get(whole(record.direction) or 0, "unknown") if meaning.kind == "access" else None,
        alarm=meaning.alarm,
        state=meaning.state,
        code=None if meaning.kind != "unknown" else _code(event_type),
        raw_codes={} if event_type in (1, 2, 3) and reason in REASONS else {"event-type": event_type},
    )
    return [event]


def _meaning(event_type: int, reason: int | None) -> Meaning:
    if event_type == TYPE_OVERWRITTEN:
        return _UNMAPPED
    return REASONS.get(reason or 0) or BY_TYPE.get(event_type, _UNMAPPED)


def _code(event_type: int) -> str:
    """An overwritten record is a loss: the controller's memory went round before anybody read it."""
    return "overwritten" if event_type == TYPE_OVERWRITTEN else f"event-type {event_type}"


def _result(meaning: Meaning, granted: object) -> str | None:
    """A swipe is granted only where the controller's flag agrees; buttons and remote openings do not set it alike."""
    if granted is None or meaning.method != "card" or meaning.result == "denied":
        return meaning.result
    return "granted" if flag(granted) else "denied"


def _subject(card: object) -> Subject | None:
    number = whole(card)
    return Subject(type="card", id=str(number)) if number else None


def _when(timestamp: object, message: Message, site: Site, *, live: bool, stored: bool) -> JudgedTime:
    """The controller's wall clock in the site's zone. The abbreviation behind it is that of the daemon's host: ignored.

    On the feed an old record is a backlog, not a bad clock.
    """
    said = text_in(timestamp)
    time = wall_clock(said, site.zone) if said else None
    backlog = stored or (not live and _is_old(time, message.received_at))
    return judged(time, said, message, site, replay=backlog)


def _is_old(time: datetime | None, received_at: datetime | None) -> bool:
    return time is not None and received_at is not None and received_at - time > _BACKLOG_AFTER

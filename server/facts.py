"""Facts: what every reader of the centre's log works with."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec
import structlog

from domain.events import Event
from domain.ids import Origin, derive, event_id, fact_id
from domain.wire import EventHead, Header, is_reckoned_with

log = structlog.get_logger()

# A NUL sign in a text, which PostgreSQL cannot keep: the reader that meets it would stand still. Folded as the sign for
# what is unknown, on every engine alike.
_NUL = rb"\u0000"
_NUL_ESCAPED = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_decode_event = msgspec.json.Decoder(Event).decode
_decode_head = msgspec.json.Decoder(EventHead).decode


class Fact(msgspec.Struct, gc=False):
    """An event at the centre: where it was born, whose it is, and when it came."""

    event: Event
    complex: str
    header: Header  # of the batch it came in,
    index: int  # and where it lies in that
    received_at: datetime
    _id: bytes | None = None

    @property
    def gateway(self) -> str:
        return self.header.gateway

    @property
    def origin(self) -> Origin:
        return self.header.origin(self.index)

    @property
    def id(self) -> bytes:
        """The event's id within the whole centre: no complex can name another's facts.

        Derived when it is first asked for: that costs more than all else here, and the alerts, which everything
        waits for after an outage, ask it of few.
        """
        if self._id is None:
            self._id = derive(self.complex, (fact_id(self.event) or event_id(self.event, self.origin)).hex())
        return self._id


def without_nul(unpacked: bytes) -> bytes:
    """The events' JSON with every NUL sign in it replaced."""
    return _NUL_ESCAPED.sub(rb"\1\\ufffd", unpacked) if _NUL in unpacked else unpacked


def read_sound_event(header: Header, index: int, body: bytes, received_at: datetime) -> Event:
    """The event at ``index`` of a batch whose times are known to be sound; one of kind unknown as ``read_event``."""
    try:
        return _decode_event(body)
    except (msgspec.MsgspecError, RecursionError):
        return read_event(header, index, body, received_at)


def read_event(header: Header, index: int, body: bytes, received_at: datetime) -> Event:
    """The event at ``index`` of a batch. What is not understood becomes one of kind unknown: it stops no reader."""
    try:
        event = _decode_event(body)
        if _is_sound(event):
            return event
        return _bare(event.device, received_at, "time")
    except (msgspec.MsgspecError, RecursionError) as error:
        log.error("event_not_understood", origin=str(header.origin(index)), error=str(error))
        return _bare("unknown", _recorded_at(body, received_at), str(error))


def _recorded_at(body: bytes, received_at: datetime) -> datetime:
    """When an event was recorded that is not understood: its day must stay the one that its gateway counts it under."""
    try:
        recorded_at = _decode_head(body).recorded_at
    except (msgspec.MsgspecError, RecursionError):
        return received_at
    return recorded_at if is_reckoned_with(recorded_at) else received_at


def _is_sound(event: Event) -> bool:
    """Whether every reader can reckon with its times. Ingest refuses others; what was stored earlier is met here."""
    times = [time for time in (event.recorded_at, event.time, event.ended_at) if time is not None]
    return event.recorded_at is not None and all(time.tzinfo and is_reckoned_with(time) for time in times)


def _bare(device: str, recorded_at: datetime, reason: str) -> Event:
    return Event(kind="unknown", device=device, recorded_at=recorded_at, code="not_understood", text=reason)

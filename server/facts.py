"""Batches unpacked into facts: what every reader of the centre's log works with."""

from __future__ import annotations

import re
from collections import OrderedDict
from datetime import datetime

import msgspec
import structlog

from domain.events import Event
from domain.ids import Origin, derive, event_id
from domain.wire import EventHead, Header, split_events, unpack
from eventlog.log import Record

log = structlog.get_logger()

_MAX_CACHED_EVENTS = 100_000
# A NUL sign in a text, which PostgreSQL cannot keep: the reader that meets it would stand still. Folded as the sign for
# what is unknown, on every engine alike.
_NUL = rb"\u0000"
_NUL_ESCAPED = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_decode_all = msgspec.json.Decoder(list[Event]).decode
_decode_one = msgspec.json.Decoder(Event).decode
_decode_head = msgspec.json.Decoder(EventHead).decode


class Fact(msgspec.Struct, gc=False):
    """An event at the centre: where it was born, whose it is, and when it came."""

    event: Event
    complex: str
    origin: Origin
    received_at: datetime
    header: Header  # of the batch it came in,
    position: int  # and where that lies in the log
    _id: bytes | None = None

    @property
    def gateway(self) -> str:
        return self.origin.gateway

    @property
    def id(self) -> bytes:
        """The event's id within the whole centre: no complex can name another's facts.

        Derived when it is first asked for: that costs more than all else here, and the alerts, which everything
        waits for after an outage, ask it of few.
        """
        if self._id is None:
            self._id = derive(self.complex, event_id(self.event, self.origin).hex())
        return self._id


class Unpacker:
    """Unpacks records; the latest are kept unpacked, because several readers want them at about the same time."""

    def __init__(self, max_events: int = _MAX_CACHED_EVENTS) -> None:
        self._kept: OrderedDict[int, list[Fact]] = OrderedDict()
        self._size, self._max_events = 0, max_events

    def facts(self, record: Record) -> list[Fact]:
        """The facts of a batch, in order of sequence. Raises BadBatch where the stored bytes are damaged."""
        found = self._kept.get(record.position)
        if found is None:
            found = _unpacked(record)
            self._keep(record.position, found)
        return found

    def _keep(self, position: int, facts: list[Fact]) -> None:
        self._kept[position] = facts
        self._size += len(facts)
        while self._size > self._max_events and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1])


def _unpacked(record: Record) -> list[Fact]:
    header, unpacked = unpack(record.body)
    if _NUL in unpacked:
        unpacked = _NUL_ESCAPED.sub(rb"\1\\ufffd", unpacked)
    received_at = datetime.fromisoformat(record.received_at)
    return [
        Fact(event, record.complex, header.origin(index), received_at, header, record.position)
        for index, event in enumerate(_events(header, unpacked, received_at))
    ]


def _events(header: Header, unpacked: bytes, received_at: datetime) -> list[Event]:
    try:
        events = _decode_all(unpacked)
    except (msgspec.MsgspecError, RecursionError):
        return [_event(header, index, body, received_at) for index, body in enumerate(split_events(unpacked))]
    return [event if _is_sound(event) else _bare(event.device, received_at, "time") for event in events]


def _recorded_at(body: bytes, received_at: datetime) -> datetime:
    """When an event was recorded that is not understood: its day must stay the one that its gateway counts it under."""
    try:
        return _decode_head(body).recorded_at
    except (msgspec.MsgspecError, RecursionError):
        return received_at


def _event(header: Header, index: int, body: bytes, received_at: datetime) -> Event:
    """One event of a batch that as a whole does not decode: what cannot be understood stays as unknown."""
    try:
        event = _decode_one(body)
        if _is_sound(event):
            return event
        reason = "time"
    except (msgspec.MsgspecError, RecursionError) as error:
        reason = str(error)
    log.error("event_not_understood", origin=str(header.origin(index)), error=reason)
    return _bare("unknown", _recorded_at(body, received_at), reason)


def _is_sound(event: Event) -> bool:
    """Whether every reader can reckon with its times. Ingest refuses others; what was stored earlier is met here."""
    times = [time for time in (event.recorded_at, event.time, event.ended_at) if time is not None]
    return event.recorded_at is not None and all(time.tzinfo and 1970 <= time.year <= 9000 for time in times)


def _bare(device: str, recorded_at: datetime, reason: str) -> Event:
    return Event(kind="unknown", device=device, recorded_at=recorded_at, code="not_understood", text=reason)

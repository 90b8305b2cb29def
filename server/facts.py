"""Batches unpacked into facts: what every reader of the centre's log works with."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime

import msgspec
import structlog

from domain.events import Event
from domain.ids import event_id
from domain.wire import Header, split_events, unpack
from eventlog.log import Record

log = structlog.get_logger()

_MAX_CACHED_EVENTS = 100_000
_decode_all = msgspec.json.Decoder(list[Event]).decode
_decode_one = msgspec.json.Decoder(Event).decode


class Fact(msgspec.Struct, frozen=True):
    """An event at the centre: its id, whose it is, and when it came."""

    id: bytes
    event: Event
    complex: str
    gateway: str
    received_at: datetime


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
    received_at = datetime.fromisoformat(record.received_at)
    return [
        Fact(event_id(event, header.origin(index)), event, record.complex, header.gateway, received_at)
        for index, event in enumerate(_events(header, unpacked))
    ]


def _events(header: Header, unpacked: bytes) -> list[Event]:
    try:
        return _decode_all(unpacked)
    except msgspec.MsgspecError:
        return [_event(header, index, body) for index, body in enumerate(split_events(unpacked))]


def _event(header: Header, index: int, body: bytes) -> Event:
    """One event of a batch that as a whole does not decode: what cannot be understood stays as unknown."""
    try:
        return _decode_one(body)
    except msgspec.MsgspecError as error:
        log.error("event_not_understood", origin=str(header.origin(index)), error=str(error))
        head = msgspec.json.decode(body, type=dict[str, object])
        recorded_at = msgspec.convert(head["recorded_at"], datetime)
        return Event(kind="unknown", device=str(head["device"]), recorded_at=recorded_at, ext={"not_understood": head})

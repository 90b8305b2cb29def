"""UHPPOTE door controllers (UT0311-L0x and their rebrands) by their own UDP packets, without a daemon between."""

from __future__ import annotations

from datetime import date
from types import MappingProxyType
from typing import Any

from domain.events import Event
from edge.devices import _uhppote_packet as packets
from edge.devices._fields import keep_raw
from edge.devices._uhppote_cards import CARD_LIST
from edge.devices._uhppote_commands import KIND, encode
from edge.devices._uhppoted_record import Record, read_record
from edge.devices.driver import Driver, Message, Reading, Site

FAMILY = "uhppote-udp"


def decode(message: Message, site: Site) -> Reading:
    """What a controller says: an event it pushed, a record of its log, an answer. Raises BadMessage."""
    function, serial = packets.opened(message.payload)
    if function in (packets.STATUS, packets.GET_EVENT):
        return Reading(_event(message, serial, site, stored=function == packets.GET_EVENT))
    if function not in packets.NAMES:
        raw, kept = keep_raw(message, "binary")
        event = _of(serial, message, "unknown", code=f"function 0x{function:02x}", raw=raw)
        return Reading([event], kept)
    return Reading([_answer(function, serial, message)])


def _event(message: Message, serial: int, site: Site, *, stored: bool) -> list[Event]:
    """A controller that was cleared numbers its events from 1 again, so the time joins in what names one."""
    found = packets.record_in(message.payload)
    if not found.index:
        return []  # its state, with no event in its log yet
    record = Record(
        device_id=serial,
        event_id=found.index,
        event_type=found.type,
        access_granted=found.granted != 0,
        door_id=found.door,
        direction=found.direction,
        card_number=found.card,
        timestamp=found.timestamp,
        event_reason=found.reason,
    )
    events = read_record(record, message, site, live=True, kind=KIND, stored=stored)
    for event in events:
        event.counter_restarts = True
    return events


def _answer(function: int, serial: int, message: Message) -> Event:
    """Answers carry neither a door nor the request's id: the transport, which asks one thing at a time, knows it."""
    done = bool(message.payload[8]) if function in packets.SAYS_DONE else True
    told = _TOLD.get(function)
    return _of(
        serial,
        message,
        "command_result",
        label=packets.NAMES[function],
        ok=done,
        request_id=message.request_id or None,
        raw_codes=told(message.payload) if told else {},
    )


def _of(serial: int, message: Message, kind: str, **rest: Any) -> Event:
    """An answer is dated by nobody."""
    device = f"{KIND}:{serial}"
    return Event(kind=kind, device=device, time_quality="gateway", retained=message.retained, **rest)


def _card_codes(packet: bytes) -> dict[str, Any]:
    """A card list is not copied into the log: whether there is such a card, and what it opens."""
    card = packets.card_in(packet)
    if card.card in (packets.NO_CARD, packets.DELETED_CARD):
        return {"found": 0}
    return {"found": 1, "begin": _day(card.begin), "end": _day(card.end), "doors": ",".join(map(str, card.rights))}


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _listener_codes(packet: bytes) -> dict[str, Any]:
    address, port = packets.listener_in(packet)
    return {"listener": f"{address}:{port}"}


def _controller_codes(packet: bytes) -> dict[str, Any]:
    firmware, mac = packets.firmware_in(packet), packets.mac_in(packet)
    return {"firmware": firmware, "mac": mac, "address": packets.address_in(packet)}


def _clock_codes(packet: bytes) -> dict[str, Any]:
    return {"clock": packets.clock_text(packet[8:15])}


def _door_codes(packet: bytes) -> dict[str, Any]:
    return {"door": packet[8], "mode": packet[9], "delay_s": packet[10]}


def _number_codes(packet: bytes) -> dict[str, Any]:
    return {"number": packets.number_at(packet, 8)}


_TOLD = MappingProxyType(
    {
        packets.SET_TIME: _clock_codes,
        packets.GET_TIME: _clock_codes,
        packets.CARD_COUNT: _number_codes,
        packets.GET_CARD: _card_codes,
        packets.GET_CARD_AT: _card_codes,
        packets.SET_DOOR: _door_codes,
        packets.GET_DOOR: _door_codes,
        packets.GET_LISTENER: _listener_codes,
        packets.GET_CONTROLLER: _controller_codes,
        packets.GET_EVENT_INDEX: _number_codes,
    }
)

DRIVER = Driver(
    kind=KIND,
    families=(FAMILY,),
    decode=decode,
    encode=encode,
    transports=("udp",),
    card_list=CARD_LIST,
)

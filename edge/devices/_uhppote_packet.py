"""The 64-byte packets of UHPPOTE controllers: numbers little-endian, times BCD on the site's wall clock, no zone.

Source: the packets of pip uhppoted 0.9.1.1, against which the tests hold every function.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from ipaddress import IPv4Address
from types import MappingProxyType

import msgspec

from edge.devices.driver import BadMessage

SIZE = 64
START, START_V662 = 0x17, 0x19  # firmware 6.62 begins its events, and nothing else, with 0x19
_SURE = 0x55AAAA55  # stands in requests that overwrite something
MAX_SERIAL = MAX_CARD = 2**32 - 1
FIRST_EVENT, LAST_EVENT = 0, 2**32 - 1  # instead of an index in get-event
NO_CARD, DELETED_CARD = 0, 2**32 - 1  # what stands for a card where none is; where one was
DOORS = (1, 2, 3, 4)

STATUS, SET_TIME, GET_TIME, OPEN_DOOR = 0x20, 0x30, 0x32, 0x40
PUT_CARD, DELETE_CARD, DELETE_ALL_CARDS = 0x50, 0x52, 0x54
CARD_COUNT, GET_CARD, GET_CARD_AT = 0x58, 0x5A, 0x5C
SET_DOOR, GET_DOOR, SPECIAL_EVENTS = 0x80, 0x82, 0x8E
SET_LISTENER, GET_LISTENER, GET_CONTROLLER = 0x90, 0x92, 0x94
GET_EVENT, SET_EVENT_INDEX, GET_EVENT_INDEX = 0xB0, 0xB2, 0xB4

NAMES = MappingProxyType(
    {
        STATUS: "get-status",
        SET_TIME: "set-time",
        GET_TIME: "get-time",
        OPEN_DOOR: "open-door",
        PUT_CARD: "put-card",
        DELETE_CARD: "delete-card",
        DELETE_ALL_CARDS: "delete-cards",
        CARD_COUNT: "get-cards",
        GET_CARD: "get-card",
        GET_CARD_AT: "get-card-by-index",
        SET_DOOR: "set-door-control",
        GET_DOOR: "get-door-control",
        SPECIAL_EVENTS: "record-special-events",
        SET_LISTENER: "set-listener",
        GET_LISTENER: "get-listener",
        GET_CONTROLLER: "get-controller",
        GET_EVENT: "get-event",
        SET_EVENT_INDEX: "set-event-index",
        GET_EVENT_INDEX: "get-event-index",
    }
)
# Those whose answer is one byte: done or not.
SAYS_DONE = frozenset(
    {OPEN_DOOR, PUT_CARD, DELETE_CARD, DELETE_ALL_CARDS, SPECIAL_EVENTS, SET_LISTENER, SET_EVENT_INDEX}
)


class Record(msgspec.Struct, frozen=True):
    """An event of a controller's log. ``timestamp`` is its wall clock as text, "" where it gave none."""

    index: int
    type: int
    granted: int
    door: int
    direction: int
    card: int
    timestamp: str
    reason: int


class CardRecord(msgspec.Struct, frozen=True):
    """A card as a controller holds it. A door's right: 0 none, 1 always, 2 to 254 a time profile."""

    card: int
    begin: date | None
    end: date | None
    rights: tuple[int, int, int, int]
    rest: bytes = bytes(4)  # the PIN (three bytes) and the doors at which the card is a first card (one bit each)


def request(function: int, serial: int, *parts: bytes) -> bytes:
    """A packet to a controller; what is not said is zero."""
    return (bytes((START, function, 0, 0)) + number(serial) + b"".join(parts)).ljust(SIZE, b"\0")


def number(value: int, size: int = 4) -> bytes:
    return value.to_bytes(size, "little")


def sure(*parts: bytes) -> bytes:
    """``parts`` and the word without which a controller does not overwrite."""
    return b"".join(parts) + number(_SURE)


def bcd(text: str) -> bytes:
    """Digits, two a byte."""
    return bytes.fromhex(text)


def bcd_date(day: date) -> bytes:
    return bcd(f"{day:%Y%m%d}")


def set_time(serial: int, local: datetime) -> bytes:
    """``local`` is the wall clock to show."""
    return request(SET_TIME, serial, bcd(f"{local:%Y%m%d%H%M%S}"))


def set_listener(serial: int, address: IPv4Address, port: int, every_s: int = 0) -> bytes:
    """Whom events are sent to. ``every_s``: the state too, so often; 0: events alone."""
    return request(SET_LISTENER, serial, address.packed, number(port, 2), number(every_s, 1))


def put_card(serial: int, card: CardRecord) -> bytes:
    """Raises ValueError for a card without both dates: a controller would refuse it, or open for ever."""
    if card.begin is None or card.end is None:
        raise ValueError(f"card {card.card} needs both dates")
    return request(
        PUT_CARD, serial, number(card.card), bcd_date(card.begin), bcd_date(card.end), bytes(card.rights), card.rest
    )


def set_door(serial: int, door: int, mode: int, delay_s: int) -> bytes:
    """``mode`` 1: open, 2: closed whatever comes, 3: by card; ``delay_s``: so long a card unlocks it."""
    return request(SET_DOOR, serial, bytes((door, mode, delay_s)))


def opened(packet: bytes) -> tuple[int, int]:
    """The function and the serial number of a packet from a controller. Raises BadMessage."""
    if len(packet) != SIZE:
        raise BadMessage(f"{len(packet)} bytes; a packet of a UHPPOTE controller has {SIZE}")
    start, function = packet[0], packet[1]
    if start != START and (start, function) != (START_V662, STATUS):
        raise BadMessage(f"begins with 0x{start:02x} 0x{function:02x}, which no packet of a UHPPOTE controller does")
    serial = number_at(packet, 4)
    if not serial:
        raise BadMessage("from controller 0, which there is not")
    return function, serial


def number_at(packet: bytes, at: int, size: int = 4) -> int:
    return int.from_bytes(packet[at : at + size], "little")


def record_in(packet: bytes) -> Record:
    """The event in a pushed packet, in an answer to get-status, or to get-event."""
    index, card = number_at(packet, 8), number_at(packet, 16)
    kind, granted, door, direction = packet[12:16]
    return Record(index, kind, granted, door, direction, card, clock_text(packet[20:27]), packet[27])


def clock_text(digits: bytes) -> str:
    """BCD century to second as ``YYYY-MM-DD HH:MM:SS``; the digits as they are where they are none; "" for zeros."""
    text = digits.hex()
    if not text.strip("0"):
        return ""
    day, hour = text[:8], text[8:]
    return f"{day[:4]}-{day[4:6]}-{day[6:]} {hour[:2]}:{hour[2:4]}:{hour[4:]}"


def status_clock(packet: bytes) -> str:
    """The controller's wall clock in an answer to get-status, which leaves the century out."""
    return clock_text(b"\x20" + packet[51:54] + packet[37:40])


def date_at(packet: bytes, at: int) -> date | None:
    """None for zeros, and for what is no day."""
    try:
        return datetime.strptime(packet[at : at + 4].hex(), "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None


def card_in(packet: bytes) -> CardRecord:
    """The card in an answer to get-card or get-card-by-index; its number may be NO_CARD or DELETED_CARD."""
    one, two, three, four = packet[20:24]
    rights = (one, two, three, four)
    return CardRecord(number_at(packet, 8), date_at(packet, 12), date_at(packet, 16), rights, packet[24:28])


def listener_in(packet: bytes) -> tuple[IPv4Address, int]:
    """Whom events are sent to, in an answer to get-listener."""
    return IPv4Address(packet[8:12]), number_at(packet, 12, 2)


def firmware_in(packet: bytes) -> str:
    """In an answer to get-controller."""
    return f"{packet[26]:x}.{packet[27]:02x}"


def address_in(packet: bytes) -> str:
    """The controller's own address, in an answer to get-controller."""
    return str(IPv4Address(packet[8:12]))


def mac_in(packet: bytes) -> str:
    return ":".join(f"{byte:02x}" for byte in packet[20:26])


def rights_of(doors: Iterable[int]) -> tuple[int, int, int, int]:
    """Always at these doors, never at the others."""
    held = frozenset(doors)
    one, two, three, four = (int(door in held) for door in DOORS)
    return one, two, three, four

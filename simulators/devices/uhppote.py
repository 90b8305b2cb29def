"""A UHPPOTE door controller on a real UDP port: cards, a ring of events, a listener, a clock; it decides by itself.

Written from the packets of pip uhppoted 0.9.1.1, whose client drives it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from ipaddress import IPv4Address
from types import MappingProxyType
from zoneinfo import ZoneInfo

import msgspec

SWIPE, DOOR, ALARM, OVERWRITTEN = 1, 2, 3, 255
SWIPE_OK, NO_RIGHT, BUTTON, DOOR_OPEN, DOOR_CLOSED, FORCED, REMOTE = 1, 6, 20, 23, 24, 38, 44
IN, OUT = 1, 2
NO_CARD, DELETED = 0, 0xFFFFFFFF
_SIZE, _SOM, _SOM_662, _SURE = 64, 0x17, 0x19, 0x55AAAA55
_ALWAYS, _LAST = 1, 0xFFFFFFFF


class Card(msgspec.Struct):
    """A card as it is kept."""

    number: int
    begin: bytes  # BCD
    end: bytes
    rights: bytes  # one a door
    rest: bytes = bytes(4)  # the PIN, and where it is a first card

    @property
    def body(self) -> bytes:
        return _number(self.number) + self.begin + self.end + self.rights + self.rest

    def opens(self, door: int, today: date) -> bool:
        day = f"{today:%Y%m%d}"
        return self.rights[door - 1] >= _ALWAYS and self.begin.hex() <= day <= self.end.hex()


class Happened(msgspec.Struct, frozen=True):
    """An event in its memory: bytes 12 to 27 of a packet."""

    index: int
    body: bytes


class Controller(asyncio.DatagramProtocol):
    """One controller. ``off`` is how far its clock is from the truth; ``lose`` pushes do not arrive; ``is_deaf``: it
    answers nothing, as with its cable out."""

    def __init__(
        self,
        serial: int,
        zone: ZoneInfo,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        memory: int = 1_000,
        *,
        v662: bool = False,
    ) -> None:
        self.serial, self._zone, self._now, self._memory, self._v662 = serial, zone, now, memory, v662
        self.off = timedelta()
        self.lose = 0
        self.room = 20_000  # for cards
        self.is_deaf = False
        self.slots: list[Card | None] = []  # a deleted card leaves its place empty
        self.events: list[Happened] = []
        self.listener = (IPv4Address(0), 0)
        self.special = False
        self.opened: list[int] = []
        self.asked: list[int] = []  # functions, in order
        self._newest = self._index = 0
        self._doors: dict[int, tuple[int, int]] = dict.fromkeys((1, 2, 3, 4), (3, 5))
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """The port it is reached at."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
        return self._transport.get_extra_info("sockname")[1]

    def stop(self) -> None:
        if self._transport:
            self._transport.close()

    @property
    def cards(self) -> dict[int, Card]:
        return {card.number: card for card in self.slots if card is not None}

    @property
    def clock(self) -> datetime:
        """What it shows, without a zone."""
        return (self._now() + self.off).astimezone(self._zone).replace(tzinfo=None)

    def keep_card(self, number: int, doors: tuple[int, ...], begin: str = "20200101", end: str = "20991231") -> None:
        """As somebody enters one at its keypad."""
        rights = bytes(int(door in doors) for door in (1, 2, 3, 4))
        self._put(Card(number, bytes.fromhex(begin), bytes.fromhex(end), rights))

    def swipe(self, door: int, number: int, direction: int = IN) -> bool:
        """A card at a reader; whether it opened."""
        card = self.cards.get(number)
        granted = card is not None and card.opens(door, self.clock.date())
        self._happen(SWIPE, granted, door, direction, number, SWIPE_OK if granted else NO_RIGHT)
        return granted

    def door(self, door: int, reason: int) -> None:
        """A door opened or closed, or its button: kept only where special events are recorded."""
        if self.special:
            self._happen(DOOR, True, door, 0, 0, reason)

    def alarm(self, door: int, reason: int = FORCED) -> None:
        self._happen(ALARM, False, door, 0, 0, reason)

    def clear(self) -> None:
        """Its memory is emptied: it numbers from 1 again."""
        self.events, self._newest, self._index = [], 0, 0

    def _happen(self, kind: int, granted: bool, door: int, direction: int, card: int, reason: int) -> None:
        self._newest += 1
        body = bytes((kind, granted, door, direction)) + _number(card) + _bcd(f"{self.clock:%Y%m%d%H%M%S}")
        self.events.append(Happened(self._newest, body + bytes((reason,))))
        del self.events[: -self._memory]
        address, port = self.listener
        if self._transport is None or not port:
            return
        if self.lose:
            self.lose -= 1
            return
        start = _SOM_662 if self._v662 else _SOM
        self._transport.sendto(self._state(start), (str(address), port))

    def _state(self, start: int = _SOM) -> bytes:
        """Its newest event, and how it is: an event and an answer to get-status look the same."""
        newest = self.events[-1] if self.events else Happened(0, bytes(16))
        packet = bytearray(self._packet(0x20, _number(newest.index) + newest.body))
        packet[0] = start
        packet[37:40] = _bcd(f"{self.clock:%H%M%S}")
        packet[51:54] = _bcd(f"{self.clock:%y%m%d}")
        return bytes(packet)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) != _SIZE or data[0] != _SOM or self.is_deaf or self._transport is None:
            return
        serial = int.from_bytes(data[4:8], "little")
        answer = _ANSWERS.get(data[1])
        if answer is None or serial not in (self.serial, 0) or (not serial and data[1] != 0x94):
            return
        self.asked.append(data[1])
        self._transport.sendto(answer(self, data), addr)

    def _packet(self, function: int, body: bytes) -> bytes:
        return (bytes((_SOM, function, 0, 0)) + _number(self.serial) + body).ljust(_SIZE, b"\0")

    def _done(self, data: bytes, done: bool = True) -> bytes:
        return self._packet(data[1], bytes((done,)))

    def status(self, data: bytes) -> bytes:
        return self._state()

    def set_time(self, data: bytes) -> bytes:
        shown = datetime.strptime(data[8:15].hex(), "%Y%m%d%H%M%S").replace(tzinfo=self._zone)
        self.off = shown - self._now()
        return self._packet(data[1], data[8:15])

    def get_time(self, data: bytes) -> bytes:
        return self._packet(data[1], _bcd(f"{self.clock:%Y%m%d%H%M%S}"))

    def open_door(self, data: bytes) -> bytes:
        if data[8] not in self._doors:
            return self._done(data, False)
        self.opened.append(data[8])
        self._happen(DOOR, True, data[8], 0, 0, REMOTE)
        return self._done(data)

    def put_card(self, data: bytes) -> bytes:
        number = int.from_bytes(data[8:12], "little")
        full = number not in self.cards and len(self.cards) >= self.room
        if number in (NO_CARD, DELETED) or full:
            return self._done(data, False)
        self._put(Card(number, data[12:16], data[16:20], data[20:24], data[24:28]))
        return self._done(data)

    def _put(self, card: Card) -> None:
        for place, held in enumerate(self.slots):
            if held is not None and held.number == card.number:
                self.slots[place] = card
                return
        self.slots.append(card)

    def delete_card(self, data: bytes) -> bytes:
        number = int.from_bytes(data[8:12], "little")
        for place, held in enumerate(self.slots):
            if held is not None and held.number == number:
                self.slots[place] = None
                return self._done(data)
        return self._done(data, False)

    def delete_cards(self, data: bytes) -> bytes:
        sure = int.from_bytes(data[8:12], "little") == _SURE
        self.slots = [] if sure else self.slots
        return self._done(data, sure)

    def card_count(self, data: bytes) -> bytes:
        return self._packet(data[1], _number(len(self.cards)))

    def get_card(self, data: bytes) -> bytes:
        card = self.cards.get(int.from_bytes(data[8:12], "little"))
        return self._packet(data[1], card.body if card else b"")

    def get_card_at(self, data: bytes) -> bytes:
        place = int.from_bytes(data[8:12], "little")
        if not 1 <= place <= len(self.slots):
            return self._packet(data[1], _number(NO_CARD))
        card = self.slots[place - 1]
        return self._packet(data[1], card.body if card else _number(DELETED))

    def set_door(self, data: bytes) -> bytes:
        self._doors[data[8]] = (data[9], data[10])
        return self._packet(data[1], data[8:11])

    def get_door(self, data: bytes) -> bytes:
        return self._packet(data[1], bytes((data[8], *self._doors.get(data[8], (0, 0)))))

    def record_special(self, data: bytes) -> bytes:
        self.special = bool(data[8])
        return self._done(data)

    def set_listener(self, data: bytes) -> bytes:
        self.listener = IPv4Address(data[8:12]), int.from_bytes(data[12:14], "little")
        return self._done(data)

    def get_listener(self, data: bytes) -> bytes:
        address, port = self.listener
        return self._packet(data[1], address.packed + port.to_bytes(2, "little"))

    def get_controller(self, data: bytes) -> bytes:
        network = IPv4Address("127.0.0.1").packed + IPv4Address("255.0.0.0").packed + bytes(4)
        return self._packet(data[1], network + bytes.fromhex("00005e005301") + _bcd("0662") + _bcd("20240115"))

    def get_event(self, data: bytes) -> bytes:
        """0: its oldest; the highest number: its newest; what its memory went over: type 255."""
        wanted = int.from_bytes(data[8:12], "little")
        oldest = self.events[0].index if self.events else 0
        index = {0: oldest, _LAST: self._newest}.get(wanted, wanted)
        found = next((event for event in self.events if event.index == index), None)
        if found is not None:
            return self._packet(data[1], _number(index) + found.body)
        gone = 0 < index < oldest
        return self._packet(data[1], _number(index) + bytes((OVERWRITTEN,)) if gone else b"")

    def set_event_index(self, data: bytes) -> bytes:
        if int.from_bytes(data[12:16], "little") != _SURE:
            return self._done(data, False)
        self._index = int.from_bytes(data[8:12], "little")
        return self._done(data)

    def get_event_index(self, data: bytes) -> bytes:
        return self._packet(data[1], _number(self._index))


def _number(value: int) -> bytes:
    return value.to_bytes(4, "little")


def _bcd(digits: str) -> bytes:
    return bytes.fromhex(digits)


_ANSWERS: MappingProxyType[int, Callable[[Controller, bytes], bytes]] = MappingProxyType(
    {
        0x20: Controller.status,
        0x30: Controller.set_time,
        0x32: Controller.get_time,
        0x40: Controller.open_door,
        0x50: Controller.put_card,
        0x52: Controller.delete_card,
        0x54: Controller.delete_cards,
        0x58: Controller.card_count,
        0x5A: Controller.get_card,
        0x5C: Controller.get_card_at,
        0x80: Controller.set_door,
        0x82: Controller.get_door,
        0x8E: Controller.record_special,
        0x90: Controller.set_listener,
        0x92: Controller.get_listener,
        0x94: Controller.get_controller,
        0xB0: Controller.get_event,
        0xB2: Controller.set_event_index,
        0xB4: Controller.get_event_index,
    }
)

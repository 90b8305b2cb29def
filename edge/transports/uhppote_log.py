"""The event log of a UHPPOTE controller, read after an absence or a lost packet: its events know no acknowledgement."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from domain.events import Event
from edge.devices import _uhppote_packet as packets
from edge.devices._uhppote_reasons import TYPE_OVERWRITTEN
from edge.transports.links import Around
from edge.transports.read_up_to import Numbers, ReadUpTo
from edge.transports.uhppote_asking import Fits

log = structlog.get_logger()

_RECORDS_A_LOOK = 200
_MOST_AFRESH = 10_000  # of a log that begins anew
_NOTE_EVERY_S = 60.0  # the controller writes the note into its flash


class Ask(Protocol):
    def __call__(self, request: bytes, fits: Fits = ...) -> Awaitable[bytes | None]: ...


@dataclass(frozen=True)
class Link:
    """The way to the controller: ask it, offer what it said, look at it again at once."""

    ask: Ask
    offer: Callable[[bytes, Callable[[], None]], None]
    wake: Callable[[], None]


class LogReader:
    """What of one controller's log is not in ours."""

    def __init__(self, device: str, serial: int, around: Around, read: ReadUpTo, link: Link) -> None:
        self._device, self._serial, self._around, self._read, self._link = device, serial, around, read, link
        self._noted, self._noted_s = 0, -_NOTE_EVERY_S

    async def read(self, newest: int) -> None:
        """Its own log, as far as it is not in ours."""
        numbers = self._read.of(self._device)
        if numbers is None:
            numbers = self._read.begin(self._device, await self._first_number(newest))
        if newest < numbers.upto:
            log.warning("log_cleared", device=self._device, was=numbers.upto, now=newest)
            numbers.restart(max(0, newest - _MOST_AFRESH))
        for number in numbers.missing(newest, _RECORDS_A_LOOK, self._now_s()):
            if number > numbers.upto and not await self._read_record(number, numbers):
                return
        if numbers.missing(newest, 1, self._now_s()):
            self._link.wake()

    async def _first_number(self, newest: int) -> int:
        """Where whoever read it before us stopped, as the controller itself notes it; else the present."""
        noted = await self._link.ask(packets.request(packets.GET_EVENT_INDEX, self._serial))
        number = packets.number_at(noted, 8) if noted else 0
        return number if 0 < number <= newest else newest

    async def _read_record(self, number: int, numbers: Numbers) -> bool:
        """Offer one record; False where it did not answer."""
        answer = await self._get_event(number)
        if answer is None:
            return False
        record = packets.record_in(answer)
        if record.type == TYPE_OVERWRITTEN:
            await self._tell_overwritten(number, numbers)
        elif record.index != number:
            numbers.durable(number)  # there is none of this number
            return True
        self._link.offer(answer, self._read.acknowledge(self._device, number, self._now_s()))
        return True

    async def _get_event(self, number: int) -> bytes | None:
        request = packets.request(packets.GET_EVENT, self._serial, packets.number(number))
        fits: Fits = lambda answer: packets.number_at(answer, 8) in (number, 0)  # noqa: E731
        return await self._link.ask(request, fits)

    async def _tell_overwritten(self, number: int, numbers: Numbers) -> None:
        """Its memory went round before anybody read it: say how many are lost, and go on with the oldest it has."""
        first = await self._link.ask(
            packets.request(packets.GET_EVENT, self._serial, packets.number(packets.FIRST_EVENT))
        )
        oldest = packets.number_at(first, 8) if first else 0
        lost = max(oldest - number, 1)
        numbers.skip_to(number + lost - 1)
        log.error("events_overwritten", device=self._device, first=number, lost=lost)
        now = self._around.clock.now()
        metrics = {"lost": float(lost), "first": float(number)}
        told = Event(kind="measurement", device=self._device, label="events_overwritten", metrics=metrics, time=now)
        self._around.say(told)

    async def note(self) -> None:
        """Note in the controller how far it was read: whoever comes after us, on another disk, goes on there."""
        numbers = self._read.of(self._device)
        if numbers is None or numbers.upto == self._noted or self._now_s() - self._noted_s < _NOTE_EVERY_S:
            return
        sure = packets.sure(packets.number(numbers.upto))
        if await self._link.ask(packets.request(packets.SET_EVENT_INDEX, self._serial, sure)) is not None:
            self._noted, self._noted_s = numbers.upto, self._now_s()

    def _now_s(self) -> float:
        return self._around.clock.monotonic_s()

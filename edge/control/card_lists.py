"""Card lists of controllers that decide by themselves: compared with what is wished, repaired; revoked cards first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import structlog

from domain.access import NO_CARDS
from domain.card_lists import CardWish, Wishes, wishes_of
from domain.desired_bodies import Device
from domain.events import Event
from edge.control.desired import InForce
from edge.devices.card_list import END, MISSING, CardListCodec, HeldCard
from edge.devices.driver import Registry
from edge.intake.device_list import DeviceList

log = structlog.get_logger()

COMPARED_EVERY_S = 3_600.0
_AGAIN_AFTER_S = 30.0  # where a controller did not do as it was told
_PAUSE_S = 0.005  # between two requests: doors and events go before
_MAX_PLACES = 100_000
_MAX_BLIND = 1_000

Ask = Callable[[bytes], Awaitable[bytes | None]]


class Reached(msgspec.Struct, frozen=True):
    """How a device's list is, against the wishes of a version: ``held`` of ``wished`` cards are in it as they shall."""

    version: int
    wished: int
    held: int
    put: int = 0
    deleted: int = 0
    failure: str = ""

    @property
    def is_whole(self) -> bool:
        return self.held == self.wished and not self.failure


class _Known(msgspec.Struct):
    """What is known of a device's list since it was last read, and for which wishes it was last brought."""

    cards: dict[str, HeldCard] | None = None
    revision: int = -1
    compared_s: float = 0.0
    again_s: float = 0.0
    reached: Reached | None = None


class _Overtaken(Exception):
    """Other wishes are in force: begin again, with what is to be deleted now."""


class _Unheard(Exception):
    """The device did not answer, or would not do it."""


class CardLists:
    """One for all transports: each brings the lists of its own devices when they are due.

    ``say`` takes an event for the log and does not wait for it. A device that is not said to keep cards is left alone,
    and so is every device until the centre has sent credentials: an empty list would shut everybody out.
    """

    def __init__(
        self,
        devices: DeviceList,
        registry: Registry,
        zone: ZoneInfo,
        now: Callable[[], datetime],
        say: Callable[[Event], None],
    ) -> None:
        self._devices, self._registry, self._zone, self._now, self._say = devices, registry, zone, now, say
        self._cards = NO_CARDS
        self._known: dict[str, _Known] = {}
        self.revision = 0  # rises with every change of what is in force

    def go_by(self, state: InForce) -> None:
        """Other wishes from now on."""
        self._cards = state.cards
        self.revision += 1

    def described(self) -> dict[str, Any]:
        """For people: each device's list as it was last left."""
        return {device: msgspec.to_builtins(known.reached) for device, known in self._known.items() if known.reached}

    def is_due(self, identity: str, now_s: float) -> bool:
        """Whether ``bring`` has something to do."""
        device = self._devices.of(identity)
        if device is None or not device.keeps_cards or not self._cards.version or not self._codec(identity):
            return False
        known = self._known.get(identity) or _Known()
        if known.revision != self.revision:
            return True
        whole = known.reached is not None and known.reached.is_whole
        return now_s >= known.compared_s + COMPARED_EVERY_S or (not whole and now_s >= known.again_s)

    def forget(self, identity: str) -> None:
        """The device was away: what its list holds is read anew."""
        if known := self._known.get(identity):
            known.cards, known.again_s, known.revision = None, 0.0, -1

    async def bring(self, identity: str, ask: Ask, now_s: float) -> None:
        """Make the device's list as it shall be; what did not work is tried again later."""
        device, codec = self._devices.of(identity), self._codec(identity)
        if device is None or codec is None:
            return
        known = self._known.setdefault(identity, _Known())
        if now_s >= known.compared_s + COMPARED_EVERY_S:
            known.cards = None
        revision = self.revision
        wishes = await asyncio.to_thread(wishes_of, self._cards, device, self._now().astimezone(self._zone).date())
        round_ = _Round(device, codec, wishes, known, ask, lambda: self.revision != revision)
        try:
            failure = await round_.run(now_s)
        except _Overtaken:
            return
        known.revision, known.again_s = revision, now_s + _AGAIN_AFTER_S
        self._tell(device, known, round_.reached(failure))

    def _codec(self, identity: str) -> CardListCodec | None:
        return self._registry.card_list_of(identity)

    def _tell(self, device: Device, known: _Known, reached: Reached) -> None:
        """An event where something is other than it was last said to be."""
        before, known.reached = known.reached, reached
        unchanged = before is not None and not (reached.put or reached.deleted)
        if before is not None and unchanged and _standing(before) == _standing(reached):
            return
        log.info("card_list", device=device.id, **msgspec.to_builtins(reached))
        metrics = {name: float(getattr(reached, name)) for name in ("wished", "held", "put", "deleted")}
        event = Event(
            kind="measurement",
            device=device.id,
            place=device.place or None,
            time=self._now(),
            label="card_list",
            rule=f"credentials/{reached.version}",
            ok=reached.is_whole,
            text=reached.failure or None,
            metrics=metrics,
        )
        self._say(event)


def _standing(reached: Reached) -> tuple[object, ...]:
    return reached.version, reached.wished, reached.held, reached.failure


class _Round:
    """One comparison of one device's list, and its repair."""

    def __init__(
        self,
        device: Device,
        codec: CardListCodec,
        wishes: Wishes,
        known: _Known,
        ask: Ask,
        is_overtaken: Callable[[], bool],
    ) -> None:
        self._vendor_id, self._codec, self._known = device.id.partition(":")[2], codec, known
        self._ask_device, self._is_overtaken = ask, is_overtaken
        self._wishes = wishes
        self._unfit = {number: why for number, wish in wishes.cards.items() if (why := codec.fits(wish))}
        self._wanted = {number: wish for number, wish in wishes.cards.items() if number not in self._unfit}
        self._put = self._deleted = self._refused = 0

    async def run(self, now_s: float) -> str:
        """Why the list is not whole; "" where it is. Raises _Overtaken."""
        try:
            if self._known.cards is None:
                await self._delete_blindly()
                self._known.cards = await self._read()
                self._known.compared_s = now_s
            await self._repair(self._known.cards)
        except _Unheard as error:
            self._known.cards = None
            return str(error)
        if self._refused:
            self._known.cards = None  # what it holds is other than it said
            return f"{self._refused} changes were not taken"
        return f"{len(self._unfit)} cards do not fit: {next(iter(self._unfit.values()))}" if self._unfit else ""

    def reached(self, failure: str) -> Reached:
        held = self._known.cards or {}
        as_wished = sum(self._is_held(held, wish) for wish in self._wanted.values())
        wished = len(self._wishes.cards)
        return Reached(self._wishes.version, wished, as_wished, self._put, self._deleted, failure)

    def _is_held(self, held: dict[str, HeldCard], wish: CardWish) -> bool:
        card = held.get(wish.number)
        return card is not None and card.same == self._codec.same(wish)

    async def _delete_blindly(self) -> None:
        """What was revoked must not wait until the whole list was read."""
        for number in self._wishes.revoked[:_MAX_BLIND]:
            if number.isdecimal():
                await self._ask(self._codec.delete(self._vendor_id, number))

    async def _read(self) -> dict[str, HeldCard]:
        count = self._codec.count_in(await self._ask(self._codec.count(self._vendor_id)))
        held: dict[str, HeldCard] = {}
        for place in range(1, _MAX_PLACES):
            if len(held) >= count:
                break
            found = self._codec.card_in(await self._ask(self._codec.read(self._vendor_id, place)))
            if found == END:
                break
            if found != MISSING and isinstance(found, HeldCard):
                held[found.number] = found
        return held

    async def _repair(self, held: dict[str, HeldCard]) -> None:
        """What opens too much first: cards that shall not be, then those that are otherwise, then those missing."""
        for number in [number for number in held if number not in self._wanted]:
            if await self._is_taken(self._codec.delete(self._vendor_id, number)):
                del held[number]
                self._deleted += 1
        for wish in self._unlike(held):
            if await self._is_taken(self._codec.put(self._vendor_id, wish, held.get(wish.number))):
                raw = held[wish.number].raw if wish.number in held else b""
                held[wish.number] = HeldCard(wish.number, self._codec.same(wish), raw)
                self._put += 1

    def _unlike(self, held: dict[str, HeldCard]) -> Iterable[CardWish]:
        other = [wish for wish in self._wanted.values() if not self._is_held(held, wish)]
        return sorted(other, key=lambda wish: wish.number not in held)

    async def _is_taken(self, request: bytes) -> bool:
        done = self._codec.is_done(await self._ask(request))
        self._refused += not done
        return done

    async def _ask(self, request: bytes) -> bytes:
        """Raises _Unheard, _Overtaken."""
        if self._is_overtaken():
            raise _Overtaken
        answer = await self._ask_device(request)
        if answer is None:
            raise _Unheard("the device does not answer")
        await asyncio.sleep(_PAUSE_S)
        return answer

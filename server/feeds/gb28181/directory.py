"""What we are to the platform: the items of its catalogue, which of our devices each is, and how its guard stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from domain.events import Event
from domain.gb28181.asked import Control
from domain.gb28181.catalogue import Item, in_order
from domain.gb28181.control import Guard, after, is_alarm_input
from server.feeds.gb28181.memory import Memory, NoMemory
from server.feeds.gb28181.settings import Named


class Presence(Protocol):
    """Which devices are there just now."""

    async def offline(self, devices: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Of these complexes and devices those that are away."""
        ...


class AllPresent:
    """Where nobody knows better."""

    async def offline(self, devices: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        return frozenset()


class Directory:
    """The items by code and by device."""

    def __init__(self, named: Sequence[Named], presence: Presence, memory: Memory | None = None) -> None:
        self._presence, self._memory = presence, memory or NoMemory()
        self._named = {one.item.code: one for one in named}
        self._by_device = {(one.complex, one.device, one.point): one for one in named if one.device}
        self._guards: dict[str, Guard] = {}
        self.codes = frozenset(self._named)

    async def items(self) -> list[Item]:
        """In order, each as it is now."""
        devices = sorted({(one.complex, one.device) for one in self._named.values() if one.device})
        away = await self._presence.offline(devices)
        return in_order(_as_it_is(one, away) for one in self._named.values())

    def of(self, complex_id: str, event: Event) -> Item | None:
        """The item that an event is of: its point's, else its device's."""
        for point in (event.point or "", ""):
            if (one := self._by_device.get((complex_id, event.device, point))) is not None:
                return one.item
        return None

    def guard(self, code: str) -> Guard:
        return self._guards.get(code, Guard())

    def guards(self, within: Sequence[str]) -> dict[str, Guard]:
        """Of the alarm inputs among these, and of whatever was armed or disarmed."""
        return {code: self.guard(code) for code in within if is_alarm_input(code) or code in self._guards}

    async def load(self) -> None:
        """As they stood when the last process ended; codes that are no items any more are forgotten."""
        self._guards = {code: one for code, one in (await self._memory.guards()).items() if code in self.codes}

    async def control(self, one: Control, everything: bool) -> None:
        """Do what was not refused, for good: to one item, or to all where we ourselves were named."""
        await self._put({code: after(self.guard(code), one) for code in (self.codes if everything else (one.target,))})

    async def alarmed(self, code: str) -> None:
        """An alarm of it went up: it stands so until the platform clears it."""
        if not self.guard(code).is_alarming:
            await self._put({code: msgspec.structs.replace(self.guard(code), is_alarming=True)})

    async def _put(self, changed: Mapping[str, Guard]) -> None:
        """Kept before it holds: what a platform was told is so after a restart too."""
        await self._memory.keep_guards(changed)
        self._guards |= changed


def _as_it_is(one: Named, away: frozenset[tuple[str, str]]) -> Item:
    return msgspec.structs.replace(one.item, is_online=(one.complex, one.device) not in away)

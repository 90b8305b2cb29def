"""Many devices at once: how they are switched on and found, and how each has its say at its own moments."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

import aiohttp
import msgspec

from simulators.crowd.member import Gateway, Member, Nature, NotTaken
from simulators.crowd.mqtt_line import BrokerLost
from simulators.devices import ocpp

_MET_S, _LOOK_S = 60.0, 0.1
_FAILURES = (BrokerLost, NotTaken, ocpp.NotAnswered, aiohttp.ClientError, TimeoutError, OSError)


class NotMet(Exception):
    """Some devices and the agent did not find each other in time."""


@dataclass
class Said:
    """What the devices said so far: marks by device, failures by family, how late the latest was."""

    marks: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    failures: Counter[str] = field(default_factory=Counter[str])
    why: list[str] = field(default_factory=list[str])
    signs_of_life: int = 0
    latest_s: float = 0.0

    def facts(self) -> int:
        return sum(marks.total() for marks in self.marks.values())


class Pace(msgspec.Struct, frozen=True):
    """Facts a second of all devices of a nature together; signs of life come ``hurry`` times as often as they would."""

    facts_per_s: Mapping[Nature, float]
    hurry: float = 1.0


class Crowd:
    """The devices; ``absent`` names what this machine cannot simulate."""

    def __init__(self, members: Sequence[Member], absent: Sequence[str] = ()) -> None:
        self.members, self.absent = list(members), list(absent)
        self.said = Said()

    def by_ports_from(self, first: int) -> None:
        """Devices with a port of their own get the next each: who writes the list knows them before they run."""
        for place, member in enumerate(one for one in self.members if one.has_port):
            member.port = first + place

    def unguarded(self) -> None:
        """Without passwords, and without cards that the agent keeps in a controller: a device list says all."""
        for member in self.members:
            member.password = member.push_password = ""
            member.keeps_cards = False

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The device list; complete once all are open."""
        return [row for member in self.members for row in (member.row, *member.company())]

    @property
    def owed(self) -> int:
        """Orders that are still waited for."""
        return sum(member.owed for member in self.members)

    async def open(self) -> None:
        for member in self.members:
            await member.open()

    async def join(self, gateway: Gateway) -> None:
        """Switch all on, and wait until each and the agent have found each other. Raises NotMet."""
        for member in self.members:
            try:
                await member.join(gateway)
            except _FAILURES as error:
                raise NotMet(f"{member.device} does not reach the agent: {error}") from error
        try:
            async with asyncio.timeout(_MET_S):
                while not all(member.is_met for member in self.members):  # noqa: ASYNC110 - state of many devices
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError as error:
            raise NotMet(", ".join(member.device for member in self.members if not member.is_met)) from error

    async def close(self) -> None:
        for member in self.members:
            await member.close()

    async def play(self, seconds: float, pace: Pace, seed: int = 1) -> Said:
        """Every device has its say at its own moments, whether the one before was late or not."""
        alike = Counter(member.nature for member in self.members)
        began_s = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as tasks:
            for member in self.members:
                rate = pace.facts_per_s.get(member.nature, 0.0) / alike[member.nature]
                alive_s = member.alive_s / pace.hurry
                moments = _moments(Random(f"{seed}/{member.device}"), seconds, rate, alive_s)
                tasks.create_task(self._live(member, began_s, moments))
        return self.said

    async def _live(self, member: Member, began_s: float, moments: Sequence[tuple[float, bool]]) -> None:
        loop = asyncio.get_running_loop()
        marks = self.said.marks.setdefault(member.device, Counter())
        for at_s, is_fact in moments:
            await asyncio.sleep(began_s + at_s - loop.time())
            self.said.latest_s = max(self.said.latest_s, loop.time() - began_s - at_s)
            try:
                if is_fact:
                    marks[await member.fact(datetime.now(UTC))] += 1
                else:
                    await member.alive(datetime.now(UTC))
                    self.said.signs_of_life += 1
            except _FAILURES as error:
                self.said.failures[member.family] += 1
                self.said.why.append(f"{member.device}: {error!r}"[:300])


def _moments(chance: Random, seconds: float, rate: float, alive_s: float) -> list[tuple[float, bool]]:
    """When it says a fact, and when it gives a sign of life."""
    found: list[tuple[float, bool]] = []
    at_s = chance.expovariate(rate) if rate else seconds
    while at_s < seconds:
        found.append((at_s, True))
        at_s += chance.expovariate(rate)
    at_s = chance.uniform(0, alive_s) if alive_s else seconds
    while at_s < seconds:
        found.append((at_s, False))
        at_s += alive_s
    return sorted(found)

"""Two hundred devices of every family: who there is, how they are switched on, and how long each has its say."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

import aiohttp
import msgspec

from simulators.crowd import asked, at_broker, callers, pushes
from simulators.crowd.member import Gateway, Member, Nature, Signs
from simulators.crowd.mqtt_line import BrokerLost
from simulators.devices import ocpp, osdp, zigbee2mqtt

_MET_S, _LOOK_S = 60.0, 0.1
_FAILURES = (BrokerLost, pushes.NotTaken, ocpp.NotAnswered, aiohttp.ClientError, TimeoutError, OSError)
Make = Callable[[int], Member]


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

    def __init__(
        self, members: Sequence[Member], also: Sequence[dict[str, Any]] = (), absent: Sequence[str] = ()
    ) -> None:
        self.members, self._also, self.absent = list(members), list(also), list(absent)
        self.said = Said()

    def by_ports_from(self, first: int) -> None:
        """Devices with a port of their own get the next each: who writes the list knows them before they run."""
        for place, member in enumerate(one for one in self.members if one.has_port):
            member.port = first + place

    def unguarded(self) -> None:
        """Without passwords, and without cards that the agent keeps in a controller: a device list says all."""
        for member in self.members:
            member.password = member.push_password = ""
            if isinstance(member, asked.PacketController):
                member.keeps_cards = False

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The device list; complete once all are open."""
        return [member.row for member in self.members] + self._also

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


class Tally(msgspec.Struct):
    """What became of one family's facts."""

    devices: int = 0
    said: int = 0
    arrived: int = 0
    lost: int = 0
    more: int = 0  # more often than it was said, or never said at all


def reconcile(crowd: Crowd, events: Iterable[Mapping[str, Any]]) -> dict[str, Tally]:
    """Each fact that was said, against the events that came of the devices, by family."""
    members = {member.device: member for member in crowd.members}
    came: dict[str, Counter[str]] = {device: Counter() for device in members}
    for event in events:
        member = members.get(event["device"])
        if member is not None and (mark := member.mark(event)) is not None:
            came[member.device][mark] += 1
    found: dict[str, Tally] = {}
    for device, member in members.items():
        tally = found.setdefault(member.family, Tally())
        said = crowd.said.marks.get(device, Counter[str]())
        tally.devices += 1
        tally.said += said.total()
        tally.arrived += came[device].total()
        tally.lost += (said - came[device]).total()
        tally.more += (came[device] - said).total()
    return found


# How many of each make two hundred: as many doors as a large complex has, a camera at each corner and lane.
COUNTS = {
    "vzenith-mqtt": 20,
    "uhppoted-mqtt": 30,
    "esp-rfid": 15,
    "zigbee2mqtt": 29,
    "frigate": 20,
    "axis-mqtt": 6,
    "onvif-mqtt": 6,
    "openalpr-rekor": 3,
    "vzenith-http": 6,
    "hikvision-isapi push": 5,
    "dahua push": 5,
    "openalpr-rekor push": 3,
    "platerecognizer": 3,
    "gat1400": 8,
    "hikvision-isapi": 6,
    "dahua": 3,
    "2n": 6,
    "uhppote-udp": 8,
    "vzenith-tcp": 5,
    "gb26875": 5,
    "ocpp16": 6,
    "osdp": 2,
}
# Those that the story of ``site`` has not, and that a device list alone describes: a line of RS-485 is none of them.
OTHERS = frozenset(COUNTS) - {"vzenith-mqtt", "uhppoted-mqtt", "zigbee2mqtt", "frigate", "osdp"}


def other_families(first_port: int) -> Crowd:
    """One device of each of the others, at ports from ``first_port`` on."""
    crowd = make_crowd({family: 1 for family in COUNTS if family in OTHERS})
    crowd.by_ports_from(first_port)
    crowd.unguarded()
    return crowd


def credentials() -> dict[str, Any]:
    """The residents' cards: desired state of kind ``credentials``."""
    rest = {"doors": [{"device": "*"}], "until": "2099-12-31"}
    return {"cards": [{"id": f"c{card}", "card": str(card), **rest} for card in at_broker.DoorController.CARDS]}


_BESIDE = {"uhppoted-mqtt": "uhppoted:daemon", "zigbee2mqtt": "z2m:bridge", "frigate": "frigate:frigate"}


def make_crowd(counts: Mapping[str, int] = COUNTS, picture: bytes = b"", seed: int = 1) -> Crowd:
    """So many of each family; without libosdp none of OSDP."""
    signs = Signs(seed * 1_000_000 + 1, picture)
    makes = _makes(signs)
    absent = [] if osdp.is_here() or not counts.get("osdp") else ["osdp: libosdp is not installed"]
    there = {family: number for family, number in counts.items() if not (absent and family == "osdp")}
    members = [makes[family](number) for family, many in there.items() for number in range(1, many + 1)]
    return Crowd(members, [{"id": device} for family, device in _BESIDE.items() if there.get(family)], absent)


def _makes(signs: Signs) -> dict[str, Make]:
    daemon, recorder = at_broker.Daemon(), at_broker.Shared("crowd-frigate")
    bridge, stick = at_broker.Shared("crowd-zigbee2mqtt"), zigbee2mqtt.Bridge()
    return {
        "vzenith-mqtt": lambda number: at_broker.PlateCamera(number, signs),
        "uhppoted-mqtt": lambda number: at_broker.DoorController(number, signs, daemon),
        "esp-rfid": lambda number: at_broker.Board(number, signs),
        "zigbee2mqtt": lambda number: at_broker.Contact(number, signs, bridge, stick),
        "frigate": lambda number: at_broker.RecorderCamera(number, signs, recorder),
        "axis-mqtt": lambda number: at_broker.AxisCamera(number, signs),
        "onvif-mqtt": lambda number: at_broker.OnvifCamera(number, signs),
        "openalpr-rekor": lambda number: at_broker.PlateProgram(number, signs),
        "vzenith-http": lambda number: pushes.VzenithPusher(number, signs),
        "hikvision-isapi push": lambda number: pushes.HikvisionPusher(number, signs),
        "dahua push": lambda number: pushes.DahuaPusher(number, signs),
        "openalpr-rekor push": lambda number: pushes.RekorPusher(number, signs),
        "platerecognizer": lambda number: pushes.StreamPusher(number, signs),
        "gat1400": lambda number: pushes.NationalPusher(number, signs),
        "hikvision-isapi": lambda number: asked.HikvisionTerminal(number, signs),
        "dahua": lambda number: asked.DahuaTerminal(number, signs),
        "2n": lambda number: asked.Intercom(number, signs),
        "uhppote-udp": lambda number: asked.PacketController(number, signs, at_broker.DoorController.CARDS),
        "vzenith-tcp": lambda number: asked.TcpCamera(number, signs),
        "gb26875": lambda number: callers.FireTransmitter(number, signs),
        "ocpp16": lambda number: callers.ChargePoint(number, signs),
        "osdp": lambda number: callers.LineReader(number, signs),
    }

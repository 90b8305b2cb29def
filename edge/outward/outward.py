"""Home Assistant, told what is on site: each listed device that shows something, its states, and whether it is here."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
import structlog

from domain.desired_bodies import Device
from domain.events import Event, is_replay, utc_ms
from edge.config import Broker, HomeAssistant
from edge.devices.driver import Message
from edge.intake.device_list import DeviceList
from edge.intake.last_seen import LastSeen
from edge.outward import discovery, known
from edge.outward.entities import Entity, Shown, plates, shown_by
from edge.outward.names import Names
from edge.outward.orders import OrderButtons, TakeOrder
from edge.outward.publisher import Publisher

log = structlog.get_logger()

_LOOK_S = 1.0
_RETRY_S = 30.0
_ALL_AGAIN_S = 5.0  # a Home Assistant that comes and goes is told no more often
_MOST_EARLY = 1_000
_HERE, _AWAY = b'{"state":"online"}', b'{"state":"offline"}'


@dataclass(frozen=True)
class Site:
    """What is used of the agent. ``complex`` is "" until it is enrolled; ``order`` carries out what was ordered."""

    settings: HomeAssistant
    broker: Broker
    folder: Path
    devices: DeviceList
    seen: LastSeen
    now: Callable[[], datetime]
    monotonic_s: Callable[[], float]
    complex: Callable[[], str]
    order: TakeOrder
    version: str


class Outward:
    """``heard`` and ``recorded`` only note; ``run`` tells. What it does wrong costs nobody else anything."""

    def __init__(self, site: Site) -> None:
        self._site, self._settings = site, site.settings
        self._names: Names | None = None
        self._known = known.Known()
        self._told: dict[str, tuple[Device, tuple[Entity, ...]]] = {}
        self._available: dict[str, bytes] = {}
        self._states: dict[str, bytes] = {}  # topic -> as it was said last
        self._worth: dict[str, tuple[str | float, str]] = {}
        self._plates: Counter[str] = Counter()
        self._early: dict[tuple[str, str], tuple[Event, Shown]] = {}  # heard before there was a name to tell it under
        self._dirty = False
        self._all_at_s = -_ALL_AGAIN_S
        self._publisher: Publisher | None = None
        self._buttons = OrderButtons(site.order, site.now, site.monotonic_s)

    # --- what is heard ---

    def heard(self, message: Message, events: Sequence[Event]) -> None:
        """Every event of a device, before it is durable."""
        for event in events:
            if event.kind == "plate":
                self._count(event)
            else:
                self.recorded(event)

    def recorded(self, event: Event) -> None:
        """An event of a device, or what the gateway itself saw of its doors."""
        for shown in shown_by(event):
            self._show(event, shown)

    def _count(self, event: Event) -> None:
        if not is_replay(event):
            self._plates[event.device] += 1
            word = (event.subject.id or "") if self._settings.plates and event.subject else ""
            self._show(event, plates(self._plates[event.device], word))

    def _show(self, event: Event, shown: Shown) -> None:
        if self._names is None or self._publisher is None:
            self._put_by(event, shown)
            return
        if self._site.devices.of(event.device) is None:
            return
        entity = shown.entity
        if self._known.note(event.device, entity):
            self._dirty = True
        elif entity.name not in self._known.devices.get(event.device, {}):
            return  # no room
        topic = self._names.state(event.device, entity.name)
        if self._worth.get(topic) == (shown.state, shown.word):
            return
        self._worth[topic] = shown.state, shown.word
        said = {"state": shown.state, "at": utc_ms(event.time or event.recorded_at or self._site.now())}
        self._states[topic] = msgspec.json.encode({**said, **({"is": shown.word} if shown.word else {})})
        self._publisher.put(topic, self._states[topic])

    def _put_by(self, event: Event, shown: Shown) -> None:
        """The newest of each entity; a device that is silent afterwards would else never be shown."""
        self._early[event.device, shown.entity.name] = event, shown
        if len(self._early) > _MOST_EARLY:
            del self._early[next(iter(self._early))]

    def _show_early(self) -> None:
        early, self._early = self._early, {}
        for event, shown in early.values():
            self._show(event, shown)

    # --- what is told ---

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._run()
            except Exception as error:  # noqa: BLE001 - the edge of a loop: shown, and begun anew
                log.error("home_assistant_failed", error=repr(error))
                await asyncio.sleep(_RETRY_S)

    async def _run(self) -> None:
        self._publisher = None
        names = self._names = await self._named()
        self._known = await asyncio.to_thread(known.load, self._site.folder)
        heard_at = [names.birth, *([names.orders] if self._settings.orders else [])]
        will = names.availability, _AWAY
        self._publisher = Publisher(self._site.broker, heard_at, will, self._say_all, self._listen)
        self._take_back_other_complex(names)
        self._show_early()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._publisher.run())
            while True:
                self._look(names, self._publisher)
                await self._keep()
                await asyncio.sleep(_LOOK_S)

    async def _named(self) -> Names:
        """The complex stands in every topic, so this waits until the box is enrolled."""
        settings = self._settings
        while not (name := settings.complex or self._site.complex()):  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)  # another process enrols
        return Names(name, settings.topic, settings.prefix)

    async def _keep(self) -> None:
        if self._dirty:
            self._dirty = False
            await asyncio.to_thread(known.save, self._site.folder, msgspec.json.encode(self._known))

    def _take_back_other_complex(self, names: Names) -> None:
        """This box was enrolled for another one before."""
        if self._known.complex not in ("", names.complex):
            before = Names(self._known.complex, names.root, names.prefix)
            for device in list(self._known.devices):
                self._take_back(before, device)
            for topic in (before.discovery(""), before.availability):
                self._put(topic, b"")
        self._dirty = self._dirty or self._known.complex != names.complex
        self._known.complex = names.complex

    def _put(self, topic: str, payload: bytes) -> None:
        if self._publisher is not None:
            self._publisher.put(topic, payload)

    def _look(self, names: Names, publisher: Publisher) -> None:
        """The list as it is now: who is new, who is otherwise, who is gone, who is there."""
        for device in [device for device in self._known.devices if self._site.devices.of(device) is None]:
            self._take_back(names, device)
        for device in self._shown_devices():
            entities = self._entities(names, device)
            if entities and self._told.get(device.id) != (device, entities):
                self._told[device.id] = device, entities
                config = discovery.device_config(names, device, entities, self._site.version)
                publisher.put(names.discovery(device.id), config)
            if entities:
                self._say_availability(names, publisher, device.id)

    def _shown_devices(self) -> Iterator[Device]:
        wanted = self._site.devices.identities if self._settings.orders else self._known.devices
        found = (self._site.devices.of(identity) for identity in sorted(wanted))
        return (device for device in found if device is not None)

    def _entities(self, names: Names, device: Device) -> tuple[Entity, ...]:
        mine = tuple(self._known.devices.get(device.id, {}).values())
        return (*mine, *self._buttons.of(names, device, mine)) if self._settings.orders else mine

    def _say_availability(self, names: Names, publisher: Publisher, device: str) -> None:
        here = self._site.seen.is_here(device)
        said = _HERE if here else _AWAY
        if self._available.get(device) != said:
            self._available[device] = said
            publisher.put(names.availability_of(device), said)

    def _take_back(self, names: Names, device: str) -> None:
        """Home Assistant forgets it, and the broker keeps nothing of it."""
        gone = [names.state(device, name) for name in self._known.devices.pop(device, {})]
        for topic in (names.discovery(device), names.availability_of(device), *gone):
            self._states.pop(topic, None)
            self._worth.pop(topic, None)
            self._put(topic, b"")
        self._told.pop(device, None)
        self._available.pop(device, None)
        self._dirty = True
        log.info("home_assistant_device_gone", device=device)

    def _say_all(self) -> None:
        """To a session that is new, or to a Home Assistant that came: nobody knows what the broker still has."""
        if self._names is None or self._publisher is None:
            return
        self._all_at_s = self._site.monotonic_s()
        self._told.clear()
        self._available.clear()
        self._publisher.put(self._names.discovery(""), discovery.gateway_config(self._names, self._site.version))
        self._publisher.put(self._names.availability, _HERE)
        for topic, payload in self._states.items():
            self._publisher.put(topic, payload)
        self._look(self._names, self._publisher)

    def _listen(self, topic: str, payload: bytes) -> None:
        """Home Assistant came, or a button was pressed there."""
        if self._names is None:
            return
        if topic == self._names.birth:
            if payload == b"online" and self._site.monotonic_s() - self._all_at_s >= _ALL_AGAIN_S:
                self._say_all()
        elif self._settings.orders:
            self._buttons.pressed(topic, payload)

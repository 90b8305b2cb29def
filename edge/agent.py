"""The agent: wires everything, starts it, and stops it together."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

from edge import identity, logs
from edge.clock import Clock
from edge.config import Config
from edge.control.control import Control, Reach
from edge.devices.driver import Outgoing, Publish, Registry, discover
from edge.discovery.searching import Searching
from edge.earlier_run import look_back
from edge.gate.serve import GateScreen
from edge.intake import parked
from edge.intake.device_list import DeviceList
from edge.intake.flood import FloodLimit
from edge.intake.intake import Intake
from edge.outward.outward import Outward
from edge.outward.outward import Site as OutwardSite
from edge.parts import Parts
from edge.status import metrics, status, watchdog
from edge.status.self_report import SelfReport
from edge.store.capacity import Capacity
from edge.store.conservation import UntakenCount
from edge.store.happenings import Happened
from edge.store.keeper import Keeper, open_fit
from edge.store.media import MediaStore
from edge.store.reserve import Reserve
from edge.store.retention import forget_old
from edge.store.salvage import damage
from edge.sync.backoff import jittered
from edge.transports.ear import Ear
from edge.transports.links import Around, Links
from edge.transports.mqtt import MqttTransport
from edge.transports.mqtt_routes import Routes
from edge.transports.mqtt_silence import MqttSilence
from eventlog.group_commit import Bounds
from eventlog.log import LogCorrupt
from eventlog.sqlite import SqliteEventLog

_STATUS_S = 1.0
_ROOM_S = 5.0
_EAR_STAYS_S = 10.0
_HOUSEKEEPING_S = 60.0
_BROKER_WAIT_S = 10.0


def utc_now() -> datetime:
    return datetime.now(UTC)


class Agent:
    """One gateway. ``run`` lasts until cancelled, or until the store can no longer be mended."""

    def __init__(self, config: Config, store: SqliteEventLog, clock: Clock, happened: Sequence[Happened] = ()) -> None:
        """``happened``: what befell the store while it was opened."""
        self._config, self._store, self._clock = config, store, clock
        self._flood = FloodLimit(config.limits.device_rate_per_s, config.limits.device_burst)
        self._reserve = Reserve(config.folder, config.capacity.reserve_bytes)
        self._metrics = metrics.Metrics()
        self._untaken = UntakenCount()
        self._left_with_sender = 0
        self._fit_s = _EAR_STAYS_S  # for how long the store has been fit; no more than matters
        self._parts = self._make_parts(discover(), happened)
        self._watchdog = watchdog.make(lambda: self._parts.intake.turns)
        self._report = SelfReport(self._parts, self._flood, self._metrics, self._watchdog)
        self._capacity = Capacity(config.folder, config.capacity, store, self._parts.media)

    def _make_parts(self, registry: Registry, happened: Sequence[Happened]) -> Parts:
        config, store, clock = self._config, self._store, self._clock
        retry_s = jittered(random.random)
        devices = DeviceList(config.devices, accept_unknown=config.unknown_devices == "accept")
        media = MediaStore(config.folder / "media", store)
        keeper = Keeper(config.folder, store, self._reserve, self._make_room, clock.now, retry_s, happened)
        intake = self._make_intake(media, registry, devices, keeper)
        own = config.home_assistant.own_topics
        mqtt = MqttTransport(config.broker, registry.topics_with(config.broker.topics), intake, clock, own)
        self._ear = self._make_ear(registry, devices, intake, keeper)
        self._silence = MqttSilence(registry, intake, lambda: mqtt.connected, clock.monotonic_s)
        searching = Searching(config, registry, devices, intake, clock)
        reach = Reach(self._send, clock.now, keeper.mend, searching.ask)
        control = Control(config, store, registry, devices, intake, reach)
        say, right = control.recorder.put, control.charging.decide
        asked = (right, searching.called, searching.is_open, lambda: control.desired.in_force.scenes)
        links = Links(Around(config, registry, devices, intake, clock, retry_s, say, control.card_lists, *asked))
        self._outward = self._make_outward(devices, intake, control) if config.home_assistant.on else None
        notices = status.Notices(clock)
        return Parts(
            config, store, clock, devices, media, notices, keeper, intake, mqtt, links, control, searching, retry_s
        )

    def _send(self, device: str, message: Outgoing) -> bool:
        """Tell a device, over the broker or its own line, now or not at all."""
        if isinstance(message, Publish):
            return self._parts.mqtt.publish(message) or self._ear.publish(message)
        return self._parts.links.send(device, message)

    def _make_outward(self, devices: DeviceList, intake: Intake, control: Control) -> Outward:
        settings, clock, folder = self._config.home_assistant, self._clock, self._config.folder
        site = OutwardSite(
            settings,
            settings.broker_beside(self._config.broker),
            folder,
            devices,
            intake.seen,
            clock.now,
            clock.monotonic_s,
            lambda: identity.complex_in(folder),
            control.orders.take_here,
            version("gatehouse"),
        )
        outward = Outward(site)
        intake.listeners.append(outward.heard)
        intake.rest_listeners.append(outward.heard)
        control.recorder.listeners.append(outward.recorded)
        return outward

    def _make_ear(self, registry: Registry, devices: DeviceList, intake: Intake, keeper: Keeper) -> Ear:
        return Ear(
            self._config.broker,
            Routes(registry.topics_with(self._config.broker.topics), self._config.home_assistant.own_topics),
            is_wanted=lambda: not keeper.is_fit or self._fit_s < _EAR_STAYS_S,
            families=lambda: registry.families_of(devices.deciding_kinds),
            hear=intake.overhear,
            clock=self._clock,
        )

    def _make_intake(self, media: MediaStore, registry: Registry, devices: DeviceList, keeper: Keeper) -> Intake:
        limits = self._config.limits
        bounds = Bounds(limits.commit_messages, wait_s=limits.commit_wait_s, queue_items=limits.queue_messages)
        intake = Intake(
            self._store,
            media,
            registry,
            devices,
            self._config.site,
            self._clock,
            bounds,
            limits.message_bytes,
            drained=lambda: self._parts.mqtt.resume(),
            mender=keeper,
            flood=self._flood,
        )
        intake.seen.restore(status.read_file(self._config.folder).get("seen", {}))
        intake.on_commit = self._metrics.observe_commit
        return intake

    async def run(self, ready: Callable[[], None]) -> None:
        """Run everything; ``ready`` is called once the store stands and the broker was tried."""
        await self._parts.keeper.mended(self._look_back)
        await self._parts.keeper.mended(self._parts.control.load)
        await self._parts.intake.record(self._report.started())
        self._reserve.hold()
        try:
            await self._work(ready)
        finally:
            await self._report.session.remember()

    async def _look_back(self) -> None:
        earlier = await look_back(self._config.folder, self._store)
        self._clock.not_before(earlier.newest_at)
        self._parts.mqtt.listened_until, self._parts.notices.skewed = earlier.listened_until, earlier.skewed

    async def _work(self, ready: Callable[[], None]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for work in self._works():
                tasks.create_task(work)
            await self._parts.mqtt.ready(_BROKER_WAIT_S)
            self._watchdog.ready()
            ready()

    def _works(self) -> list[Coroutine[Any, Any, None]]:
        works: list[Coroutine[Any, Any, None]] = [
            self._watchdog.run(),
            self._parts.intake.run(),
            self._parts.control.run(),
            self._parts.mqtt.run(self._parts.retry_s),
            self._ear.run(),
            self._parts.links.run(),
            self._parts.searching.run(),
            self._report.session.run(),
            self._every(_STATUS_S, self._each_second),
            self._every(_STATUS_S, self._report.note),
            self._every(_ROOM_S, self._make_room),
            self._every(_ROOM_S, self._silence.look),
            self._every(_HOUSEKEEPING_S, self._keep_house),
            self._look_for_damage(),
        ]
        if self._outward is not None:
            works.append(self._outward.run())
        if self._config.gate.port:
            works.append(self._gate_screen().run())
        return [*works, metrics.serve(self._config.metrics, self._metrics)] if self._config.metrics.port else works

    def _gate_screen(self) -> GateScreen:
        parts, config = self._parts, self._config
        control, now, zone = parts.control, parts.clock.now, config.site.zone
        wishes = control.desired
        return GateScreen(
            config.gate, control.gate, control.lanes, lambda: wishes.in_force.guards, now, zone, parts.media.path
        )

    async def _every(self, seconds: float, action: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._parts.keeper.mended(action)
            await asyncio.sleep(seconds)

    async def _each_second(self) -> None:
        self._clock.tick()
        self._fit_s = min(self._fit_s + _STATUS_S, _EAR_STAYS_S) if self._parts.keeper.is_fit else 0.0
        await self._report.show()
        self._fetch_what_was_left()

    def _fetch_what_was_left(self) -> None:
        """Messages that found no place while the store was unfit are still the broker's: it brings them again.

        Not at the first sign of room: on a disk that is full to the brim some commits fit and others do not, and a
        session that is made anew all the time hears less than one that stays.
        """
        left = self._parts.intake.counts["left_with_sender"]
        if left != self._left_with_sender and self._fit_s >= _ROOM_S:
            self._left_with_sender = left
            self._parts.mqtt.reconnect()

    async def _look_for_damage(self) -> None:
        """Once after the start, beside the work: damage is better found before it is met."""
        found = await asyncio.to_thread(damage, self._store.path)
        if found:
            self._store.sound = False
            await self._parts.keeper.mend(LogCorrupt(found))

    async def _make_room(self) -> None:
        """Keep within the bounds; what went is told when the log can be written."""
        self._capacity.acknowledged = self._report.session.acknowledged
        self._report.let_go += await self._capacity.keep()
        if self._parts.keeper.state != "full":
            self._reserve.hold()

    async def _keep_house(self) -> None:
        await self._report.session.remember()
        await parked.keep_newest(self._store, self._config.limits.parked_messages)
        await self._parts.control.keep_house()
        counts, zone = self._parts.intake.counts, self._config.site.zone
        await self._store.write(self._untaken.statements(counts, self._clock.now(), zone))
        await self._forget_old()
        logs.tell_suppressed()

    async def _forget_old(self) -> None:
        """Let go of what the centre has had for long enough; while nobody vouches for the time, of nothing."""
        now, keep = self._clock.trusted_now(), timedelta(days=self._config.limits.keep_days)
        if now is not None:
            await parked.forget_old(self._store, now - timedelta(days=self._config.limits.parked_days))
            await forget_old(self._store, self._parts.media, self._report.session.acknowledged, now, keep)
        await self._store.reclaim()


async def run(config: Config, ready: Callable[[], None]) -> None:
    """Open the store and run an agent on it until cancelled."""
    clock = Clock()
    store, happened = await open_fit(config.folder, clock.now)
    try:
        await Agent(config, store, clock, happened).run(ready)
    finally:
        await store.close()

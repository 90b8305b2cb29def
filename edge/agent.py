"""The agent: wires everything, starts it, and stops it together."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Annotated, Any

import msgspec
import structlog

from domain.events import Event
from edge import identity, logs, metrics, parked, status, watchdog
from edge.capacity import Capacity
from edge.clock import Clock
from edge.config import Config
from edge.conservation import UntakenCount
from edge.control import Control, Reach
from edge.device_list import DeviceList
from edge.devices.driver import discover
from edge.earlier_run import look_back
from edge.figures import Figures
from edge.flood import FloodLimit
from edge.happenings import Happened, LetGo, Salvaged
from edge.intake import Intake
from edge.keeper import Keeper, open_fit
from edge.media import MediaStore
from edge.reserve import Reserve
from edge.retention import forget_old
from edge.salvage import damage
from edge.store import new_epoch
from edge.sync.backoff import jittered
from edge.sync.pictures import PicturePush
from edge.sync.push import Push
from edge.sync.recover import recover
from edge.sync.refill import Wanted, refill
from edge.sync.statements import StatementPush
from edge.sync.transport import Refused, Uplink, UplinkDown, understood
from edge.transports.mqtt import MqttTransport
from eventlog.follow import Pace, follow
from eventlog.group_commit import Bounds
from eventlog.log import LogBroken, LogCorrupt
from eventlog.sqlite import SqliteEventLog

log = structlog.get_logger()

_HEARTBEAT_S = 5.0
_STATUS_S = 1.0
_ROOM_S = 5.0
_HOUSEKEEPING_S = 60.0
_NOT_ENROLLED_S = 2.0
_BROKER_WAIT_S = 10.0


def utc_now() -> datetime:
    return datetime.now(UTC)


class _HelloAnswer(msgspec.Struct):
    watermarks: dict[str, Annotated[int, msgspec.Meta(ge=0)]]
    server_time: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    wanted: list[Wanted] = []
    statement_wanted: bool = False


class Agent:
    """One gateway. ``run`` lasts until cancelled, or until the log breaks: then nothing more may be acknowledged."""

    def __init__(self, config: Config, store: SqliteEventLog, clock: Clock, happened: Sequence[Happened] = ()) -> None:
        """``happened``: what befell the store while it was opened."""
        self._config, self._store, self._clock = config, store, clock
        self._retry_s = jittered(random.random)
        self._registry = discover()
        self._devices = DeviceList(config.devices, accept_unknown=config.unknown_devices == "accept")
        self._media = MediaStore(config.folder / "media", store)
        self._notices = status.Notices(clock)
        self._flood = FloodLimit(config.limits.device_rate_per_s, config.limits.device_burst)
        self._capacity = Capacity(config.folder, config.capacity, store, self._media)
        self._reserve = Reserve(config.folder, config.capacity.reserve_bytes)
        self._keeper = Keeper(config.folder, store, self._reserve, self._make_room, clock.now, self._retry_s, happened)
        self._let_go: list[LetGo] = []
        self._trouble: LogBroken | None = None
        self._stored: dict[str, Any] = {"streams": {}, "media_unsent": 0, "parked": 0}
        self._last_figures: dict[str, Any] = {}
        self._left_with_sender = 0
        self.intake = self._make_intake()
        self.intake.seen.restore(status.read_file(config.folder).get("seen", {}))
        self._figures = Figures(config.folder, self.intake.seen, [device.id for device in config.devices])
        self._metrics = metrics.Metrics()
        self.intake.on_commit = self._metrics.observe_commit
        self._mqtt = MqttTransport(config.broker, self._registry.topics, self.intake, clock)
        self._control = self._make_control()
        self._push: Push | None = None
        self._statements: StatementPush | None = None
        self._untaken = UntakenCount()
        self._uplink_state = "not enrolled"
        self._back_online = asyncio.Event()
        self._version = version("gatehouse")
        self._watchdog = watchdog.make(lambda: self.intake.turns)

    def _make_intake(self) -> Intake:
        limits = self._config.limits
        bounds = Bounds(limits.commit_messages, wait_s=limits.commit_wait_s, queue_items=limits.queue_messages)
        return Intake(
            self._store,
            self._media,
            self._registry,
            self._devices,
            self._config.site,
            self._clock,
            bounds,
            limits.message_bytes,
            drained=lambda: self._mqtt.resume(),
            mender=self._keeper,
            flood=self._flood,
        )

    def _make_control(self) -> Control:
        reach = Reach(self._mqtt.publish, self._clock.now, self._keeper.mend)
        return Control(self._config, self._store, self._registry, self._devices, self.intake, reach)

    async def run(self, ready: Callable[[], None]) -> None:
        """Run everything; ``ready`` is called once the store stands and the broker was tried."""
        await self._look_back()
        await self._control.load()
        await self.intake.record(self._notices.started(self._version))
        self._reserve.hold()
        try:
            await self._work(ready)
        finally:
            await self._remember()  # else the next start takes a centre that lost its disk for one that never had it

    async def _work(self, ready: Callable[[], None]) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watchdog.run())
            tasks.create_task(self.intake.run())
            tasks.create_task(self._control.run())
            tasks.create_task(self._mqtt.run(self._retry_s))
            tasks.create_task(self._sync())
            if self._config.metrics.port:
                tasks.create_task(metrics.serve(self._config.metrics, self._metrics))
            tasks.create_task(self._every(_STATUS_S, self._show_status))
            tasks.create_task(self._every(_HOUSEKEEPING_S, self._keep_house))
            tasks.create_task(self._every(_ROOM_S, self._make_room))
            tasks.create_task(self._look_for_damage())
            await self._mqtt.ready(_BROKER_WAIT_S)
            self._watchdog.ready()
            ready()

    async def _look_back(self) -> None:
        earlier = await look_back(self._config.folder, self._store)
        self._clock.not_before(earlier.newest_at)
        self._mqtt.listened_until, self._notices.skewed = earlier.listened_until, earlier.skewed

    async def _every(self, seconds: float, action: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await action()
            except LogBroken as error:
                await self._keeper.mend(error)
            await asyncio.sleep(seconds)

    async def _look_for_damage(self) -> None:
        """Once after the start, beside the work: damage is better found before it is met."""
        found = await asyncio.to_thread(damage, self._store.path)
        if found:
            self._store.sound = False
            await self._keeper.mend(LogCorrupt(found))

    async def _make_room(self) -> None:
        """Keep within the bounds; what went is told when the log can be written."""
        if self._push is not None:
            self._capacity.acknowledged = self._push.acknowledged
        self._let_go += await self._capacity.keep()
        if self._keeper.state != "full":
            self._reserve.hold()

    async def _sync(self) -> None:
        """Send, once there is an identity; until then the log simply grows."""
        me = await self._enrolled()
        signer = identity.Signer(me, self._clock)
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
            uplink = await stack.enter_async_context(Uplink(self._config.server or me.server, signer, me.trust))
            known = {name: entry.acknowledged for name, entry in (await status.of_store(self._store)).items()}
            hello = self._hello(uplink, me.gateway)
            self._push = Push(me.gateway, self._store, uplink, hello, self._config.limits, self, known)
            self._statements = StatementPush(
                self._store.path, self._push.told, uplink, self._config.site.zone, self._clock.now
            )
            tasks.create_task(self._statements.run())
            pace = Pace(self._config.limits.batch_events, retry_s=self._retry_s, hurry=self._back_online)
            for stream in self._store.partitions:
                tasks.create_task(follow(self._store, stream, self._push, self._report, pace))
            tasks.create_task(self._control.pull(uplink, self._retry_s, self._back_online))
            tasks.create_task(PicturePush(self._media, uplink, self._retry_s).run())
            tasks.create_task(self._recover(uplink))
            tasks.create_task(self._every(_HEARTBEAT_S, self._heartbeat(hello)))

    async def _recover(self, uplink: Uplink) -> None:
        async def tell(place: str, found: Salvaged) -> None:
            await self.intake.record(self._notices.salvaged(place, found))

        while True:
            try:
                await recover(self._config.folder, self._store, uplink, tell, self._retry_s)
            except LogBroken as error:
                await self._keeper.mend(error)
            await asyncio.sleep(_ROOM_S)  # a store may be set aside while we run

    def new_epoch(self) -> str:
        return new_epoch(self._clock.now())

    async def epoch_began(self, stream: str, reason: str) -> None:
        await self.intake.record(self._notices.epoch(stream, reason))

    async def centre_lost(self, stream: str) -> None:
        """Every picture that is still here is offered again; the centre says which it has."""
        await self._media.offer_again()

    async def _enrolled(self) -> identity.Identity:
        while True:
            try:
                return identity.load(self._config.folder)
            except identity.NotEnrolled:
                await asyncio.sleep(_NOT_ENROLLED_S)

    def _hello(self, uplink: Uplink, gateway: str) -> Callable[[], Awaitable[dict[str, int]]]:
        async def watermarks() -> dict[str, int]:
            described, asked_s = await self._described(), self._clock.monotonic_s()
            said = await uplink.send_json("POST", "/v1/hello", described)
            answered_s, answer = self._clock.monotonic_s(), understood(said, _HelloAnswer)
            if answer.server_time is not None:
                self._clock.measured(answer.server_time, asked_s, answered_s)
            self._note_online()
            if answer.statement_wanted and self._statements is not None:
                self._statements.ask()
            await refill(gateway, self._store, uplink, answer.wanted)
            return answer.watermarks

        return watermarks

    def _note_online(self) -> None:
        """After a cut: an alarm must not sit out the pause that grew meanwhile."""
        if self._uplink_state != "online":
            self._back_online.set()
            self._back_online.clear()
        self._uplink_state = "online"

    def _heartbeat(self, hello: Callable[[], Awaitable[dict[str, int]]]) -> Callable[[], Awaitable[None]]:
        async def beat() -> None:
            try:
                await hello()
            except (UplinkDown, Refused) as error:
                self._uplink_state = f"offline: {error}"

        return beat

    async def _described(self) -> dict[str, Any]:
        """What the centre shows of this gateway; of a store that cannot be read, what was last known."""
        try:
            self._stored = {
                "streams": {name: entry.plain() for name, entry in (await self._streams()).items()},
                "media_unsent": await self._media.count_unsent(),
                "parked": await status.counted(self._store, "parked"),
            }
        except LogBroken as error:
            self._trouble = error
        return {
            "version": self._version,
            "pid": os.getpid(),
            "time": self._clock.now(),
            "clock": {**self._clock.described(), "skewed": self._notices.skewed},
            **self._stored,
            "broker": "connected" if self._mqtt.connected else "away",
            "broker_connected_at": self._mqtt.last_connected,
            "broker_queued_since": self._mqtt.queued_since,
            "store": self._keeper.described(),
            "devices": self._devices.described(),
        }

    async def _streams(self) -> dict[str, status.StreamStatus]:
        known = self._push.acknowledged if self._push else {}
        stored = await status.of_store(self._store)
        return {
            name: status.StreamStatus(entry.epoch, await self._store.head(name), known.get(name, entry.acknowledged))
            for name, entry in stored.items()
        }

    def _report(self, reader: str, partition: str, error: Exception) -> None:
        if isinstance(error, UplinkDown):
            self._uplink_state = f"offline: {error}"
        if isinstance(error, LogBroken):
            self._trouble = error
        at = self._push.acknowledged.get(partition) if self._push else None
        log.warning("sync_waits", reader=reader, stream=partition, acknowledged=at, error=str(error))

    async def _mend_what_readers_met(self) -> None:
        trouble, self._trouble = self._trouble, None
        if trouble is not None and not self._store.sound:
            await self._keeper.mend(trouble)

    def _fetch_what_was_left(self) -> None:
        """Messages that found no place while the store was unfit are still the broker's: it brings them again."""
        left = self.intake.counts["left_with_sender"]
        if left != self._left_with_sender and self._keeper.is_fit:
            self._left_with_sender = left
            self._mqtt.reconnect()

    async def _show_status(self) -> None:
        self._clock.tick()
        offset = self._clock.offset
        described = {
            **await self._described(),
            **await self._figured(),
            "uplink": self._uplink_state,
            "counts": self._counts(),
            "clock_offset_s": None if offset is None else offset.total_seconds(),
        }
        if self._last_figures:
            self._metrics.show(described)
        self._watchdog.tell(described)
        await self._leave_status(described)
        await self._mend_what_readers_met()
        self._fetch_what_was_left()
        waiting = sum(entry.backlog for entry in (await self._streams()).values())
        notices = self._notices.backlog(waiting) + self._clock_notices()
        notices += self._notices.floods(self._flood.due(self._clock.monotonic_s()))
        notices += [self._notices.store(happened) for happened in self._keeper.happened()]
        notices += [self._notices.let_go(gone) for gone in self._let_go]
        self._let_go.clear()
        if notices:
            await self.intake.record(*notices)

    def _clock_notices(self) -> list[Event]:
        return self._notices.steps(self._clock.take_steps()) + self._notices.clock(self._clock.offset)

    async def _figured(self) -> dict[str, Any]:
        """The figures behind the status; while the store cannot be read, the last ones."""
        try:
            self._last_figures = await self._figures.describe(self._store, await self._streams(), self._counts())
        except LogBroken as error:
            self._trouble = error
        return self._last_figures

    def _counts(self) -> dict[str, int]:
        return {**self.intake.counts, **self._media.counts}

    async def _leave_status(self, described: dict[str, Any]) -> None:
        try:
            await asyncio.to_thread(status.write_file, self._config.folder, described)
        except OSError as error:  # a full disk must not stop the doors for want of a convenience
            log.warning("status_not_written", error=str(error))

    async def _remember(self) -> None:
        if self._push is not None and self._store.sound:
            await status.remember(self._store, self._push.acknowledged)

    async def _keep_house(self) -> None:
        await self._remember()
        await parked.keep_newest(self._store, self._config.limits.parked_messages)
        await self._control.orders.forget_old()
        await self._store.write(self._untaken.statements(self.intake.counts, self._clock.now(), self._config.site.zone))
        await self._forget_old()
        logs.tell_suppressed()

    async def _forget_old(self) -> None:
        """Let go of what the centre has had for long enough; while nobody vouches for the time, of nothing."""
        now, keep = self._clock.trusted_now(), timedelta(days=self._config.limits.keep_days)
        if now is not None:
            acknowledged = self._push.acknowledged if self._push is not None else {}
            await forget_old(self._store, self._media, acknowledged, now, keep)
        await self._store.reclaim()


async def run(config: Config, ready: Callable[[], None]) -> None:
    """Open the store and run an agent on it until cancelled."""
    clock = Clock()
    store, happened = await open_fit(config.folder, clock.now)
    try:
        await Agent(config, store, clock, happened).run(ready)
    finally:
        await store.close()

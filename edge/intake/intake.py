"""The one way in: decode, append, make durable, and only then acknowledge."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import structlog

from domain.events import Event
from edge.clock import Clock
from edge.devices.driver import Message, Registry, Site
from edge.intake.decoding import Decoding, Group, Heard
from edge.intake.device_list import DeviceList
from edge.intake.entries import entry_of
from edge.intake.flood import UNLIMITED, FloodLimit
from edge.intake.last_seen import LastSeen
from edge.intake.parked import tell_parked
from edge.status.watchdog import Turns
from edge.store.media import MediaStore
from eventlog.group_commit import Bounds, GroupCommit
from eventlog.log import Entry, LogBroken
from eventlog.sqlite import SqliteEventLog
from eventlog.sqlite_rows import Statement

log = structlog.get_logger()

Acknowledge = Callable[[], None]
Listener = Callable[[Message, Sequence[Event]], None]


class Mender(Protocol):
    """Who is asked when the store fails."""

    @property
    def is_fit(self) -> bool: ...

    async def mend(self, error: LogBroken) -> None:
        """Return when the append may be tried again; raise where it may not."""
        ...

    def fit_again(self) -> None: ...


class _NoMender:
    """Ends the intake at the first fault."""

    is_fit = True

    async def mend(self, error: LogBroken) -> None:
        raise error

    def fit_again(self) -> None: ...


NO_MENDER = _NoMender()


class Offered(msgspec.Struct, frozen=True):
    """A message that waits to become durable, and how to acknowledge it then."""

    heard: Heard
    acknowledge: Acknowledge


class Intake:
    """Messages in, durable events out. Everything a device says enters here, whatever it came by."""

    def __init__(
        self,
        store: SqliteEventLog,
        media: MediaStore,
        registry: Registry,
        devices: DeviceList,
        site: Site,
        clock: Clock,
        bounds: Bounds,
        message_bytes: int = 8 * 1024 * 1024,
        drained: Callable[[], None] = lambda: None,
        mender: Mender = NO_MENDER,
        flood: FloodLimit = UNLIMITED,
    ) -> None:
        self._mender = mender
        self._store, self.media, self._site, self._clock = store, media, site, clock
        self.counts: Counter[str] = Counter()
        self.parked_durably = 0  # messages, since the start: they can be found in the log
        self.seen = LastSeen()
        self.on_commit: Callable[[float], None] = lambda _: None  # told how many seconds a group took to be durable
        self.listeners: list[Listener] = []  # hear every event of a device at once, before it is durable
        self.rest_listeners: list[Listener] = []  # hear what a device says is as it should be
        self._decoding = Decoding(registry, devices, site, clock, flood, message_bytes, self.counts, self.seen)
        self._queue: GroupCommit[Offered] = GroupCommit(self._commit, bounds, drained)

    @property
    def full(self) -> bool:
        """Whether the transport must stop reading. Not while the store is unfit: doors are decided all the same."""
        return self._queue.full and self._mender.is_fit

    @property
    def turns(self) -> Turns:
        """What the watchdog goes by. While the store is known to be unfit the log waits on purpose, and doors go on."""
        return Turns(self._queue.turns, self._queue.busy and self._mender.is_fit)

    def offer(self, message: Message, acknowledge: Acknowledge) -> Heard:
        """Take a message; ``acknowledge`` is called on the event loop once it is durable, and never otherwise.

        What it says is returned. It is decoded and heard by the listeners at once: a door must not wait for the disk.
        What does not fit while the store cannot be written is left with whoever sent it: it was not acknowledged.
        """
        heard = self._decoding.hear(message)
        self._tell(heard)
        if self._queue.full and not self._mender.is_fit:
            self.counts["left_with_sender"] += 1
            return heard
        self._queue.offer(Offered(heard, acknowledge), len(message.payload) + len(message.topic))
        return heard

    def overhear(self, message: Message) -> None:
        """Let the listeners hear a message that is not to be recorded: it will come again, to ``offer``."""
        self._tell(self._decoding.hear(message))

    def _tell(self, heard: Heard) -> None:
        self._tell_each(self.listeners, heard, heard.events)
        if heard.at_rest:
            self._tell_each(self.rest_listeners, heard, heard.at_rest)

    def _tell_each(self, listeners: Sequence[Listener], heard: Heard, events: Sequence[Event]) -> None:
        for listener in listeners:
            try:
                listener(heard.message, events)
            except Exception as error:  # noqa: BLE001 - a listener's defect costs neither the message nor the others
                log.error("listener_failed", topic=heard.message.topic, error=repr(error))

    async def run(self) -> None:
        """Commit what is offered until cancelled. Raises LogBroken: then nothing more may be acknowledged."""
        await self._queue.run()

    async def record(self, *events: Event, also: Sequence[Statement] = ()) -> None:
        """Append the agent's own events (started, backlog, clock), with statements of the same transaction."""
        now = self._clock.now()
        recorded = [msgspec.structs.replace(event, recorded_at=now) for event in events]
        await self._append([entry_of(event, self._site.zone) for event in recorded], list(also))

    async def admit(self, message: Message, also: Sequence[Statement] = ()) -> bool:
        """Take one message now; whether it became events. What fails again stays where it is.

        ``also`` is done in the same transaction, and only if it became events.
        """
        group = Group([], [], [])
        self._decoding.take(self._decoding.hear(message), group, limited=False)
        if group.parked:
            return False
        await self._store_group(group, also)
        return True

    async def _commit(self, offered: list[Offered]) -> None:
        group = Group([], [], [])
        began_s = asyncio.get_running_loop().time()
        for item in offered:
            self._decoding.take(item.heard, group)
        await self._store_group(group, [message.statement for message in group.parked])
        self.on_commit(asyncio.get_running_loop().time() - began_s)
        for item in offered:
            item.acknowledge()
        self.counts["messages"] += len(offered)
        self.parked_durably += len(group.parked)
        await tell_parked(self._store, group.parked)

    async def _store_group(self, group: Group, also: Sequence[Statement]) -> None:
        """Pictures first, then what names them; who sends pictures is told when the list of them is durable."""
        await self.media.keep([kept.picture for kept in group.pictures])
        await self._append(group.entries, [*also, *self.media.statements(group.pictures)])
        if group.pictures:
            self.media.announce()

    async def _durable(self, entries: list[Entry], also: list[Statement]) -> list[int | None]:
        """Append, and where the store fails, append the same again once it was mended. Raises what cannot be mended."""
        while True:
            try:
                sequences = await self._store.append(entries, also)
            except LogBroken as error:
                await self._mender.mend(error)
                continue
            self._mender.fit_again()
            return sequences

    async def _append(self, entries: list[Entry], also: list[Statement]) -> None:
        sequences = await self._durable(entries, also)
        repeats = sequences.count(None)
        self.counts["repeats"] += repeats
        self.counts["events"] += len(sequences) - repeats

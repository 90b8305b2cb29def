"""The one way in: decode, append, make durable, and only then acknowledge."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec
import structlog

from domain.days import day_number
from domain.events import STREAMS, Event, Stream, encode_event, stream_of
from domain.ids import fact_id
from edge.device_list import DeviceList, UnknownDevice
from edge.devices.driver import BadMessage, Message, Reading, Registry, Site
from edge.last_seen import LastSeen
from edge.media import Kept, MediaStore
from edge.parked import DRIVER_FAILED, TOO_LARGE, UNDECODABLE, UNKNOWN_DEVICE, Parked, tell_parked
from edge.state_filter import StateFilter
from edge.watchdog import Turns
from eventlog.group_commit import Bounds, GroupCommit
from eventlog.log import Entry, LogBroken
from eventlog.sqlite import SqliteEventLog
from eventlog.sqlite_rows import Statement

log = structlog.get_logger()

MAX_EVENT_BYTES = 256 * 1024  # a batch of one must fit domain.wire with room to spare
_SHOWN_BYTES = 64 * 1024

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


class _Taken(msgspec.Struct, gc=False):
    """What one message became: events with their pictures, or its bytes to park. Made thousands of times a second."""

    events: Sequence[Event]
    pictures: Sequence[Kept] = ()
    parked: Parked | None = None


class Offered(msgspec.Struct, frozen=True, gc=False):
    """What waits to become durable, and how to acknowledge it then."""

    taken: _Taken
    acknowledge: Acknowledge


class _Group(msgspec.Struct):
    """What one commit will hold."""

    events: list[Event] = []
    pictures: list[Kept] = []
    parked: list[Parked] = []

    def add(self, taken: _Taken) -> None:
        self.events += taken.events
        self.pictures += taken.pictures
        if taken.parked is not None:
            self.parked.append(taken.parked)


class Intake:
    """Messages in, durable events out. Everything a device says enters here, whatever it came by."""

    def __init__(
        self,
        store: SqliteEventLog,
        media: MediaStore,
        registry: Registry,
        devices: DeviceList,
        site: Site,
        now: Callable[[], datetime],
        bounds: Bounds,
        message_bytes: int = 8 * 1024 * 1024,
        drained: Callable[[], None] = lambda: None,
        mender: Mender = NO_MENDER,
    ) -> None:
        self._mender = mender
        self._store, self._media, self._registry = store, media, registry
        self._devices, self._site, self._now = devices, site, now
        self._message_bytes = message_bytes
        self._states = StateFilter()
        self._queue: GroupCommit[Offered] = GroupCommit(self._commit, bounds, drained)
        self.counts: Counter[str] = Counter()
        self.seen = LastSeen()
        self.on_commit: Callable[[float], None] = lambda _: None  # told how many seconds a group took to be durable
        self.listeners: list[Listener] = []  # hear every event of a device at once, before it is durable

    @property
    def full(self) -> bool:
        """Whether the transport must stop reading. Not while the store is unfit: doors are decided all the same."""
        return self._queue.full and self._mender.is_fit

    @property
    def turns(self) -> Turns:
        """What the watchdog goes by. While the store is known to be unfit the log waits on purpose, and doors go on."""
        return Turns(self._queue.turns, self._queue.busy and self._mender.is_fit)

    def offer(self, message: Message, acknowledge: Acknowledge) -> None:
        """Take a message; ``acknowledge`` is called on the event loop once it is durable, and never otherwise.

        It is decoded and heard by the listeners at once: a door must not wait for the disk. What does not fit while
        the store cannot be written is left with whoever sent it: it was not acknowledged.
        """
        taken = self._decoded(message)
        self._tell(message, taken.events)
        if self._queue.full and not self._mender.is_fit:
            self.counts["left_with_sender"] += 1
            return
        self._admit(taken, message)
        self._queue.offer(Offered(taken, acknowledge), len(message.payload) + len(message.topic))

    async def run(self) -> None:
        """Commit what is offered until cancelled. Raises LogBroken: then nothing more may be acknowledged."""
        await self._queue.run()

    async def record(self, *events: Event, also: Sequence[Statement] = ()) -> None:
        """Append the agent's own events (started, backlog, clock), with statements of the same transaction."""
        await self._append([msgspec.structs.replace(event, recorded_at=self._now()) for event in events], list(also))

    async def admit(self, message: Message, also: Sequence[Statement] = ()) -> bool:
        """Take one message now; whether it became events. What fails again stays where it is.

        ``also`` is done in the same transaction, and only if it became events.
        """
        taken = self._decoded(message)
        if taken.parked is not None:
            return False
        self._admit(taken, message)
        group = _Group([], [], [])
        group.add(taken)
        await self._store_group(group, also)
        return True

    async def _commit(self, offered: list[Offered]) -> None:
        group = _Group([], [], [])
        began_s = asyncio.get_running_loop().time()
        for item in offered:
            group.add(item.taken)
        await self._store_group(group, [message.statement for message in group.parked])
        self.on_commit(asyncio.get_running_loop().time() - began_s)
        for item in offered:
            item.acknowledge()
        self.counts["messages"] += len(offered)
        await tell_parked(self._store, group.parked)

    async def _store_group(self, group: _Group, also: Sequence[Statement]) -> None:
        """Pictures first, then what names them; who sends pictures is told when the list of them is durable."""
        await self._media.keep([kept.picture for kept in group.pictures])
        await self._append(group.events, [*also, *self._media.statements(group.pictures)])
        if group.pictures:
            self._media.announce()

    def _tell(self, message: Message, events: Sequence[Event]) -> None:
        try:
            for listener in self.listeners:
                listener(message, events)
        except Exception as error:  # noqa: BLE001 - a listener's defect must not cost the message
            log.error("listener_failed", topic=message.topic, error=repr(error))

    def _decoded(self, message: Message) -> _Taken:
        """What a message says, or its bytes to park; changes nothing but counts."""
        if len(message.payload) > self._message_bytes:
            return self._parked(_beginning(message), TOO_LARGE, f"{len(message.payload)} bytes")
        try:
            reading = self._registry.decode(message, self._site)
            events = [self._devices.place(event) for event in reading.events]
        except BadMessage as error:
            return self._parked(message, UNDECODABLE, str(error))
        except UnknownDevice as error:
            return self._parked(message, UNKNOWN_DEVICE, str(error))
        except Exception as error:  # noqa: BLE001 - a driver's defect: parked with its bytes and shown; others go on
            return self._parked(message, DRIVER_FAILED, repr(error))
        return _Taken(events, _kept(reading) if reading.pictures else ())

    def _parked(self, message: Message, reason: str, detail: str) -> _Taken:
        self.counts[reason] += 1
        return _Taken((), (), Parked.of(message, message.received_at or self._now(), reason, detail))

    def _admit(self, taken: _Taken, message: Message) -> None:
        """Leave out what says nothing new, and date the rest."""
        received_at = message.received_at or self._now()
        for event in taken.events:
            self.seen.note(event, received_at)
        admitted = [event for event in taken.events if self._states.changes(event)]
        if len(admitted) != len(taken.events):
            self.counts["unchanged"] += len(taken.events) - len(admitted)
        for event in admitted:
            event.recorded_at = received_at
        taken.events = admitted

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

    def _entry(self, event: Event) -> Entry:
        return Entry(stream_of(event), _encoded(event), fact_id(event), _day(event, self._site))

    async def _append(self, events: list[Event], also: list[Statement]) -> None:
        sequences = await self._durable([self._entry(event) for event in events], also)
        repeats = sequences.count(None)
        self.counts["repeats"] += repeats
        self.counts["events"] += len(sequences) - repeats


def _kept(reading: Reading) -> list[Kept]:
    """Each picture with the most urgent stream of the events that name it."""
    streams: dict[str, Stream] = {}
    for event in reading.events:
        for media in event.media:
            if media.sha256:
                both: tuple[Stream, Stream] = (stream_of(event), streams.get(media.sha256, "routine"))
                streams[media.sha256] = min(both, key=STREAMS.index)
    return [Kept(picture, streams.get(picture.sha256, "routine")) for picture in reading.pictures]


def _day(event: Event, site: Site) -> int:
    return day_number(event.recorded_at, site.zone) if event.recorded_at else 0


def _beginning(message: Message) -> Message:
    """As much of a message that is too large as a person needs to see what it was."""
    return msgspec.structs.replace(message, payload=message.payload[:_SHOWN_BYTES])


def _encoded(event: Event) -> bytes:
    """The event's bytes. What a device stuffed into it beyond any sense is cut off, and that is said in it."""
    body = encode_event(event)
    if len(body) <= MAX_EVENT_BYTES:
        return body
    identity = fact_id(event)
    log.warning("event_cut", id=identity and identity.hex(), device=event.device, kind=event.kind, bytes=len(body))
    bare = Event(kind=event.kind, device=event.device, time=event.time, time_quality=event.time_quality)
    bare.recorded_at, bare.source_event_id = event.recorded_at, event.source_event_id
    bare.ext = {"cut_bytes": len(body)}
    return encode_event(bare)

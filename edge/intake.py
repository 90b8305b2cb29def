"""The one way in: decode, append, make durable, and only then acknowledge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
import structlog

from domain.days import day_number
from domain.events import Event, encode_event, stream_of
from domain.ids import fact_id
from edge.device_list import DeviceList, UnknownDevice
from edge.devices.driver import BadMessage, Message, Picture, Registry, Site
from edge.media import MediaStore
from edge.parked import TOO_LARGE, Parked
from edge.state_filter import StateFilter
from eventlog.group_commit import Bounds, GroupCommit
from eventlog.log import Entry
from eventlog.sqlite import SqliteEventLog
from eventlog.sqlite_rows import Statement

log = structlog.get_logger()

MAX_EVENT_BYTES = 256 * 1024  # a batch of one must fit domain.wire with room to spare
_SHOWN_BYTES = 64 * 1024

Acknowledge = Callable[[], None]


class Offered(msgspec.Struct, frozen=True):
    """A message that waits to become durable, and how to acknowledge it then."""

    message: Message
    acknowledge: Acknowledge


class _Group(msgspec.Struct):
    """What one commit will hold."""

    events: list[Event] = []
    pictures: list[Picture] = []
    parked: list[Parked] = []


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
    ) -> None:
        self._store, self._media, self._registry = store, media, registry
        self._devices, self._site, self._now = devices, site, now
        self._message_bytes = message_bytes
        self._states = StateFilter()
        self._queue: GroupCommit[Offered] = GroupCommit(self._commit, bounds, drained)
        self.counts: Counter[str] = Counter()

    @property
    def full(self) -> bool:
        """Whether the transport must stop reading."""
        return self._queue.full

    def offer(self, message: Message, acknowledge: Acknowledge) -> None:
        """Take a message; ``acknowledge`` is called on the event loop once it is durable, and never otherwise."""
        self._queue.offer(Offered(message, acknowledge), len(message.payload) + len(message.topic))

    async def run(self) -> None:
        """Commit what is offered until cancelled. Raises LogBroken: then nothing more may be acknowledged."""
        await self._queue.run()

    async def record(self, *events: Event) -> None:
        """Append the agent's own events (started, backlog, clock)."""
        await self._append([msgspec.structs.replace(event, recorded_at=self._now()) for event in events], [])

    async def admit(self, message: Message, also: Sequence[Statement] = ()) -> bool:
        """Take one message now; whether it became events. What fails again stays where it is.

        ``also`` is done in the same transaction, and only if it became events.
        """
        group = _Group([], [], [])
        self._decode(message, group)
        if group.parked:
            return False
        await self._store_group(group, also)
        return True

    async def _commit(self, offered: list[Offered]) -> None:
        group = _Group([], [], [])
        for item in offered:
            self._decode(item.message, group)
        await self._store_group(group, [message.statement for message in group.parked])
        for item in offered:
            item.acknowledge()
        self.counts["messages"] += len(offered)

    async def _store_group(self, group: _Group, also: Sequence[Statement]) -> None:
        """Pictures first, then what names them; who sends pictures is told when the list of them is durable."""
        await self._media.keep(group.pictures)
        await self._append(group.events, [*also, *self._media.statements(group.pictures)])
        if group.pictures:
            self._media.announce()

    def _decode(self, message: Message, group: _Group) -> None:
        received_at = message.received_at or self._now()
        if len(message.payload) > self._message_bytes:
            self._park(group, _beginning(message), received_at, TOO_LARGE, f"{len(message.payload)} bytes")
            return
        try:
            reading = self._registry.decode(message, self._site)
            events = [self._devices.place(event) for event in reading.events]
        except BadMessage as error:
            self._park(group, message, received_at, "undecodable", str(error))
        except UnknownDevice as error:
            self._park(group, message, received_at, "unknown_device", str(error))
        except Exception as error:  # noqa: BLE001 - a driver's defect: parked with its bytes and shown; others go on
            log.error("driver_failed", family=message.family, topic=message.topic, error=repr(error))
            self._park(group, message, received_at, "driver_failed", repr(error))
        else:
            group.events += self._admit(events, received_at)
            group.pictures += reading.pictures

    def _park(self, group: _Group, message: Message, received_at: datetime, reason: str, detail: str) -> None:
        self.counts[reason] += 1
        group.parked.append(Parked.of(message, received_at, reason, detail))

    def _admit(self, events: list[Event], received_at: datetime) -> list[Event]:
        admitted = [event for event in events if self._states.changes(event)]
        self.counts["unchanged"] += len(events) - len(admitted)
        for event in admitted:
            event.recorded_at = received_at
        return admitted

    def _entry(self, event: Event) -> Entry:
        return Entry(stream_of(event), _encoded(event), fact_id(event), _day(event, self._site))

    async def _append(self, events: list[Event], also: list[Statement]) -> None:
        entries = [self._entry(event) for event in events]
        sequences = await self._store.append(entries, also)
        repeats = sequences.count(None)
        self.counts["repeats"] += repeats
        self.counts["events"] += len(sequences) - repeats


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
    bare = Event(kind=event.kind, device=event.device, time=event.time, time_quality=event.time_quality)
    bare.recorded_at, bare.source_event_id = event.recorded_at, event.source_event_id
    bare.ext = {"cut_bytes": len(body)}
    return encode_event(bare)

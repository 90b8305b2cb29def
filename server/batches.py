"""Batches as the readers of the centre's log get them: every event at a glance, and whole where a reader wants it."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from domain.events import CONFIDENTIAL, is_confidential
from domain.sketch import Sketch, decode_sketches
from domain.wire import CHECKSUM_BYTES, Header, split_events, unpack
from eventlog.log import Record
from server.facts import Fact, read_event, read_sound_event, without_nul

_MAX_CACHED_EVENTS = 100_000
_FRESH_BYTES = 16 * 1024 * 1024
# Well within what every reader can reckon with, whatever the zone: beyond, each event is looked at by itself.
_EARLIEST, _LATEST = datetime(1971, 1, 1, tzinfo=UTC), datetime(8999, 1, 1, tzinfo=UTC)


Unpacked = tuple[Header, bytes]


class Fresh:
    """What was unpacked to be checked when it came in, for the first that reads it: not all that is new is read here,
    so it is bounded by its bytes."""

    def __init__(self, most_bytes: int = _FRESH_BYTES) -> None:
        self._kept: OrderedDict[bytes, Unpacked] = OrderedDict()
        self._size_bytes, self._most_bytes = 0, most_bytes

    def put(self, packed: bytes, known: Unpacked) -> None:
        self.take(packed)
        self._kept[packed[-CHECKSUM_BYTES:]] = known
        self._size_bytes += len(known[1])
        while self._size_bytes > self._most_bytes:
            self._size_bytes -= len(self._kept.popitem(last=False)[1][1])

    def take(self, packed: bytes) -> Unpacked | None:
        """What these bytes hold, once."""
        known = self._kept.pop(packed[-CHECKSUM_BYTES:], None)
        self._size_bytes -= len(known[1]) if known else 0
        return known


class Batch:
    """One record unpacked. Several readers share it: what one of them had decoded is there for the next."""

    def __init__(self, record: Record, known: Unpacked | None = None) -> None:
        """``known``: what the record's bytes hold, where somebody unpacked them already. Raises BadBatch where the
        stored bytes are damaged."""
        header, unpacked = known or unpack(record.body)
        self.header: Header = header
        self.complex, self.position = record.complex, record.position
        self.is_adopted = False  # whether it came with its complex from another cell
        self.checksum = record.body[-CHECKSUM_BYTES:]
        self.received_at = datetime.fromisoformat(record.received_at)
        unpacked = without_nul(unpacked)
        self.bodies: list[bytes] = split_events(unpacked)
        self._sketches = _sketches(unpacked)
        self._whole: dict[int, Fact] = {}
        self._by_kind: dict[str, list[int]] | None = None

    @property
    def recorded_at(self) -> list[datetime]:
        """When each event was recorded, in order of sequence."""
        if self._sketches is None:
            return [fact.event.recorded_at or self.received_at for fact in self.facts()]
        return [sketch.recorded_at for sketch in self._sketches]

    def facts(self, kinds: Collection[str] | None = None) -> list[Fact]:
        """The facts of these kinds, or all, in order of sequence; what cannot be understood has the kind unknown."""
        if kinds is None:
            return [self._fact(index) for index in range(len(self.bodies))]
        indexes = sorted(index for kind in kinds for index in self._of_kind(kind))
        return [fact for index in indexes if (fact := self._fact(index)).event.kind in kinds]

    def facts_where(self, wanted: Callable[[Sketch], bool]) -> list[Fact]:
        """The facts that look wanted at a glance; all of a batch of which no glance can be had. None that is
        confidential: whoever may have those asks for their kind."""
        if self._sketches is None:
            return [fact for fact in self.facts() if not is_confidential(fact.event)]
        found = (self._fact(index) for index, sketch in enumerate(self._sketches) if wanted(sketch))
        return [fact for fact in found if not is_confidential(fact.event)]

    def holds(self, kinds: Collection[str]) -> bool:
        """Whether it has a fact of one of these kinds."""
        return any(self._of_kind(kind) for kind in kinds)

    def _of_kind(self, kind: str) -> list[int]:
        if self._by_kind is None:
            self._by_kind = defaultdict(list)
            for index, known in enumerate(self._kinds()):
                self._by_kind[known].append(index)
        return self._by_kind.get(kind, [])

    def _kinds(self) -> Iterator[str]:
        if self._sketches is None:
            return (fact.event.kind for fact in self.facts())
        return (sketch.kind for sketch in self._sketches)

    def _fact(self, index: int) -> Fact:
        found = self._whole.get(index)
        if found is None:
            read = read_event if self._sketches is None else read_sound_event
            event = read(self.header, index, self.bodies[index], self.received_at)
            found = Fact(event, self.complex, self.header, index, self.received_at)
            self._whole[index] = found
        return found


def _sketches(unpacked: bytes) -> list[Sketch] | None:
    """None where an event among them may not be sound."""
    try:
        found = decode_sketches(unpacked)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return found if _are_sound(found) else None


def _are_sound(sketches: list[Sketch]) -> bool:
    times = [sketch.recorded_at for sketch in sketches]
    times += [sketch.time for sketch in sketches if sketch.time is not None]
    times += [sketch.ended_at for sketch in sketches if sketch.ended_at is not None]
    return not times or (min(times) >= _EARLIEST and max(times) <= _LATEST)


def facts_of(batches: Iterable[Batch], kinds: Collection[str] | None = None) -> list[Fact]:
    """The facts of these kinds, or all, in the order of the log. What is confidential is among them only where its very
    kind is asked for."""
    found = (fact for batch in batches for fact in batch.facts(kinds))
    asked = CONFIDENTIAL & frozenset(kinds or ())
    return [fact for fact in found if fact.event.kind in asked or not is_confidential(fact.event)]


class Unpacker:
    """Unpacks records; the latest are kept unpacked, because several readers want them at about the same time."""

    def __init__(self, max_events: int = _MAX_CACHED_EVENTS, fresh: Fresh | None = None) -> None:
        self._fresh = fresh or Fresh()
        self._kept: OrderedDict[int, Batch] = OrderedDict()
        self._size, self._max_events = 0, max_events

    def batch(self, record: Record) -> Batch:
        """The batch a record holds. Raises BadBatch where the stored bytes are damaged."""
        found = self._kept.get(record.position)
        if found is None or found.checksum != record.body[-CHECKSUM_BYTES:]:  # it was rewritten since: erased
            found = Batch(record, self._fresh.take(record.body))
            self._keep(found)
        return found

    def _keep(self, batch: Batch) -> None:
        if batch.position in self._kept:
            self._size -= self._kept.pop(batch.position).header.count
        self._kept[batch.position] = batch
        self._size += batch.header.count
        while self._size > self._max_events and len(self._kept) > 1:
            self._size -= self._kept.popitem(last=False)[1].header.count

"""The log up to the centre: a reader of the edge's log whose cursor is the centre's watermark."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Protocol

import msgspec
import structlog

from domain.alerts.pressing import Pressing
from domain.alerts.rules import Rules
from domain.events import Event, Raw, encode_event
from domain.ids import content_name
from domain.wire import MAX_UNPACKED_BYTES, pack
from edge.config import Limits
from edge.logs import origin
from edge.sync.lanes import Fit, Lanes
from edge.sync.transport import Refused, Uplink, understood
from eventlog.follow import rung_or_after
from eventlog.log import EventLog, Record

log = structlog.get_logger()

BATCHES = "/v1/batches"
GAPS = "/v1/gaps"
BATCH_TYPE = "application/vnd.gatehouse.batch"
_OUT_OF_STEP = frozenset({"gap", "overlap"})
_POISON = frozenset({"events", "too_large", "body"})
PRESSING = "?pressing=true"  # of a batch: it holds what may be an alert
_GATHERED = "routine"  # the stream of which little is in a hurry
_FEW_EVENTS = 64  # with more there is a backlog, and what presses in it is old
_STAND_IN_BEGINS = b'{"kind":"unknown","device":"gateway"'


class Hooks(Protocol):
    """What the push tells the agent of."""

    def new_epoch(self) -> str: ...

    def epoch_used(self, stream: str, epoch: str) -> None:
        """Before the centre first hears of the epoch."""
        ...

    async def epoch_began(self, stream: str, reason: str) -> None:
        """The old numbering could not be followed; ``reason`` says why, in words."""
        ...

    async def centre_lost(self, stream: str) -> None:
        """The centre has less than it had: a disk of its was lost. What lies beside the log must be offered again."""
        ...


class Push:
    """Sends what is behind the watermark, one batch at a time a stream; whatever the centre answers is the cursor."""

    name = "push"

    def __init__(
        self,
        gateway: str,
        store: EventLog,
        uplink: Uplink,
        watermarks: Callable[[], Awaitable[dict[str, int]]],
        limits: Limits,
        hooks: Hooks,
        acknowledged: Mapping[str, int] | None = None,
        own_rules: Callable[[], Rules | None] = lambda: None,
    ) -> None:
        """``acknowledged``: what the centre had when last heard of. ``own_rules``: the complex's, by which something
        may be an alert too."""
        self._gateway, self._store, self._uplink = gateway, store, uplink
        self._watermarks, self._hooks = watermarks, hooks
        self._batch_bytes = min(limits.batch_bytes, MAX_UNPACKED_BYTES // 2)
        self._lanes = Lanes(store.partitions)
        self._fit = {stream: Fit(limits.batch_events) for stream in store.partitions}
        self.acknowledged: dict[str, int] = dict(acknowledged or {})
        self._heard: set[str] = set()
        self._used: dict[str, str] = {}
        self._pressing = Pressing(time.monotonic, own_rules)
        self.gather_s = 0.0  # as the centre said last

    async def position(self, partition: str) -> int:
        """The centre's watermark of the stream's present epoch: asked anew after every failure."""
        watermark = (await self._watermarks()).get(partition, 0)
        head = await self._store.head(partition)
        if watermark > head:
            reason = f"the centre has {watermark} and this log only {head}: an older copy of it was restored"
            watermark = await self._begin_epoch(partition, reason)
        await self._note(partition, watermark)
        self._heard.add(partition)
        return watermark

    def told(self) -> dict[str, int]:
        """The watermarks that the centre itself told since the start; what was remembered may lag behind a trim."""
        return {stream: self.acknowledged[stream] for stream in self._heard}

    def put_back(self, had: Mapping[str, int], watermarks: Mapping[str, int]) -> list[str]:
        """Idle streams of which the centre has less than it ``had`` when asked: an older copy of it was put back.

        A stream that sends meanwhile is told so by the answer to its next batch.
        """
        lower = [stream for stream in self._heard if watermarks.get(stream, 0) < had.get(stream, 0)]
        return [stream for stream in lower if self.acknowledged.get(stream) == had[stream]]

    async def _note(self, stream: str, watermark: int) -> None:
        had, self.acknowledged[stream] = self.acknowledged.get(stream, 0), watermark
        if watermark < had:
            log.warning("centre_lost", stream=stream, has=watermark, had=had)
            await self._hooks.centre_lost(stream)

    async def _begin_epoch(self, stream: str, reason: str) -> int:
        """Number what is kept anew; the centre folds what it knows already by what the events state."""
        log.error("epoch_began", stream=stream, reason=reason)
        await self._store.begin_epoch(stream, self._hooks.new_epoch())
        await self._epoch(stream)
        await self._hooks.epoch_began(stream, reason)
        self.acknowledged[stream] = 0
        return 0

    async def take(self, partition: str, records: list[Record]) -> int:
        """Send as many of the records as fit a batch; the new watermark, which may lie behind after a restore."""
        watermark = await self._sent(partition, records)
        await self._note(partition, watermark)
        if partition == _GATHERED and watermark == records[-1].position:  # there is no backlog
            await self._gather(watermark)
        return watermark

    async def _gather(self, watermark: int) -> None:
        """Let what is routine come together, but for what presses."""
        until_s = time.monotonic() + self.gather_s
        bell = self._store.bell.listen(_GATHERED)
        try:
            while (left_s := until_s - time.monotonic()) > 0:
                bell.clear()  # before the look: what comes after it rings again
                came = await self._store.read(_GATHERED, watermark, _FEW_EVENTS)
                if self._pressing.is_in([record.body for record in came]):
                    return
                watermark = came[-1].position if came else watermark
                if len(came) < _FEW_EVENTS:
                    await rung_or_after(bell, left_s)
        finally:
            self._store.bell.unlisten(_GATHERED, bell)

    def _presses(self, stream: str, bodies: list[bytes]) -> bool:
        """What is urgent presses by its stream, which the centre sees."""
        if stream == "urgent":
            self._pressing.met()
        return stream == _GATHERED and len(bodies) < _FEW_EVENTS and self._pressing.is_in(bodies)

    async def _sent(self, partition: str, records: list[Record]) -> int:
        expected = self.acknowledged.get(partition, 0) + 1
        async with self._lanes.turn(partition) as more:
            if records[0].position > expected:
                watermark = await self._declare(partition, expected, records[0].position - 1)
            else:
                bodies = self._fitting(partition, records)
                watermark = await self._send_or_halve(partition, records[0].position, bodies)
            if watermark < records[-1].position:
                more()
        return watermark

    async def _declare(self, stream: str, first: int, last: int) -> int:
        """Tell the centre that sequences will never come, and why, so that its count stays whole."""
        watermark = first - 1
        for span in await self._store.holes(stream, first, last):
            epoch = await self._epoch(stream)
            where = origin(self._gateway, stream, epoch, span.first, span.last - span.first + 1)
            log.warning("gap", **where, reason=span.reason)
            gap = {"stream": stream, "epoch": epoch, **msgspec.structs.asdict(span)}
            watermark = await self._answered(self._uplink.send_json("POST", GAPS, gap), where)
            if watermark != span.last:
                break
        return watermark

    async def _send_or_halve(self, stream: str, first: int, bodies: list[bytes]) -> int:
        """Send; where the centre cannot take the events, send half, down to the one that it cannot take.

        That one is replaced by an event that says so: its stream goes on, and its sequence leaves no gap.
        """
        epoch = await self._epoch(stream)
        while True:
            where = origin(self._gateway, stream, epoch, first, len(bodies))
            try:
                packed = pack(self._gateway, stream, epoch, first, bodies)
                return await self._send(stream, packed, where, self._presses(stream, bodies))
            except Refused as refusal:
                if refusal.error not in _POISON:
                    raise
                if len(bodies) == 1 and bodies[0].startswith(_STAND_IN_BEGINS):
                    raise
                log.error("batch_refused", **where, error=str(refusal))
                bodies = bodies[: len(bodies) // 2] or [_stand_in(bodies[0])]

    async def _epoch(self, stream: str) -> str:
        """The present epoch of the stream, for what is sent now."""
        epoch = await self._store.epoch(stream)
        if self._used.get(stream) != epoch:
            self._hooks.epoch_used(stream, epoch)
            self._used[stream] = epoch
        return epoch

    def _fitting(self, stream: str, records: list[Record]) -> list[bytes]:
        """The leading records without a hole between them, as many as a batch may hold."""
        bodies: list[bytes] = []
        size_bytes, first = 0, records[0].position
        for number, record in enumerate(records[: self._fit[stream].events]):
            size_bytes += len(record.body) + 1
            if record.position != first + number or (bodies and size_bytes > self._batch_bytes):
                break
            bodies.append(record.body)
        return bodies

    async def _send(self, stream: str, packed: bytes, where: dict[str, Any], presses: bool) -> int:
        began, path = time.monotonic(), BATCHES + PRESSING * presses
        watermark = await self._answered(self._uplink.send("POST", path, packed, BATCH_TYPE), where)
        self._fit[stream].took(time.monotonic() - began)
        log.debug("batch_sent", **where, bytes=len(packed), watermark=watermark)
        return watermark

    async def _answered(self, sending: Awaitable[dict[str, Any]], where: dict[str, Any]) -> int:
        """The watermark the centre answers with, also where it says that we are out of step."""
        try:
            answer = await sending
        except Refused as refusal:
            if refusal.error not in _OUT_OF_STEP:
                raise
            log.warning("out_of_step", **where, error=refusal.error, message=str(refusal))
            answer = refusal.answer
        return understood(answer, _Watermark).watermark


def _stand_in(body: bytes) -> bytes:
    """What goes in place of an event that the centre cannot take; the event itself stays in the gateway's log."""
    recorded_at = msgspec.json.decode(body, type=_RecordedAt).recorded_at
    event = Event(kind="unknown", device="gateway", recorded_at=recorded_at, code="unsendable")
    event.raw = Raw(encoding="json", sha256=content_name(body))
    return encode_event(event)


class _Watermark(msgspec.Struct):
    watermark: Annotated[int, msgspec.Meta(ge=0)]


class _RecordedAt(msgspec.Struct):
    recorded_at: datetime

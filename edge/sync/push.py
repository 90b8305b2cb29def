"""The log up to the centre: a reader of the edge's log whose cursor is the centre's watermark."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

import msgspec
import structlog

from domain.events import Event, Raw, encode_event
from domain.ids import content_name
from domain.wire import MAX_UNPACKED_BYTES, pack
from edge.logs import origin
from edge.sync.transport import Refused, Uplink, understood
from eventlog.log import EventLog, Record

log = structlog.get_logger()

BATCHES = "/v1/batches"
BATCH_TYPE = "application/vnd.gatehouse.batch"
_OUT_OF_STEP = frozenset({"gap", "overlap"})
_POISON = frozenset({"events", "too_large", "body"})
_STAND_IN_BEGINS = b'{"kind":"unknown","device":"gateway"'


class Push:
    """Sends what is behind the watermark, one batch at a time a stream; whatever the centre answers is the cursor."""

    name = "push"

    def __init__(
        self,
        gateway: str,
        store: EventLog,
        uplink: Uplink,
        watermarks: Callable[[], Awaitable[dict[str, int]]],
        batch_bytes: int,
        new_epoch: Callable[[], str],
        epoch_began: Callable[[str, str], Awaitable[None]],
    ) -> None:
        """``epoch_began`` is told the stream and the reason when the old numbering could not be followed."""
        self._new_epoch, self._epoch_began = new_epoch, epoch_began
        self._gateway, self._store, self._uplink = gateway, store, uplink
        self._watermarks = watermarks
        self._batch_bytes = min(batch_bytes, MAX_UNPACKED_BYTES // 2)
        self.acknowledged: dict[str, int] = {}

    async def position(self, partition: str) -> int:
        """The centre's watermark of the stream's present epoch: asked anew after every failure."""
        watermark = (await self._watermarks()).get(partition, 0)
        head = await self._store.head(partition)
        if watermark > head:
            reason = f"the centre has {watermark} and this log only {head}: an older copy of it was restored"
            watermark = await self._begin_epoch(partition, reason)
        self.acknowledged[partition] = watermark
        return watermark

    async def _oldest_behind(self, stream: str, watermark: int) -> int | None:
        records = await self._store.read(stream, watermark, 1)
        return records[0].position if records else None

    async def _begin_epoch(self, stream: str, reason: str) -> int:
        """Number what is kept anew; the centre folds what it knows already by what the events state."""
        log.error("epoch_began", stream=stream, reason=reason)
        await self._store.begin_epoch(stream, self._new_epoch())
        await self._epoch_began(stream, reason)
        return 0

    async def take(self, partition: str, records: list[Record]) -> int:
        """Send as many of the records as fit a batch; the new watermark, which may lie behind after a restore."""
        bodies = self._fitting(records)
        first = records[0].position
        watermark = await self._send_or_halve(partition, first, bodies)
        if watermark + 1 < first and await self._oldest_behind(partition, watermark) == first:
            reason = f"the centre has {watermark}, and the oldest kept here is {first}: what lay between is gone"
            watermark = await self._begin_epoch(partition, reason)
        self.acknowledged[partition] = watermark
        return watermark

    async def _send_or_halve(self, stream: str, first: int, bodies: list[bytes]) -> int:
        """Send; where the centre cannot take the events, send half, down to the one that it cannot take.

        That one is replaced by an event that says so: its stream goes on, and its sequence leaves no gap.
        """
        epoch = await self._store.epoch(stream)
        while True:
            where = origin(self._gateway, stream, epoch, first, len(bodies))
            try:
                return await self._send(pack(self._gateway, stream, epoch, first, bodies), where)
            except Refused as refusal:
                if refusal.error not in _POISON:
                    raise
                if len(bodies) == 1 and bodies[0].startswith(_STAND_IN_BEGINS):
                    raise
                log.error("batch_refused", **where, error=str(refusal))
                bodies = bodies[: len(bodies) // 2] or [_stand_in(bodies[0])]

    def _fitting(self, records: list[Record]) -> list[bytes]:
        bodies: list[bytes] = []
        size_bytes = 0
        for record in records:
            size_bytes += len(record.body) + 1
            if bodies and size_bytes > self._batch_bytes:
                break
            bodies.append(record.body)
        return bodies

    async def _send(self, packed: bytes, where: dict[str, Any]) -> int:
        try:
            answer = await self._uplink.send("POST", BATCHES, packed, BATCH_TYPE)
        except Refused as refusal:
            if refusal.error not in _OUT_OF_STEP:
                raise
            log.warning("out_of_step", **where, error=refusal.error, message=str(refusal))
            answer = refusal.answer
        watermark = understood(answer, _Watermark).watermark
        log.debug("batch_sent", **where, bytes=len(packed), watermark=watermark)
        return watermark


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

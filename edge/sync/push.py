"""The log up to the centre: a reader of the edge's log whose cursor is the centre's watermark."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from domain.wire import MAX_UNPACKED_BYTES, pack
from edge.sync.transport import Refused, Uplink
from eventlog.log import EventLog, Record

log = structlog.get_logger()

BATCHES = "/v1/batches"
BATCH_TYPE = "application/vnd.gatehouse.batch"
_OUT_OF_STEP = frozenset({"gap", "overlap"})


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
    ) -> None:
        self._gateway, self._store, self._uplink = gateway, store, uplink
        self._watermarks = watermarks
        self._batch_bytes = min(batch_bytes, MAX_UNPACKED_BYTES // 2)
        self.acknowledged: dict[str, int] = {}

    async def position(self, partition: str) -> int:
        """The centre's watermark of the stream's present epoch: asked anew after every failure."""
        watermark = (await self._watermarks()).get(partition, 0)
        self.acknowledged[partition] = watermark
        return watermark

    async def take(self, partition: str, records: list[Record]) -> int:
        """Send as many of the records as fit a batch; the new watermark, which may lie behind after a restore."""
        bodies = self._fitting(records)
        packed = pack(self._gateway, partition, await self._store.epoch(partition), records[0].position, bodies)
        watermark = await self._send(packed)
        self.acknowledged[partition] = watermark
        return watermark

    def _fitting(self, records: list[Record]) -> list[bytes]:
        bodies: list[bytes] = []
        size_bytes = 0
        for record in records:
            size_bytes += len(record.body) + 1
            if bodies and size_bytes > self._batch_bytes:
                break
            bodies.append(record.body)
        return bodies

    async def _send(self, packed: bytes) -> int:
        try:
            answer = await self._uplink.send("POST", BATCHES, packed, BATCH_TYPE)
        except Refused as refusal:
            if refusal.error not in _OUT_OF_STEP:
                raise
            log.warning("out_of_step", error=refusal.error, watermark=refusal.answer["watermark"])
            return int(refusal.answer["watermark"])
        return int(answer["watermark"])

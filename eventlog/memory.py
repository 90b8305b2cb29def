"""Both forms of the log in memory: for tests and simulations; nothing in it outlives the process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from domain.events import STREAMS
from eventlog.holes import holes
from eventlog.log import Arrival, Bell, Entry, Gap, GapReason, Receipt, Record, Span, judge
from eventlog.shards import SHARD_NAMES, shard_of


class _Partitions:
    def __init__(self, names: Sequence[str]) -> None:
        self.partitions: Sequence[str] = names
        self.bell = Bell()
        self._records: defaultdict[str, list[Record]] = defaultdict(list)
        self._heads: defaultdict[str, int] = defaultdict(int)

    async def read(self, partition: str, after: int, limit: int) -> list[Record]:
        return [record for record in self._records[partition] if record.position > after][:limit]

    async def head(self, partition: str) -> int:
        return self._heads[partition]

    async def trim(self, partition: str, through: int) -> int:
        kept = [record for record in self._records[partition] if record.position > through]
        gone = len(self._records[partition]) - len(kept)
        self._records[partition] = kept
        return gone

    def _add(self, partition: str, body: bytes, complex_id: str = "") -> int:
        self._heads[partition] += 1
        self._records[partition].append(Record(self._heads[partition], body, complex_id))
        self.bell.ring(partition)
        return self._heads[partition]


class MemoryEventLog(_Partitions):
    """The edge's form."""

    def __init__(self, epoch: str = "memory") -> None:
        super().__init__(STREAMS)
        self._epoch = epoch
        self._epochs: dict[str, str] = {}
        self._ids: set[bytes] = set()
        self._spans: defaultdict[str, list[Span]] = defaultdict(list)

    async def append(self, entries: Sequence[Entry]) -> list[int | None]:
        return [self._append_one(entry) for entry in entries]

    def _append_one(self, entry: Entry) -> int | None:
        if entry.id is not None and entry.id in self._ids:
            return None
        if entry.id is not None:
            self._ids.add(entry.id)
        return self._add(entry.stream, entry.body)

    async def trim(self, partition: str, through: int) -> int:
        return await self._let_go(partition, through, "trimmed")

    async def drop(self, stream: str, through: int) -> int:
        return await self._let_go(stream, through, "capacity")

    async def _let_go(self, stream: str, through: int, reason: GapReason) -> int:
        gone = await super().trim(stream, through)
        spans = self._spans[stream]
        first = spans[-1].last + 1 if spans else 1
        if through >= first:
            spans.append(Span(first, through, reason))
        return gone

    async def holes(self, stream: str, first: int, last: int) -> list[Span]:
        there = [(record.position, True) for record in self._records[stream] if first <= record.position <= last]
        return holes(first, last, there, self._spans[stream])

    async def epoch(self, stream: str) -> str:
        return self._epochs.get(stream, self._epoch)

    async def begin_epoch(self, stream: str, epoch: str) -> int:
        """The stream's kept records under a new epoch, numbered from 1; its new head."""
        kept = self._records[stream]
        self._records[stream] = [Record(number, record.body) for number, record in enumerate(kept, 1)]
        self._heads[stream], self._epochs[stream], self._spans[stream] = len(kept), epoch, []
        return len(kept)


class MemoryBatchLog(_Partitions):
    """The centre's form."""

    def __init__(self) -> None:
        super().__init__(SHARD_NAMES)
        self._marks: dict[tuple[str, str, str], int] = {}
        self._gaps: list[Gap] = []

    async def append(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        return [self._append_one(arrival) for arrival in arrivals]

    def _append_one(self, arrival: Arrival) -> Receipt:
        header = arrival.header
        key = (header.gateway, header.stream, header.epoch)
        receipt = judge(header, self._marks.get(key, 0))
        if receipt.outcome == "stored":
            self._marks[key] = receipt.watermark
            self._add(shard_of(arrival.complex), arrival.packed, arrival.complex)
        return receipt

    async def declare(self, gap: Gap, complex_id: str) -> Receipt:
        key = (gap.gateway, gap.stream, gap.epoch)
        receipt = judge(gap, self._marks.get(key, 0))
        if receipt.outcome == "stored":
            self._marks[key] = receipt.watermark
            self._gaps.append(gap)
        return receipt

    async def gaps(self, gateway: str) -> list[Gap]:
        found = [gap for gap in self._gaps if gap.gateway == gateway]
        return sorted(found, key=lambda gap: (gap.stream, gap.epoch, gap.first))

    async def mend(self, arrival: Arrival) -> bool:
        return False  # nothing in memory is ever damaged or lost

    async def watermarks(self, gateway: str) -> dict[tuple[str, str], int]:
        return {(stream, epoch): last for (owner, stream, epoch), last in self._marks.items() if owner == gateway}

    async def watermarks_of(self, gateways: Sequence[str]) -> dict[str, dict[tuple[str, str], int]]:
        return {gateway: await self.watermarks(gateway) for gateway in gateways}

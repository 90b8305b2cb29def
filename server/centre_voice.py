"""What the centre itself finds, or is told by other libraries, said into its own log: read as any other fact is."""

from __future__ import annotations

from collections.abc import Sequence

from domain.events import Event, Stream, encode_event, stream_of
from domain.wire import pack, read_header
from eventlog.log import Arrival, BatchLog, LogBroken

_TRIES = 20


async def say(log: BatchLog, complex_id: str, event: Event) -> None:
    """Append a fact under the centre's own name. Said twice, it is the same fact where its number is. Raises
    LogBroken."""
    await _append(log, complex_id, "urgent", "centre", [event])


async def pass_on(log: BatchLog, complex_id: str, epoch: str, events: Sequence[Event]) -> None:
    """Append facts that another told, each in its stream, in their order. Raises LogBroken."""
    streams: dict[Stream, list[Event]] = {}
    for event in events:
        streams.setdefault(stream_of(event), []).append(event)
    for stream, its in streams.items():
        await _append(log, complex_id, stream, epoch, its)


async def _append(log: BatchLog, complex_id: str, stream: Stream, epoch: str, events: Sequence[Event]) -> None:
    source, bodies = f"centre/{complex_id}", [encode_event(event) for event in events]
    for _ in range(_TRIES):
        last = (await log.watermarks(source)).get((stream, epoch), 0)
        packed = pack(source, stream, epoch, last + 1, bodies)
        (receipt,) = await log.append([Arrival(read_header(packed), packed, complex_id)])
        if receipt.outcome == "stored":
            return
    raise LogBroken(f"{events[0].source_event_id} found no place in {_TRIES} tries; the next look tries again")

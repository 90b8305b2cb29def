"""What the centre itself finds, said into its own log: an alert comes of it as of any other fact."""

from __future__ import annotations

from domain.events import Event, encode_event
from domain.wire import pack, read_header
from eventlog.log import Arrival, BatchLog, LogBroken

_TRIES = 20


async def say(log: BatchLog, complex_id: str, event: Event) -> None:
    """Append a fact under the centre's own name. Said twice, it is the same fact where its number is. Raises
    LogBroken."""
    source, body = f"centre/{complex_id}", encode_event(event)
    for _ in range(_TRIES):
        last = (await log.watermarks(source)).get(("urgent", "centre"), 0)
        packed = pack(source, "urgent", "centre", last + 1, [body])
        (receipt,) = await log.append([Arrival(read_header(packed), packed, complex_id)])
        if receipt.outcome == "stored":
            return
    raise LogBroken(f"{event.source_event_id} found no place in {_TRIES} tries; the next look tries again")

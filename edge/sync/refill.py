"""What the centre asks for again, because its own copy was damaged or lost."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import structlog

from domain.wire import pack
from edge.sync.push import BATCH_TYPE
from edge.sync.transport import Uplink
from eventlog.log import EventLog, Record

log = structlog.get_logger()

REFILLS = "/v1/refills"
_AT_ONCE = 500


class Wanted(msgspec.Struct, frozen=True):
    """Sequences ``first`` to ``last`` of a stream's epoch."""

    stream: str
    epoch: str
    first: int
    last: int


async def refill(gateway: str, store: EventLog, uplink: Uplink, asked: Sequence[Wanted]) -> int:
    """Send what is still here of the ranges asked for; how many events. Raises UplinkDown, Refused."""
    sent = 0
    for wanted in asked:
        if wanted.epoch == await store.epoch(wanted.stream):
            sent += await _send_range(gateway, store, uplink, wanted)
        else:
            await _have_not(uplink, wanted, wanted.first, wanted.last)
    return sent


async def _send_range(gateway: str, store: EventLog, uplink: Uplink, wanted: Wanted) -> int:
    """In batches of whole runs; what lies between is told as not here."""
    sent, after = 0, wanted.first - 1
    while after < wanted.last:
        run = _run(await store.read(wanted.stream, after, min(_AT_ONCE, wanted.last - after)), wanted.last)
        if not run or run[0].position > after + 1:
            through = run[0].position - 1 if run else wanted.last
            await _have_not(uplink, wanted, after + 1, through)
            after = through
            continue
        packed = pack(gateway, wanted.stream, wanted.epoch, run[0].position, [record.body for record in run])
        await uplink.send("POST", REFILLS, packed, BATCH_TYPE)
        sent, after = sent + len(run), run[-1].position
    log.info("refilled", stream=wanted.stream, epoch=wanted.epoch, first=wanted.first, last=wanted.last, events=sent)
    return sent


def _run(records: Sequence[Record], last: int) -> list[Record]:
    """The leading records that follow one another, none beyond ``last``."""
    run: list[Record] = []
    for record in records:
        if record.position > last or (run and record.position != run[-1].position + 1):
            break
        run.append(record)
    return run


async def _have_not(uplink: Uplink, wanted: Wanted, first: int, last: int) -> None:
    gone = {"stream": wanted.stream, "epoch": wanted.epoch, "first": first, "last": last}
    log.warning("refill_not_here", **gone)
    await uplink.send_json("POST", f"{REFILLS}/none", gone)

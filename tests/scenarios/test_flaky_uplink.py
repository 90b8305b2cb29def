"""Seeded: a log pushed through an uplink that loses requests, loses answers and doubles both; every event once."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import msgspec
import pytest

from domain.events import STREAMS
from domain.wire import read_header, split_events, unpack
from edge.config import Limits
from edge.sync.push import Push
from edge.sync.transport import Refused, UplinkDown
from eventlog.follow import Pace, follow
from eventlog.log import Arrival, BatchLog, Entry, Gap, Receipt
from eventlog.memory import MemoryBatchLog, MemoryEventLog
from eventlog.shards import shard_of

EVENTS = 300
PACE = Pace(limit=13, poll_s=0.001, retry_s=lambda _: 0.0)


class FlakyUplink:
    """The way to the centre; what goes wrong is drawn from a seed."""

    def __init__(self, log: BatchLog, seed: int) -> None:
        self.log, self.random = log, random.Random(seed)
        self.delayed: list[bytes] = []

    async def send(self, method: str, path: str, body: bytes, content_type: str) -> dict[str, Any]:
        await asyncio.sleep(0)
        fault = self.random.choice(["none", "none", "no request", "no answer", "twice", "delayed", "old again"])
        if fault == "no request":
            raise UplinkDown("lost on the way")
        if fault == "delayed":
            self.delayed.append(body)
            raise UplinkDown("timed out, but it is still on its way")
        if fault == "old again" and self.delayed:
            await self._arrive(self.delayed.pop(0))
        receipt = await self._arrive(body)
        if fault == "twice":
            await self._arrive(body)
        if fault == "no answer":
            raise UplinkDown("the answer was lost")
        return answer(receipt)

    async def _arrive(self, body: bytes) -> Receipt:
        (receipt,) = await self.log.append([Arrival(read_header(body), body, "garden")])
        return receipt

    async def watermarks(self) -> dict[str, int]:
        if self.random.random() < 0.2:
            raise UplinkDown("no hello")
        known = await self.log.watermarks("gw-1")
        return {stream: last for (stream, _epoch), last in known.items()}


def answer(receipt: Receipt) -> dict[str, Any]:
    if receipt.outcome in ("gap", "overlap"):
        raise Refused(409, {"error": receipt.outcome, "watermark": receipt.watermark})
    return {"outcome": receipt.outcome, "watermark": receipt.watermark}


async def at_the_centre(log: MemoryBatchLog) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {stream: [] for stream in STREAMS}
    for record in await log.read(shard_of("garden"), 0, 10_000):
        header, unpacked = unpack(record.body)
        found[header.stream] += split_events(unpacked)
    return found


async def pushed_through(centre: MemoryBatchLog, seed: int) -> tuple[dict[str, list[bytes]], dict[str, list[bytes]]]:
    """What was appended and what the centre has, by stream, in order."""
    log, uplink = MemoryEventLog(), FlakyUplink(centre, seed)
    push = make_push(log, uplink, batch_bytes=600)
    followers = [asyncio.create_task(follow(log, stream, push, lambda *_: None, PACE)) for stream in STREAMS]
    drawn = random.Random(seed + 1)
    sent: dict[str, list[bytes]] = {stream: [] for stream in STREAMS}
    for number in range(EVENTS):
        stream, body = drawn.choice(STREAMS), b'{"n":%d}' % number
        await log.append([Entry(stream, body)])
        sent[stream].append(body)
        await asyncio.sleep(0)
    async with asyncio.timeout(20):
        while any(push.acknowledged.get(stream, 0) < len(sent[stream]) for stream in STREAMS):
            await asyncio.sleep(0.002)
    for follower in followers:
        follower.cancel()
    return sent, await at_the_centre(centre)


@pytest.mark.parametrize("seed", range(25))
async def test_every_event_once_and_in_order(seed: int) -> None:
    sent, found = await pushed_through(MemoryBatchLog(), seed)
    assert found == sent


class Heard:
    """What the push told the agent of."""

    def __init__(self) -> None:
        self.began: list[tuple[str, str]] = []
        self.used: dict[str, str] = {}
        self.lost: list[str] = []

    def new_epoch(self) -> str:
        return f"e{len(self.began) + 2}"

    def epoch_used(self, stream: str, epoch: str) -> None:
        self.used[stream] = epoch

    async def epoch_began(self, stream: str, reason: str) -> None:
        self.began.append((stream, reason))

    async def centre_lost(self, stream: str) -> None:
        self.lost.append(stream)


def make_push(log: MemoryEventLog, uplink: Any, batch_bytes: int, heard: Heard | None = None) -> Push:
    limits = Limits(batch_bytes=batch_bytes)
    return Push("gw-1", log, uplink, uplink.watermarks, limits, heard or Heard())


class Straight:
    """An uplink without faults."""

    def __init__(self, log: MemoryBatchLog, epoch_of: MemoryEventLog) -> None:
        self.log, self.edge, self.requests = log, epoch_of, 0

    async def send(self, method: str, path: str, body: bytes, content_type: str) -> dict[str, Any]:
        self.requests += 1
        (receipt,) = await self.log.append([Arrival(read_header(body), body, "garden")])
        return answer(receipt)

    async def send_json(self, method: str, path: str, content: dict[str, Any]) -> dict[str, Any]:
        self.requests += 1
        return answer(await self.log.declare(msgspec.convert({"gateway": "gw-1", **content}, Gap), "garden"))

    async def watermarks(self) -> dict[str, int]:
        known = await self.log.watermarks("gw-1")
        return {stream: known.get((stream, await self.edge.epoch(stream)), 0) for stream in STREAMS}


async def numbered_log(first: int, last: int) -> MemoryEventLog:
    """A routine stream whose records before ``first`` were let go."""
    log = MemoryEventLog("e1")
    await log.append([Entry("routine", b'{"n":%d}' % number) for number in range(1, last + 1)])
    await log.trim("routine", first - 1)
    return log


async def sent(log: MemoryEventLog, centre: MemoryBatchLog) -> tuple[Heard, Straight]:
    uplink, heard = Straight(centre, log), Heard()
    push = make_push(log, uplink, 600, heard)
    pace = Pace(limit=13, poll_s=0.001, retry_s=lambda _: 0.01)
    following = asyncio.create_task(follow(log, "routine", push, lambda *_: None, pace))
    async with asyncio.timeout(10):
        while push.acknowledged.get("routine", -1) < await log.head("routine"):
            await asyncio.sleep(0.005)
    following.cancel()
    return heard, uplink


async def test_a_centre_that_lacks_what_is_gone_here_is_told_of_the_gap_and_gets_the_rest() -> None:
    """As when a box is enrolled anew a week later: its log begins at 501, the centre knows nothing of it."""
    log, centre = await numbered_log(501, 540), MemoryBatchLog()
    heard, uplink = await sent(log, centre)
    found = (await at_the_centre(centre))["routine"]
    assert found == [b'{"n":%d}' % number for number in range(501, 541)]
    assert await centre.gaps("gw-1") == [Gap("gw-1", "routine", "e1", 1, 500, "trimmed")]
    assert heard.began == [], "the records keep their sequences"
    assert uplink.requests < 20


async def test_a_restored_older_copy_of_the_log_loses_no_new_event() -> None:
    """The centre has 50 of the epoch; the box came back with an image of 20, and goes on."""
    centre = MemoryBatchLog()
    await sent(await numbered_log(1, 50), centre)
    restored = await numbered_log(1, 20)
    await restored.append([Entry("routine", b'{"n":"new %d"}' % number) for number in range(10)])
    heard, _ = await sent(restored, centre)
    found = (await at_the_centre(centre))["routine"]
    assert [body for body in found if b"new" in body] == [b'{"n":"new %d"}' % number for number in range(10)]
    assert len(heard.began) == 1


class Forgetful(MemoryBatchLog):
    """The broken centre: it keeps what comes, without looking at its mark."""

    def _append_one(self, arrival: Arrival) -> Receipt:
        last = self._marks.get((arrival.header.gateway, arrival.header.stream, arrival.header.epoch), 0)
        receipt = super()._append_one(arrival)
        if receipt.outcome == "known":
            self._add(shard_of(arrival.complex), arrival.packed)
        return Receipt("stored", max(last, arrival.header.last)) if receipt.outcome != "gap" else receipt


async def test_a_centre_without_marks_is_caught() -> None:
    results = [await pushed_through(Forgetful(), seed) for seed in range(5)]
    assert any(found != sent for sent, found in results)

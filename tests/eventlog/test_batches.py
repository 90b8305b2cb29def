"""The centre's log takes a batch once, in order, and answers everything else with the watermark."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from domain.wire import read_header
from eventlog.log import Arrival, BatchLog, LogBroken
from tests.eventlog.logs import COMPLEX, LOGS, SQL_BATCH_LOGS, batch

BATCH_LOGS = [name for name in LOGS if "batches" in name]


def arrival(first: int, count: int, gateway: str = "gw-1", epoch: str = "e1") -> Arrival:
    packed = batch(gateway, first, count, epoch=epoch)
    return Arrival(read_header(packed), packed, COMPLEX)


async def outcome(log: BatchLog, *args: object, **kwargs: object) -> tuple[str, int]:
    (receipt,) = await log.append([arrival(*args, **kwargs)])  # type: ignore[arg-type]
    return receipt.outcome, receipt.watermark


@pytest.mark.parametrize("name", BATCH_LOGS)
async def test_contiguous_or_answered_with_the_watermark(name: str, tmp_path: Path) -> None:
    async with LOGS[name](tmp_path) as face:
        log: BatchLog = face.log  # type: ignore[assignment]
        assert await outcome(log, 1, 5) == ("stored", 5)
        assert await outcome(log, 1, 5) == ("known", 5)
        assert await outcome(log, 2, 3) == ("known", 5)
        assert await outcome(log, 4, 4) == ("overlap", 5)
        assert await outcome(log, 7, 1) == ("gap", 5)
        assert await outcome(log, 6, 2) == ("stored", 7)
        assert await outcome(log, 1, 1, epoch="e2") == ("stored", 1)
        assert await log.watermarks("gw-1") == {("routine", "e1"): 7, ("routine", "e2"): 1}
        assert await log.watermarks("gw-2") == {}


@pytest.mark.parametrize("name", BATCH_LOGS)
async def test_one_call_with_a_batch_twice_and_the_next_keeps_each_once(name: str, tmp_path: Path) -> None:
    async with LOGS[name](tmp_path) as face:
        log: BatchLog = face.log  # type: ignore[assignment]
        receipts = await log.append([arrival(1, 2), arrival(1, 2), arrival(3, 2)])
        assert [receipt.outcome for receipt in receipts] == ["stored", "known", "stored"]
        headers = [read_header(record.body) for record in await log.read(face.partition, 0, 10)]
        assert [(header.first, header.last) for header in headers] == [(1, 2), (3, 4)]


@pytest.mark.parametrize("name", BATCH_LOGS)
async def test_the_same_batches_from_many_at_once_are_kept_once(name: str, tmp_path: Path) -> None:
    async with LOGS[name](tmp_path) as face:
        log: BatchLog = face.log  # type: ignore[assignment]
        for first in range(1, 50, 5):
            await asyncio.gather(*(log.append([arrival(first, 5)]) for _ in range(6)))
        headers = [read_header(record.body) for record in await log.read(face.partition, 0, 100)]
        assert [header.first for header in headers] == list(range(1, 50, 5))


@pytest.mark.parametrize("name", SQL_BATCH_LOGS)
async def test_a_log_that_cannot_write_says_so_and_keeps_nothing(name: str, tmp_path: Path) -> None:
    async with LOGS[name](tmp_path) as face:
        log: BatchLog = face.log  # type: ignore[assignment]
        await log.append([arrival(1, 1)])
        face.execute("DROP TABLE mark")  # type: ignore[attr-defined]
        with pytest.raises(LogBroken):
            await log.append([arrival(2, 1)])
        assert len(await log.read(face.partition, 0, 10)) == 1

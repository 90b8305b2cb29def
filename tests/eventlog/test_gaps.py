"""Gaps at the centre: judged as batches are, listed for ever; and rows mended that were damaged or lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.wire import read_header
from eventlog.log import Arrival, BatchLog, Gap, Wanted
from eventlog.postgres_batches import PostgresBatchLog
from eventlog.sqlite_batches import SqliteBatchLog
from tests.eventlog.logs import COMPLEX, LOGS, batch

BATCH_LOGS = [name for name in LOGS if name.endswith("batches")]
ZERO_BYTES = {"sqlite batches": "x'00'", "postgres batches": "'\\x00'::bytea"}
SqlBatchLog = SqliteBatchLog | PostgresBatchLog


def arrival(first: int, count: int = 1) -> Arrival:
    packed = batch("gw-1", first, count)
    return Arrival(read_header(packed), packed, COMPLEX)


def gap(first: int, last: int) -> Gap:
    return Gap("gw-1", "routine", "e1", first, last, "capacity")


@pytest.mark.parametrize("name", BATCH_LOGS)
async def test_a_gap_is_judged_as_a_batch_is_and_listed(name: str, tmp_path: Path) -> None:
    async with LOGS[name](tmp_path) as face:
        log: BatchLog = face.log  # type: ignore[assignment]
        await log.append([arrival(1, 3)])
        outcomes = [await log.declare(gap(*span), COMPLEX) for span in [(6, 9), (2, 5), (4, 6), (4, 6), (1, 2)]]
        assert [receipt.outcome for receipt in outcomes] == ["gap", "overlap", "stored", "known", "known"]
        assert (await log.append([arrival(7)]))[0].watermark == 7
        assert await log.gaps("gw-1") == [gap(4, 6)]
        assert await log.gaps("gw-2") == []


@pytest.fixture(params=ZERO_BYTES)
async def damaged(request: pytest.FixtureRequest, tmp_path: Path):
    async with LOGS[request.param](tmp_path) as face:
        log = face.log
        await log.append([arrival(1, 3), arrival(4, 3), arrival(7, 3)])
        await log.declare(gap(10, 12), COMPLEX)
        await log.append([arrival(13, 2)])
        flipped = f"substr(body, 1, 100) || {ZERO_BYTES[request.param]} || substr(body, 102)"
        face.execute(f"UPDATE batch SET body = {flipped} WHERE first = 4")  # type: ignore[attr-defined]
        face.execute("DELETE FROM batch WHERE first IN (7, 13)")  # type: ignore[attr-defined]
        yield log


def wanted(first: int, last: int) -> Wanted:
    return Wanted("gw-1", "routine", "e1", first, last)


async def test_what_is_damaged_or_lost_is_found_and_a_listed_gap_is_neither(damaged: SqlBatchLog) -> None:
    assert [found async for found in damaged.damaged_and_lost()] == [wanted(4, 6), wanted(7, 9), wanted(13, 14)]


async def test_what_is_sent_again_goes_to_its_place_and_what_is_sound_stays(
    damaged: SqlBatchLog,
) -> None:
    assert await damaged.mend(arrival(1, 3)) is False, "a gateway cannot rewrite what it once said"
    assert await damaged.mend(arrival(5, 2)) is False, "not the very same sequences"
    assert await damaged.mend(arrival(15)) is False, "beyond the mark it is a batch, no mending"
    assert [await damaged.mend(arrival(*span)) for span in [(4, 3), (7, 3), (13, 2)]] == [True, True, True]
    assert [found async for found in damaged.damaged_and_lost()] == []
    assert await damaged.mend(arrival(4, 3)) is False

"""The newest records, from memory: never others than the database's, never one left out, never old for long."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from domain.wire import read_header
from eventlog.log import Arrival, Record
from eventlog.shards import shard_of
from eventlog.sqlite_batches import SqliteBatchLog
from eventlog.tail import Bound, Tail
from tests.eventlog.logs import COMPLEX, batch
from tests.server.engines import SQLITE, open_database


class Followed(RuleBasedStateMachine):
    """A partition that this process and another append to, and one who reads what is behind where he stands."""

    make = Tail

    def __init__(self) -> None:
        super().__init__()
        self.now_s, self.there, self.at = 100.0, list[Record](), 0
        self.tail = self.make(Bound(5, 40), lambda: self.now_s)
        self.unseen_since_s: float | None = None

    def _appended(self, count: int) -> list[Record]:
        first = len(self.there) + 1
        new = [Record(number, b"x" * (number % 13)) for number in range(first, first + count)]
        self.there += new
        return new

    @rule(count=st.integers(1, 7))
    def we_append(self, count: int) -> None:
        if self.unseen_since_s is not None:
            self.tail.forget()  # as the log does where the positions show that another was there
        self.tail.add(self._appended(count))

    @rule(count=st.integers(1, 3))
    def another_appends(self, count: int) -> None:
        self._appended(count)
        self.unseen_since_s = self.unseen_since_s or self.now_s

    @rule(seconds=st.floats(0.1, 4))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(position=st.integers(0, 40), limit=st.integers(1, 4))
    def somebody_reads(self, position: int, limit: int) -> None:
        self._read(min(position, len(self.there)), limit)

    @rule(limit=st.integers(1, 4))
    def the_follower_reads(self, limit: int) -> None:
        for record in self._read(self.at, limit):
            assert record == self.there[self.at], "in order, none left out"
            self.at += 1

    def _read(self, position: int, limit: int) -> list[Record]:
        known = self.tail.behind(position, limit)
        if known is not None:
            assert known == self.there[position : position + len(known)]
            return known
        found = self.there[position : position + limit]
        self.tail.looked(position, found)
        return found

    @invariant()
    def who_looks_for_longer_than_a_second_sees_all(self) -> None:
        if self.now_s - (self.unseen_since_s or self.now_s) < 1.0:
            return
        while self._read(self.at, 100):
            self.at = len(self.there)
        assert self.at == len(self.there)
        self.unseen_since_s = None


def test_what_is_in_memory_is_what_is_in_the_database() -> None:
    run_state_machine_as_test(Followed)


class NeverLooks(Tail):
    def behind(self, position: int, limit: int) -> list[Record] | None:
        self._looked_s = self._clock_s()
        return super().behind(position, limit)


def test_a_tail_that_trusts_itself_for_ever_is_caught() -> None:
    """The positive control."""
    with pytest.raises(AssertionError):
        run_state_machine_as_test(type("Trusting", (Followed,), {"make": NeverLooks}))


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60))
def test_it_keeps_no_more_than_its_bound(sizes: list[int]) -> None:
    tail = Tail(Bound(8, 100), lambda: 0.0)
    for number, size in enumerate(sizes, 1):
        tail.add([Record(number, b"x" * size)])
        kept = list(tail._kept)
        assert len(kept) <= 8 and sum(len(record.body) for _, record in kept) <= 100


async def test_what_another_process_appends_between_is_seen_in_its_place(tmp_path: Path) -> None:
    async with open_database(tmp_path, SQLITE) as db:
        log = await SqliteBatchLog.open(tmp_path / "gatehouse.db", db.lock, lambda: datetime.now(UTC))
        await _append(log, "gw-1")
        partition = shard_of(COMPLEX)
        assert [one.position for one in await log.read(partition, 0, 10)] == [1]
        with closing(sqlite3.connect(tmp_path / "gatehouse.db")) as other, other:
            copied = "shard, complex, gateway, stream, epoch, first + 1, last + 1, received_at, body"
            named = "shard, complex, gateway, stream, epoch, first, last, received_at, body"
            other.execute(f"INSERT INTO batch({named}) SELECT {copied} FROM batch")
        assert [one.position for one in await log.read(partition, 0, 10)] == [1, 2], "who reads sees what is there"
        await _append(log, "gw-2")
        assert [one.position for one in await log.read_on(partition, 0, 10)] == [1, 2, 3]
        assert [one.position for one in await log.read_on(partition, 1, 10)] == [2, 3]
        assert [one.position for one in await log.read_on(partition, 2, 10)] == [3], "from memory"
        await log.close()


async def _append(log: SqliteBatchLog, gateway: str) -> None:
    packed = batch(gateway, 1)
    (receipt,) = await log.append([Arrival(read_header(packed), packed, COMPLEX)])
    assert receipt.outcome == "stored"

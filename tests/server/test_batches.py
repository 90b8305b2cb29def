"""A batch at a glance and a batch decoded whole say the same, whatever lies in it; readers share what is decoded."""

from __future__ import annotations

import pytest

from domain.sketch import Sketch
from domain.wire import pack, split_events, unpack
from eventlog.log import Record
from server.batches import Batch, Unpacker, facts_of
from server.facts import read_event, without_nul
from tests.server.mixed import NO_TIME, NOT_UNDERSTOOD, records

SOUND = b'{"kind":"door","device":"x:1","recorded_at":"2026-03-01T15:40:00Z","state":"open"}'


def record(*bodies: bytes) -> Record:
    return Record(7, pack("gw-1", "routine", "e1", 1, bodies), "garden", "2026-03-01T17:00:00.000Z")


@pytest.mark.parametrize("seed", range(3))
def test_the_facts_of_a_kind_are_those_that_decoding_everything_finds(seed: int) -> None:
    for taken in records(seed):
        header, body = unpack(taken.body)
        bodies = split_events(without_nul(body))
        received_at = Batch(taken).received_at
        events = [read_event(header, index, one, received_at) for index, one in enumerate(bodies)]
        assert [fact.event for fact in Batch(taken).facts()] == events
        for kind in {event.kind for event in events} - {"unknown"}:
            assert [fact.event for fact in Batch(taken).facts({kind})] == [one for one in events if one.kind == kind]


def test_what_is_not_understood_is_counted_under_the_day_its_gateway_counts_it() -> None:
    batch = Batch(record(SOUND, NOT_UNDERSTOOD, NO_TIME))
    said, understood_in_part, without = batch.recorded_at
    assert said == understood_in_part != without == batch.received_at
    assert [fact.event.kind for fact in batch.facts()] == ["door", "unknown", "unknown"]


def test_what_looks_wanted_and_is_not_understood_is_no_fact_of_that_kind() -> None:
    (fact,) = Batch(record(SOUND, NOT_UNDERSTOOD)).facts({"door"})
    assert fact.event.state == "open"


def test_a_batch_of_which_no_glance_can_be_had_is_looked_at_whole() -> None:
    def nothing(_sketch: Sketch) -> bool:
        return False

    assert len(Batch(record(SOUND, NO_TIME)).facts_where(nothing)) == 2
    assert Batch(record(SOUND, SOUND)).facts_where(nothing) == []


def test_readers_share_what_is_unpacked_and_the_oldest_is_forgotten() -> None:
    unpacker, one = Unpacker(max_events=2), record(SOUND, SOUND)
    batch = unpacker.batch(one)
    assert unpacker.batch(one) is batch
    assert facts_of([batch], {"door"})[0] is facts_of([batch])[0], "decoded once"
    unpacker.batch(Record(8, one.body, "garden", one.received_at))
    assert unpacker.batch(one) is not batch

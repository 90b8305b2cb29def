"""Our side of a day out of the tables: the same items as from the file of docs/bills.md, on both engines."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.events import Event, Subject, encode_event
from domain.reconciliation import Books, read_file, reconcile
from domain.reconciliation.rows import TradeBill
from domain.wire import pack
from eventlog.log import Record
from server.batches import Batch
from server.projections.parking import Parking
from server.store import schema
from server.store.engine import Database, stamp
from server.store.exit_rows import exits
from server.store.our_side import NoComplex, Orders, our_side, span_of, zone_of
from tests.server.bill_store import EXPECTED, FILES, LOCAL, fill_day, id_of
from tests.server.engines import Engine, chosen, open_database

DAY = date(2026, 11, 20)


@pytest.fixture(params=chosen(), ids=lambda engine: engine.name)
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    engine: Engine = request.param
    async with open_database(tmp_path, engine) as opened:
        async with opened.write() as connection:
            await connection.execute(
                schema.complex_.insert().values(id="garden", name="花园", timezone="Asia/Shanghai")
            )
        yield opened


async def test_the_day_of_the_fixture_comes_to_what_is_expected(db: Database) -> None:
    async with db.write("garden") as connection:
        await fill_day(connection)
    files = [read_file(path.name, io.BytesIO(path.read_bytes())) for path in FILES]
    orders = {row.order for one in files if isinstance(one, TradeBill) for row in one.rows}
    async with db.read() as connection:
        books = await our_side(connection, "garden", DAY, Orders(orders))
        with pytest.raises(NoComplex):
            await our_side(connection, "nowhere", DAY, Orders())
    result = reconcile(DAY, books, files)
    passages = {id_of(row["passage_id"]).hex(): row["passage_id"] for row in LOCAL["exit_passages"]}
    found = [
        (one.channel, passages.get(one.key, one.key), one.kind, one.bill_fen, one.local_fen) for one in result.items
    ]
    names = ("channel", "key", "class", "bill_fen", "local_fen")
    assert sorted(map(str, found)) == sorted(str(tuple(row.get(name) for name in names)) for row in EXPECTED["items"])
    assert (len(result.items), len(result.open)) == (27, 14)
    assert result.not_judged == []
    without = _without_hands(books)
    assert {one.kind for one in reconcile(DAY, without, files).items} >= {"exit_without_charge"}
    assert not [one for one in reconcile(DAY, without, files).items if one.kind == "tailgate"], "a positive control"


def _without_hands(books: Books) -> Books:
    """As if nobody looked at what lanes say."""
    told = [msgspec.structs.replace(one, opened_by="auto") for one in books.exit_passages or [] if one.plate]
    return msgspec.structs.replace(books, exit_passages=told)


AT = datetime(2026, 11, 20, 3, tzinfo=UTC)


def _read(number: str, second: int, **more: Any) -> Event:
    event = Event(
        kind="plate",
        device="vzenith:1",
        lane="out-1",
        direction="out",
        source_event_id=number,
        time=AT + timedelta(seconds=second),
        recorded_at=AT,
        subject=Subject(type="plate", id="京A12345"),
        result="granted",
    )
    return msgspec.structs.replace(event, **more)


def _lane(kind: str, second: int, **more: Any) -> Event:
    event = Event(
        kind=kind,
        device="uhppote:1",
        lane="out-1",
        direction="out",
        time=AT + timedelta(seconds=second),
        recorded_at=AT,
        ext={"lane": "out-1", "by": "li"},
    )
    return msgspec.structs.replace(event, **more)


def _batch(sequence: int, *events: Event) -> Batch:
    packed = pack("gw-1", "money", "e1", sequence, [encode_event(event) for event in events])
    return Batch(Record(position=sequence, complex="garden", received_at=stamp(AT), body=packed))


async def test_how_a_car_was_let_through_is_what_its_lane_said(db: Database) -> None:
    events = [
        _read("1", 0, reason="person", ext={"by": "li"}),
        _lane("barrier", 30, label="by_hand", text="no coins, 京A12345"),
        _read("2", 400, reason="pass", subject=Subject(type="plate", id="京A22222")),
        _read("3", 500, reason="paid", subject=Subject(type="plate", id="京A33333")),
        _lane("barrier", 800, label="by_hand", text="no plate", ext={"lane": "out-1", "by": "wang"}),
        _lane("barrier", 900, label="opening", code="opened_by_hand", ext={"lane": "out-1"}),
        _lane("alarm", 950, alarm="tailgating", direction=None),
        _lane("alarm", 960, alarm="held_open"),
    ]
    async with db.write("garden") as connection:
        for batches in ([_batch(1, *events)], [_batch(1, *events)]):  # twice is once
            await Parking().fold(connection, batches)
    async with db.read() as connection:
        zone = await zone_of(connection, "garden")
        found, left = await exits(connection, "garden", *span_of(DAY, zone), zone)
    assert [(one.plate, one.opened_by, one.reason) for one in found] == [
        ("京A12345", "manual", "no coins, 京A***45"),
        ("京A22222", "pass", "pass"),
        ("京A33333", "auto", None),
        ("", "manual", "no plate"),
        ("", "manual", ""),
        ("", "none", ""),
    ]
    assert len(left) == 3

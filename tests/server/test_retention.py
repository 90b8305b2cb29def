"""What is past its term goes, with all that was derived from it, and nobody takes it for lost; what is held stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from domain.days import day_number
from domain.events import STREAMS, Event, Media
from domain.retention import Hold
from domain.rounds.walk import Act
from domain.statements import Present, Row, Statement
from domain.wire import split_events, unpack
from server.cells import moves
from server.cells.fence import raise_fences
from server.cells.moves import Move
from server.gateway_auth import Gateway
from server.retention import holds, letting_go
from server.retention.holds import NoHold, Why
from server.store import patrol_rows, schema
from server.store import retention_tables as tables
from server.store.engine import stamp
from tests.server.engines import Engine
from tests.server.money import payment_row
from tests.server.old_records import CARD, OTHER_PLATE, PLATE, START, Old, old_centre

WHY = Why("查案", "公函 2026-7", "wang")


@pytest.fixture
async def old(tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Old]:
    async with old_centre(tmp_path, engine, monkeypatch) as made:
        yield made


async def a_day(old: Old) -> dict[str, str]:
    """Something of every class, in a few batches; the pictures by what they show."""
    pictures = {name: await old.gateway.show(name.encode()) for name in ("alone", "beside an alarm", "car")}
    await old.gateway.say(old.seen(pictures["alone"], time=old.clock.at - timedelta(hours=1)), old.swipe())
    await old.gateway.say(old.seen(pictures["beside an alarm"]), old.swipe(result="denied"))
    await old.gateway.say(old.passage(media=[Media(role="scene", sha256=pictures["car"])]))
    old.clock.pass_(hours=2)
    door = Event(kind="door", device="uhppoted:1", point="door/1", state="open", time=old.clock.at)
    await old.gateway.say(old.passage(direction="out"), door)
    await old.here.settled()
    return pictures


async def kinds(old: Old) -> list[str]:
    found: list[str] = []
    for row in sorted(await old.here.rows(schema.batch), key=lambda row: row["position"]):
        found += [msgspec.json.decode(body)["kind"] for body in split_events(unpack(row["body"])[1])]
    return found


async def exists(old: Old, name: str) -> bool:
    try:
        await old.house.media.get(name)
    except FileNotFoundError:
        return False
    return True


async def states_all(old: Old) -> None:
    """The gateway states what it produced, all of it let go there by now; it adds up with what the centre received."""
    gateway = Gateway(old.gateway.id, "garden")
    marks = await old.house.log.watermarks(gateway.id)
    streams = {name: Present("e1", marks.get((name, "e1"), 0)) for name in STREAMS}
    zone = ZoneInfo(old.house.config.complexes[0].timezone)
    day, through = day_number(START, zone), {name: present.through for name, present in streams.items()}
    rows = [Row(name, "e1", day, count, 0, 0, count, 0, count) for name, count in through.items() if count]
    await old.house.conservation.take(gateway, Statement(old.clock.at, zone.key, streams, rows, []))
    balance = await old.house.conservation.balance(gateway)
    assert balance.broken == {}, balance.broken
    assert sum(day.received for day in balance.days) == sum(through.values())


async def test_each_class_goes_in_its_time_and_everything_still_adds_up(old: Old) -> None:
    pictures = await a_day(old)
    assert await old.house.retention.round() == {}
    before = await kinds(old)
    assert sorted(before) == ["access", "access", "detection", "detection", "door", "plate", "plate"]
    await states_all(old)

    old.clock.pass_(days=31)
    went = await old.house.retention.round()
    assert (went["records"], went["pictures"]) == (1, 1), "one detection; the other's picture is an alarm's"
    assert await kinds(old) != before and sorted(await kinds(old)).count("tombstone") == 1
    assert [await exists(old, pictures[name]) for name in pictures] == [False, True, True]
    await old.same_after_rebuild()
    await states_all(old)

    old.clock.pass_(days=60)
    went = await old.house.retention.round()
    assert went["records"] == 4 and went["passages"] == 2
    assert await old.here.rows(schema.session) == [] and await old.here.rows(schema.parking_passage) == []
    (charge,) = await old.here.rows(schema.charge)
    assert charge["plate"] == PLATE, "the book has a term of its own"
    assert not await exists(old, pictures["car"])
    assert len(await old.here.rows(schema.alert)) == 1
    await old.same_after_rebuild()
    await states_all(old)
    assert (await old.house.refill.verify()).ranges == 0

    old.clock.pass_(days=90)
    went = await old.house.retention.round()
    assert went["records"] == 2 and went["alerts"] == 1
    assert await old.here.rows(schema.batch) == [] and await old.here.rows(schema.alert) == []
    assert await old.here.rows(schema.media) == [] and not await exists(old, pictures["beside an alarm"])
    await old.same_after_rebuild()
    await states_all(old)
    assert (await old.house.refill.verify()).ranges == 0
    assert await old.house.retention.round() == {}, "nothing goes twice"
    assert len(await old.here.rows(schema.charge)) == 1
    counted = {(row["class"], row["what"]): row["count"] for row in await old.here.rows(tables.expired)}
    assert counted["video_index", "records"] == 1 and counted["alarm", "records"] == 2


async def test_verify_and_the_comparison_would_see_what_is_lost_and_not_let_go(old: Old) -> None:
    await a_day(old)
    old.clock.pass_(days=200)
    await old.house.retention.round()
    async with old.house.db.write() as connection:
        await connection.execute(tables.expired_range.delete())
    assert (await old.house.refill.verify()).ranges > 0, "the control: without the list it is a loss"


async def test_what_was_let_go_is_not_brought_back_by_a_refill(old: Old) -> None:
    event = old.swipe()
    event.recorded_at = old.clock.at
    await old.gateway.say(event)
    packed = (await old.here.rows(schema.batch))[0]["body"]
    await old.here.settled()
    old.clock.pass_(days=200)
    await old.house.retention.round()
    answer = await old.gateway.client.post("/v1/refills", content=packed, headers=old.gateway.headers())
    assert answer.json() == {"mended": False} and await old.here.rows(schema.batch) == []
    async with old.house.db.write() as connection:
        await connection.execute(tables.expired_range.delete())
    answer = await old.gateway.client.post("/v1/refills", content=packed, headers=old.gateway.headers())
    assert answer.json() == {"mended": True}, "the control: without the list it comes back"


async def test_a_hold_keeps_what_it_names_until_it_is_lifted(old: Old) -> None:
    await old.gateway.say(old.passage(), old.passage(OTHER_PLATE))
    await old.here.settled()
    async with old.house.db.write() as connection:
        number = await holds.place(connection, Hold(plate="京a·12345"), WHY, old.clock.at)
    old.clock.pass_(days=91)
    assert (await old.house.retention.round())["records"] == 1
    text = await old.texts()
    assert [row["plate"] for row in await old.here.rows(schema.session)] == [PLATE] and PLATE in text
    await old.same_after_rebuild()
    assert (await old.house.retention.status())["withheld_batches"] == 1
    assert await old.house.retention.round() == {}
    async with old.house.db.write() as connection:
        await holds.lift(connection, number, WHY, old.clock.at)
        with pytest.raises(NoHold):
            await holds.lift(connection, number, WHY, old.clock.at)
    assert (await old.house.retention.round())["records"] == 1
    assert await old.here.rows(schema.batch) == [] and await old.here.rows(schema.session) == []
    await old.same_after_rebuild()


async def test_of_a_complex_that_moves_nothing_goes_until_it_is_open_again(old: Old) -> None:
    await old.gateway.say(old.passage(), old.passage(OTHER_PLATE))
    assert (await old.gateway.post(b"GHB0 not a batch")).status_code == 422
    await old.here.settled()
    async with old.house.db.write() as connection:
        await raise_fences(connection)
        await moves.put(connection, Move("garden", "copying", 1, "east"), old.clock.at)
    old.clock.pass_(days=91)
    async with asyncio.timeout(20):
        assert await old.house.retention.round() == {}
    assert len(await old.here.rows(schema.session)) == 2 and len(await old.here.rows(schema.refusal)) == 1
    async with old.house.db.write() as connection:
        await moves.change(connection, "garden", old.clock.at, state="open")
    went = await old.house.retention.round()
    assert (went["records"], went["refusals"]) == (2, 1)
    assert await old.here.rows(schema.batch) == [] and await old.here.rows(schema.session) == []


async def test_a_hold_wants_a_reason_and_ends_by_itself(old: Old) -> None:
    with pytest.raises(ValueError, match="document must be said"):
        Why("查案", " ", "wang")
    await old.gateway.say(old.swipe(CARD))
    await old.here.settled()
    async with old.house.db.write() as connection:
        await holds.place(connection, Hold(complex="garden"), WHY, old.clock.at, old.clock.at + timedelta(days=100))
    old.clock.pass_(days=95)
    assert "records" not in await old.house.retention.round()
    old.clock.pass_(days=6)
    assert (await old.house.retention.round())["records"] == 1


async def test_incidents_and_doors_are_named_by_what_is_left(old: Old) -> None:
    """Alarms of one cause, minutes apart, that come to their term one after the other; a door whose last word goes."""
    for _ in range(4):
        await old.gateway.say(old.swipe(result="denied"), old.swipe())
        old.clock.pass_(minutes=4)
    await old.here.settled()
    first = {row["incident"] for row in await old.here.rows(schema.alert)}
    assert len(first) == 1
    old.clock.pass_(days=180, minutes=-9)
    went = await old.house.retention.round()
    assert went["alerts"] == 2
    left = {row["incident"] for row in await old.here.rows(schema.alert)}
    assert len(left) == 1 and left != first
    await old.same_after_rebuild()


async def test_what_was_killed_half_way_goes_on(old: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        await old.gateway.say(old.swipe(), old.passage())
        old.clock.pass_(hours=1)
    await old.here.settled()
    old.clock.pass_(days=91)
    old.house.retention.expiry._at_once = 2
    calls = {"n": 0}
    real = letting_go.unfold

    async def dies(*args: Any) -> Any:
        calls["n"] += 1
        if calls["n"] == 3:
            raise KeyboardInterrupt
        return await real(*args)

    monkeypatch.setattr(letting_go, "unfold", dies)
    with pytest.raises(KeyboardInterrupt):
        await old.house.retention.round()
    await old.same_after_rebuild()
    monkeypatch.setattr(letting_go, "unfold", real)
    await old.house.retention.round()
    assert await old.here.rows(schema.batch) == []
    await old.same_after_rebuild()
    assert (await old.house.refill.verify()).ranges == 0
    counted = [row["count"] for row in await old.here.rows(tables.expired) if row["what"] == "records"]
    assert sum(counted) == 10


async def test_what_lies_beside_the_log_goes_too(old: Old) -> None:
    nobody = await old.gateway.show(b"nobody names it")
    assert (await old.gateway.post(b"GHB0 not a batch")).status_code == 422
    await old.gateway.say(old.passage(), old.passage(OTHER_PLATE))  # both stay inside
    old.clock.pass_(hours=2)
    await old.gateway.say(old.passage(direction="out"))
    await old.here.settled()
    old.clock.pass_(days=91)
    went = await old.house.retention.round()
    assert went["refusals"] == 1 and await old.here.rows(schema.refusal) == []
    assert not await exists(old, nobody)
    stays = {row["plate"]: row["state"] for row in await old.here.rows(schema.charge_session)}
    assert stays == {PLATE: "exited", OTHER_PLATE: "inside"}, "one is charged, one is still to be"
    await _vouchers(old)
    await _walked(old, days_ago=170)
    old.clock.pass_(days=9)
    await old.house.retention.round()
    assert len(await old.here.rows(schema.patrol_act)) == 1, "as long as what people did with alerts"
    old.clock.pass_(days=2)
    assert (await old.house.retention.round())["rounds"] == 1 and not await old.here.rows(schema.patrol_act)
    old.clock.pass_(days=3_638)
    await old.house.retention.round()
    vouchers = (schema.payment_order, schema.provider_notice)
    assert [len(await old.here.rows(table)) for table in vouchers] == [2, 1], "kept as long as the accounts"
    old.clock.pass_(days=2)
    await old.house.retention.round()
    await old.house.retention.round()
    assert [len(await old.here.rows(table)) for table in vouchers] == [1, 0], "what is pending stays"
    assert len(await old.here.rows(schema.payment)) == 2, "payments stay with their journals"
    assert await old.here.rows(schema.charge) == []
    assert [row["plate"] for row in await old.here.rows(schema.charge_session)] == [OTHER_PLATE]


async def _walked(old: Old, days_ago: int) -> None:
    """A checkpoint that was read on a round."""
    at = old.clock.at - timedelta(days=days_ago)
    act = Act(key="act-0001", round="walk-0001", route="r1", kind="read", at=at, by="li", point="p1")
    async with old.house.db.write("garden") as connection:
        await patrol_rows.add_act(connection, "garden", act, at, at)


async def _vouchers(old: Old) -> None:
    """Orders at a provider, paid and pending, and a notice."""
    at = stamp(old.clock.at)
    async with old.house.db.write() as connection:
        for number, status in (("PK1", "paid"), ("PK2", "pending")):
            row = payment_row(number, None, 700, asked_at=at, paid_at=at, status=status)
            await connection.execute(schema.payment.insert().values(**row))
            order = {"complex": "garden", "out_trade_no": number, "merchant": "m", "way": "code", "address": ""}
            order |= {"expires_at": at, "checks": 0, "tells": 0}
            await connection.execute(schema.payment_order.insert().values(**order))
        told = {"complex": "garden", "channel": "wechat", "id": "N1", "out_trade_no": "PK1", "kind": "payment"}
        await connection.execute(schema.provider_notice.insert().values(**told, received_at=at))


async def test_a_damaged_batch_is_judged_when_it_has_come_again(old: Old) -> None:
    seen = [old.seen("a" * 64), old.swipe()]
    await old.gateway.say(*seen)
    await old.here.settled()
    (row,) = await old.here.rows(schema.batch)
    old.clock.pass_(days=31)
    await old.house.retention.round()
    async with old.house.db.write() as connection:
        body = (await old.here.rows(schema.batch))[0]["body"]
        await connection.execute(schema.batch.update().values(body=body[:-1] + bytes([body[-1] ^ 1])))
    answer = await old.gateway.client.post("/v1/refills", content=row["body"], headers=old.gateway.headers())
    assert answer.json() == {"mended": True} and "detection" in await kinds(old)
    await old.house.retention.round()
    assert await kinds(old) == ["tombstone", "access"]

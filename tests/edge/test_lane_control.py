"""Lanes decided at the gateway: who is let in and out, what opens nothing, and what the arm then shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import msgspec
import pytest

from domain.events import Event
from domain.ids import fact_id
from domain.lanes.read import Read, read_of
from domain.parking import fold
from domain.passages import passage_of
from domain.subjects import Subject, key_of
from domain.tariff import LotTariff, read_tariff
from edge.control.lane_memory import LaneMemory
from simulators.devices import vzenith
from tests.edge.lane_bench import (
    BLACK,
    DOWN,
    IN,
    OUT,
    PASS,
    TARIFF,
    TEMPORARY,
    UP,
    VISITOR,
    WHITE,
    LaneBench,
    lane,
    lane_bench,
    lanes,
    reasons,
)
from tests.rig import until

HOURS = timedelta(hours=1)


async def decisions(here: LaneBench) -> list[tuple[str | None, str | None]]:
    return reasons(await here.found("barrier", label="decision"))


@pytest.mark.parametrize(
    ("plate", "reason", "says"),
    [
        (PASS, "pass", "月租车 剩余"),
        (VISITOR, "ticket", "欢迎光临"),
        (WHITE, "white_list", "欢迎光临"),
        (TEMPORARY, "temporary_list", "欢迎光临"),
        ("粤B1234警", "emergency", "欢迎光临"),
    ],
)
async def test_who_may_come_in_is_let_in(tmp_path: Path, plate: str, reason: str, says: str) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish()
        here.car(IN, plate, color="white" if plate.endswith("警") else "blue")
        assert here.opened(IN) == 1
        (board,) = here.boards(IN)
        assert says in board
        (decided,) = await here.some("barrier", label="decision")
        assert (decided.result, decided.reason, decided.ext["lane"]) == ("granted", reason, "in")
        assert decided.rule == "lanes/1 passes/1 plate_lists/1 tariffs/1"
        (read,) = await here.some("plate")
        assert (read.result, read.direction, read.lane) == ("granted", "in", "in")


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        ({"plate": BLACK}, "black_list"),
        ({"plate": None}, "unread"),
        ({"plate": VISITOR, "confidence": 40}, "low_confidence"),
        ({"plate": VISITOR, "travel": vzenith.AWAY}, "wrong_way"),
    ],
)
async def test_what_opens_nothing(tmp_path: Path, read: dict[str, Any], reason: str) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish()
        here.car(IN, **read)
        await here.some("barrier", label="decision")
        assert await decisions(here) == [("denied", reason)]
        (event,) = await here.some("plate")
        assert event.result == "denied"
        assert passage_of(event, b"0" * 16) is None, "a car that was turned away did not come in"
        assert here.opened(IN) == 0
        here.car(IN, PASS)  # the positive control: the lane does open
        assert here.opened(IN) == 1


@pytest.mark.parametrize("stale_opens", [False, True])
async def test_a_replayed_a_retained_and_a_queued_read_open_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stale_opens: bool
) -> None:
    """``stale_opens`` is the positive control: a lane that takes records for cars must be seen to open."""
    if stale_opens:
        monkeypatch.setattr("edge.control.lanes.read_of", _taken_for_a_car)
    async with lane_bench(tmp_path) as here:
        await here.wish()
        here.car(IN, PASS, ago=timedelta(minutes=1), kept=True)
        here.car(IN, WHITE, retained=True)
        here.car(IN, TEMPORARY, ago=timedelta(minutes=4), queued_since=datetime.now(UTC) - HOURS)
        await here.some("plate", 3)
        assert here.opened(IN) == (3 if stale_opens else 0)


def _taken_for_a_car(event: Event, **late: bool) -> Read:
    return msgspec.structs.replace(read_of(event, **late), stale="")


@pytest.mark.parametrize("plate", ["粤B12346", "粤B1234S", "粤B1234", "粤B123456", "湘B12345"])
async def test_a_plate_one_character_off_a_pass_has_no_pass(tmp_path: Path, plate: str) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish(lanes=lanes(visitors="refuse"))
        here.car(IN, plate)
        await here.some("barrier", label="decision")
        assert (await decisions(here), here.opened(IN)) == ([("denied", "unknown_plate")], 0)


async def test_the_same_car_read_again_opens_once_and_a_repeated_message_does_nothing(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish()
        here.car(IN, PASS)
        here.car(IN, PASS, again=True)
        here.car(IN, PASS)
        assert here.opened(IN) == 1
        await here.quiet()
        passages = [event for event in await here.found("plate") if event.result == "granted"]
        assert len(passages) == 1


async def test_an_unpaid_exit_stays_closed_until_it_is_paid_and_the_fee_is_the_centres(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish()
        here.car(IN, VISITOR, ago=2.5 * HOURS, kept=True)  # an entry that the camera kept is an entry all the same
        here.car(OUT, VISITOR)
        assert here.opened(OUT) == 0
        (board,) = here.boards(OUT)
        assert "请交费 7.5 元" in board
        (asked,) = await here.some("barrier", label="decision", reason="due")
        assert (asked.ext["fee_fen"], asked.ext["due_fen"]) == (750, 750)
        await here.give(here.order("lane.paid", "out", 1, plate=VISITOR, fen=700))
        assert here.opened(OUT) == 0
        assert "请交费 0.5 元" in here.boards(OUT)[-1]
        await here.give(here.order("lane.paid", "out", 2, plate=VISITOR, fen=50))
        assert here.opened(OUT) == 1
        await here.quiet()
        await here.some("plate", reason="paid")
        assert book(await here.found("plate")) == [750], "the book at the centre has what the driver was asked for"
        assert await here.found("barrier", label="payment")
        await here.give(here.order("lane.paid", "out", 3, plate=VISITOR, fen=50))
        (result,) = await here.some("command_result", request_id="order-0003", state="refused")
        assert "no such car" in (result.text or "")


async def test_a_payment_says_up_to_when_its_fee_was_reckoned(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish()
        here.car(IN, VISITOR, ago=2.5 * HOURS, kept=True)
        await here.quiet()
        long_ago = (datetime.now(UTC) - timedelta(minutes=40)).isoformat()
        await here.give(here.order("lane.paid", "in", 1, plate=VISITOR, fen=500, at=long_ago))
        here.car(OUT, VISITOR)
        assert here.opened(OUT) == 0, "the grace began when the fee was reckoned, and is over"
        (asked,) = await here.some("barrier", label="decision", reason="due")
        assert asked.ext["due_fen"] == 250
        await here.give(here.order("lane.paid", "in", 2, plate=VISITOR, fen=250, at="yesterday"))
        (result,) = await here.some("command_result", request_id="order-0002", state="refused")
        assert "at is no time" in (result.text or "")


def book(events: list[Any]) -> list[int]:
    """What the centre charges for these events, by its own functions."""
    lot = LotTariff(read_tariff(TARIFF), "small")
    passages = [passage for event in events if (passage := passage_of(event, fact_id(event) or b""))]
    stays = [session for session in fold(passages) if session.entered_at and session.exited_at]
    return [
        lot.quote(one.color, one.entered_at, one.exited_at).fee_fen for one in stays if one.entered_at and one.exited_at
    ]


@pytest.mark.parametrize(
    ("plate", "inside", "reason", "opens"),
    [
        (VISITOR, timedelta(minutes=10), "free", True),
        (VISITOR, 2 * HOURS, "due", False),
        (VISITOR, None, "no_entry", False),
        (PASS, 2 * HOURS, "pass", True),
        (PASS, None, "pass", True),
    ],
)
async def test_exits(tmp_path: Path, plate: str, inside: timedelta | None, reason: str, opens: bool) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish()
        if inside is not None:
            here.car(IN, plate, ago=inside, kept=True)
        here.car(OUT, plate)
        await here.some("barrier", label="decision", reason=reason)
        assert here.opened(OUT) == opens


async def test_what_was_seen_and_paid_outlasts_a_stop(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish()
        here.car(IN, VISITOR, ago=2 * HOURS - timedelta(minutes=5), kept=True)
        await here.quiet()
        await here.give(here.order("lane.paid", "out", plate=VISITOR, fen=500))
        await here.quiet()
    async with lane_bench(tmp_path) as again:  # no uplink: documents and stays are on the disk
        again.car(OUT, VISITOR)
        assert again.opened(OUT) == 1
        (decided,) = await again.some("barrier", label="decision")
        assert (decided.reason, decided.ext["fee_fen"]) == ("paid", 500)


async def test_a_disk_that_hangs_holds_no_car_up(tmp_path: Path) -> None:
    async with lane_bench(tmp_path, committing=False) as here:
        await here.wish()
        assert here.bench.devices.deciding_kinds == {"vzenith"}, "heard also while nothing can be recorded"
        here.car(IN, PASS)
        assert here.opened(IN) == 1
        assert await here.found("plate") == []


async def test_a_car_without_a_plate_asks_by_the_button(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish()
        here.loop(IN, point=2)
        assert here.opened(IN) == 0, "a button without a car opens nothing"
        here.car(IN, None)
        assert "请按按钮" in here.boards(IN)[-1]
        here.loop(IN, point=2)
        assert here.opened(IN) == 1
        (passage,) = await here.some("plate", reason="button")
        assert (passage.result, passage.direction) == ("granted", "in")


async def test_a_car_read_twice_leaves_no_button_alive_behind_it(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish()
        here.car(IN, PASS)
        here.arm(IN, UP)
        here.car(IN, None)  # the same car, its plate out of sight already
        here.loop(IN)
        here.arm(IN, DOWN)
        here.loop(IN, point=2)  # somebody on foot
        assert here.opened(IN) == 1


async def test_whom_the_centre_erases_is_remembered_no_more(tmp_path: Path) -> None:
    salt, until = "00" * 16, (datetime.now(UTC) + HOURS).isoformat()
    key = key_of(bytes.fromhex(salt), Subject("plate", VISITOR).form)
    async with lane_bench(tmp_path) as here:
        await here.wish()
        here.car(IN, VISITOR)
        here.car(IN, WHITE)
        await here.quiet()
        await here.bench.wish(2, erasures={"salt": salt, "entries": [{"id": "erasure-1", "key": key, "until": until}]})
        (answer,) = await here.some("command_result", label="erasure")
        assert "remembered=1" in (answer.text or "")
        stays = here.bench.control.lanes.memory.stays
        assert (stays.inside(VISITOR), stays.plates()) == (None, [WHITE])
        assert [row[0] for row in await here.bench.store.query("SELECT plate FROM lane_passage")] == [WHITE]


async def test_a_plate_that_was_typed_after_a_code_was_scanned(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish()
        here.car(IN, None)
        await here.give(here.order("lane.read", "in", plate=VISITOR))
        assert here.opened(IN) == 1
        (passage,) = await here.some("plate", method="qr")
        assert (passage.result, passage.reason, passage.subject and passage.subject.id) == (
            "granted",
            "ticket",
            VISITOR,
        )


async def test_a_person_opens_with_a_reason_only_and_the_car_that_waits_has_left(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish()
        here.car(OUT, VISITOR)
        await here.give(here.order("lane.open", "out", 1))
        (refused,) = await here.some("command_result", state="refused")
        assert "reason" in (refused.text or "")
        await here.give(here.order("lane.open", "out", 2, reason="入场未识别"))
        assert here.opened(OUT) == 1
        (by_hand,) = await here.some("barrier", label="by_hand")
        assert (by_hand.text, by_hand.ext["by"]) == ("入场未识别", "wang")
        (passage,) = await here.some("plate", reason="person")
        assert passage.direction == "out"


async def test_two_cars_under_one_opening_are_told(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish()
        here.car(IN, PASS)
        here.arm(IN, UP)
        here.loop(IN)
        await here.some("barrier", label="opening", code="confirmed")
        here.arm(IN, DOWN)
        await here.quiet()
        assert await here.found("alarm") == [], "one car under one opening"
        here.car(IN, WHITE)
        here.car(IN, VISITOR)
        here.arm(IN, UP)
        here.loop(IN, times=2)
        await here.quiet()
        assert await here.found("alarm") == [], "two cars that were both let in"
        here.loop(IN)
        await here.some("alarm", alarm="tailgating")


async def test_a_second_plate_under_one_opening_where_no_loop_counts(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish(lanes=lanes(loop=None))
        here.car(IN, PASS)
        here.arm(IN, UP)
        here.car(IN, BLACK)
        await here.some("alarm", alarm="tailgating")


async def test_a_relay_that_fired_is_not_an_arm_that_moved(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish(lanes=lanes(moved_s=0.1))
        here.car(IN, PASS)
        (sent,) = [one for one in here.bench.sent if one.topic.endswith("/gpio_out")]
        here.hear(*vzenith.answer(IN, sent.topic, sent.payload, datetime.now(UTC)))  # code 200
        await here.some("alarm", alarm="barrier_not_opened")
        assert [event.code for event in await here.found("barrier", label="opening")] == ["timeout"]
        here.car(IN, PASS)  # read again: it is tried again, and is one car all the same
        assert here.opened(IN) == 2
        here.arm(IN, UP)
        await here.some("barrier", label="opening", code="confirmed")
        assert len(await here.found("plate", result="granted")) == 1


async def test_an_arm_that_stays_up_and_one_that_a_hand_lifts(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish(lanes=lanes(held_s=0.1))
        here.car(OUT, VISITOR)
        here.arm(OUT, UP)
        await here.some("barrier", label="opening", code="opened_by_hand")
        (passage,) = await here.some("plate", reason="person")
        assert passage.direction == "out", "whoever waited has left"
        await here.some("alarm", alarm="barrier_held_open")


async def test_a_car_that_turns_round_is_where_it_came_from(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish()
        here.car(IN, VISITOR, ago=timedelta(minutes=5), kept=True)
        here.car(OUT, VISITOR)
        assert here.opened(OUT) == 1
        here.car(OUT, VISITOR, trigger=66)
        (back,) = await here.some("plate", reason="turned_back", result="granted")
        assert back.direction == "in"
        assert here.bench.control.lanes.memory.stays.inside(VISITOR) is not None


async def test_a_barrier_that_cannot_be_reached_lets_nobody_be_counted(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish()
        here.bench.broker_away = True
        here.car(IN, VISITOR)
        (decided,) = await here.some("barrier", label="decision")
        assert (decided.ok, decided.result) == (False, "granted")
        assert here.bench.control.lanes.memory.stays.inside(VISITOR) is None
        here.bench.broker_away = False
        here.car(IN, VISITOR)
        assert here.opened(IN) == 1


async def test_documents_that_cannot_be_are_refused(tmp_path: Path) -> None:
    twice = [lane(IN, "in"), lane(OUT, "out", readers=[{"device": "vzenith:cam-in"}])]
    async with lane_bench(tmp_path) as here:
        assert not await here.bench.wish(1, lanes={"lanes": twice})
        assert not await here.bench.wish(1, lanes={"lanes": [lane(IN, "in", barier="")]})
        assert not await here.bench.wish(1, plate_lists={"entries": [{"plate": PASS, "list": "temporary"}]})


@pytest.mark.parametrize("looks_back", [True, False])
async def test_a_car_that_came_before_there_were_lanes_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks_back: bool
) -> None:
    """The control does not look back: then the exit knows nobody."""
    if not looks_back:
        monkeypatch.setattr(LaneMemory, "look_back", AsyncMock())
    async with lane_bench(tmp_path) as here:
        camera = {"id": f"vzenith:{IN.sn}", "lane": "in", "direction": "in"}
        await here.wish(lanes={"lanes": []}, devices={"devices": [camera]})
        here.car(IN, VISITOR, ago=timedelta(minutes=10), kept=True)
        await here.quiet()
        await here.wish(2)
        control = here.bench.control.lanes
        await until(lambda: not control._must_look_back)
        assert (control.memory.stays.inside(VISITOR) is not None) == looks_back


async def test_a_coupon_that_comes_while_a_car_waits_opens_or_asks_for_less(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish()
        here.car(IN, VISITOR, ago=2.5 * HOURS, kept=True)
        here.car(OUT, VISITOR)
        assert (here.opened(OUT), "7.5 元" in here.boards(OUT)[-1]) == (0, True)
        stay = here.bench.control.lanes.memory.stays.inside(VISITOR)
        assert stay is not None and stay.entered_at is not None
        coupon = {
            "id": "c1",
            "plate": VISITOR,
            "entered_at": stay.entered_at.isoformat(),
            "name": "超市",
            "kind": "fen",
        }
        coupon |= {"given_at": datetime.now(UTC).isoformat(), "amount": 300, "account": "merchant:m"}
        other = {**coupon, "id": "c0", "kind": "full", "entered_at": (stay.entered_at - HOURS).isoformat()}
        await here.wish(2, coupons={"coupons": [coupon, other]})
        assert (here.opened(OUT), "4.5 元" in here.boards(OUT)[-1]) == (0, True), "another stay's coupon is not its own"
        await here.wish(3, coupons={"coupons": [coupon, {**coupon, "id": "c2", "kind": "full"}]})
        assert here.opened(OUT) == 1
        (read,) = await here.some("plate", lane="out", result="granted")
        assert read.reason == "free"

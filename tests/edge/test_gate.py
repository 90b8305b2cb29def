"""The guards' screen at the gate: money is on the disk before the arm hears of it, a tap is one, and who may tap."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp.test_utils import TestClient, TestServer

from domain.events import Event
from domain.guards import kept_pin
from edge.config import Gate
from edge.gate import view
from edge.gate.acts import GateActs, NotDone, Tap
from edge.gate.guarded import TRIES
from edge.gate.serve import GateScreen
from edge.gate.till import Till
from eventlog.sqlite_rows import Statement
from tests.edge.lane_bench import IN, OUT, VISITOR, LaneBench, lane_bench

PIN = "271828"
GUARDS = {"guards": [{"id": "wang", "name": "王", "pin": kept_pin(PIN)}, {"id": "li", "pin": kept_pin("314159")}]}


async def due(here: LaneBench, plate: str = VISITOR) -> Tap:
    """A visitor waits at the exit and owes 7.50; what a guard would tap."""
    await here.wish(guards=GUARDS)
    here.car(IN, plate, ago=timedelta(hours=2.5), kept=True)
    here.car(OUT, plate)
    await here.quiet()
    (car,) = [one.car for one in view.lanes(here.bench.control.lanes) if one.car]
    assert (car.plate, car.fee_fen, car.due_fen, sum(line.fen for line in car.lines)) == (plate, 750, 750, 750)
    return Tap(request=car.request, lane="out", what="cash", by="wang", plate=plate, fen=750)


def changed(tap: Tap, **fields: Any) -> Tap:
    said = {name: getattr(tap, name) for name in ("request", "lane", "what", "by", "plate", "fen", "reason")}
    return Tap(**{**said, **fields})


async def test_cash_is_one_payment_however_often_it_is_tapped(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        gate, tap = here.bench.control.gate, await due(here)
        for wrong, why in (({"fen": 500}, "changed"), ({"plate": "粤B00000"}, "gone"), ({"lane": "x"}, "no_lane")):
            with pytest.raises(NotDone, match=why):
                await gate.do(changed(tap, **wrong))
        first, again = await asyncio.gather(gate.do(tap), gate.do(tap))
        later = await gate.do(changed(tap, by="li"))
        assert first.act.receipt and first.act == again.act == later.act
        assert (first.again, again.again, first.failure, here.opened(OUT)) == (False, True, None, 1)
        await here.quiet()
        (paid,) = await here.found("barrier", label="payment")
        assert (paid.ext["by"], paid.ext["fen"], paid.ext["receipt"]) == ("wang", 750, first.act.receipt)
        assert len(await here.found("plate", reason="paid")) == 1
        assert [(one.by, one.cash_fen) for one in view.counts(await gate.till.since(first.act.at))] == [("wang", 750)]
        assert VISITOR not in first.act.plate
        with pytest.raises(NotDone, match="gone"):
            await gate.do(changed(tap, request="another"))
    async with lane_bench(tmp_path) as here:  # after a stop the numbers go on, and the tap is known
        second = await here.bench.control.gate.do(await due(here, "湘A00001"))
        assert second.act.receipt == f"{first.act.receipt[:-1]}2"
        assert (await here.bench.control.gate.do(tap)).act == first.act
        await here.bench.store.begin_epoch("money", "e2")  # an older copy was put back: its numbers are given already
        other = (await here.bench.control.gate.do(await due(here, "湘A00002"))).act.receipt
        assert other.partition("-")[0] != first.act.receipt.partition("-")[0]


class Hasty(GateActs):
    """The positive control: the arm is told while the disk still writes."""

    async def _durable(self, event: Event, tap: Tap, also: Sequence[Statement]) -> None:
        self._writing.add(asyncio.ensure_future(super()._durable(event, tap, also)))


@pytest.mark.parametrize("what", ["cash", "debt", "hand"])
@pytest.mark.parametrize("kind", [GateActs, Hasty])
async def test_the_disk_has_it_before_the_arm_hears_of_it(tmp_path: Path, kind: type[GateActs], what: str) -> None:
    async with lane_bench(tmp_path) as here:
        tap, order = await due(here), list[str]()
        control = here.bench.control

        async def record(events: Sequence[Event], also: Sequence[Statement]) -> None:
            await asyncio.sleep(0.01)
            await here.bench.intake.record(*events, also=also)
            order.append("durable")

        sent = here.bench._send  # pyright: ignore[reportPrivateUsage]

        def send(device: str, message: Any) -> bool:
            order.append("told")
            return sent(device, message)

        hands = control.lanes.cars._hands  # pyright: ignore[reportPrivateUsage]
        hands._send = send  # pyright: ignore[reportPrivateUsage]
        gate = kind(Till(here.bench.store), control.lanes, record, here.bench.clock)
        await gate.do(changed(tap, what=what, reason="没带钱"))
        await asyncio.sleep(0.05)
        assert order[0] == ("durable" if kind is GateActs else "told")
        assert here.opened(OUT) == 1


async def test_let_out_with_a_debt_and_opened_by_hand_are_counted(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        gate, tap = here.bench.control.gate, await due(here)
        with pytest.raises(NotDone, match="no_reason"):
            await gate.do(changed(tap, what="debt"))
        here.bench.broker_away = True
        done = await gate.do(changed(tap, what="debt", reason="没带钱"))
        assert "away" in (done.failure or "") and here.opened(OUT) == 0
        here.bench.broker_away = False
        assert (await gate.do(changed(tap, what="debt", reason="没带钱"))).failure is None
        assert here.opened(OUT) == 1, "the same tap asks the arm again"
        await gate.do(Tap(request="r-2", lane="in", what="hand", by="li", reason="救护车"))
        await here.quiet()
        said = [(one.ext["by"], one.code, one.text) for one in await here.some("barrier", 2, label="by_hand")]
        assert said == [("wang", "debt", "没带钱"), ("li", "hand", "救护车")]
        (left,) = await here.some("plate", reason="person")
        assert (left.result, left.ext["by"]) == ("granted", "wang")
        assert not await here.found("barrier", label="payment")
        counts = {one.by: (one.debts_fen, one.by_hand) for one in view.counts(await gate.till.since(done.act.at))}
        assert counts == {"wang": (750, 0), "li": (0, 1)}


@asynccontextmanager
async def screen(here: LaneBench) -> AsyncGenerator[TestClient[Any, Any]]:
    control, media = here.bench.control, here.bench.intake.media
    made = GateScreen(
        Gate(port=1),
        control.gate,
        control.lanes,
        lambda: control.desired.in_force.guards,
        lambda: datetime.now(UTC),
        ZoneInfo("Asia/Shanghai"),
        media.path,
    )
    async with TestClient(TestServer(made.app())) as client:
        yield client


def basic(guard: str, pin: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{guard}:{pin}'.encode()).decode()}"}


def field(page: str, name: str) -> str:
    return page.split(f'name="{name}" value="')[1].split('"')[0]


async def test_the_screen_and_the_command_ask_for_a_pin(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        tap = await due(here)
        async with screen(here) as client:
            assert VISITOR not in await (await client.get("/")).text()
            assert (await client.post("/login", data={"guard": "wang", "pin": "000000"})).status == 403
            await client.post("/login", data={"guard": "wang", "pin": PIN}, allow_redirects=False)
            page = await (await client.get("/", headers={"Accept-Language": "en"})).text()
            assert "湘A·8K6Q2" in page and "¥7.5" in page and "Cash taken" in page
            button = {name: field(page, name) for name in ("lane", "what", "plate", "fen")}
            button |= {"what": "cash", "request": f"{tap.request}-cash"}
            assert (await client.post("/act", data=button)).status == 403, "another page's form has no such word"
            answer = await client.post("/act", data={**button, "csrf": field(page, "csrf")})
            assert answer.status == 200 and answer.url.path.startswith("/receipt/")
            assert "湘A***Q2" in await answer.text() and here.opened(OUT) == 1
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert (await client.get(f"/picture/{'0' * 64}")).status == 404

            auth = basic("li", "314159")
            told = await (await client.get("/v1/lanes", headers=auth)).json()
            assert [one["cash_fen"] for one in told["today"]] == [750]
            body = {"request": "r-9", "lane": "in", "what": "hand", "reason": "消防车", "by": "wang"}
            assert (await client.post("/v1/acts", data=body, headers=auth)).status == 415
            done = await (await client.post("/v1/acts", json=body, headers=auth)).json()
            assert (done["act"]["by"], done["failure"]) == ("li", None), "it is whoever's PIN it was"
            for _ in range(TRIES):
                assert (await client.get("/v1/lanes", headers=basic("li", "1"))).status == 403
            assert (await client.get("/v1/lanes", headers=auth)).status == 403, "too many tries"
            await here.wish(2, guards={"guards": [GUARDS["guards"][1]]})
            assert "湘A" not in await (await client.get("/")).text(), "who is no guard any more is logged out"

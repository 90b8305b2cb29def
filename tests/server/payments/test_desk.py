"""A stay is paid at a simulated provider: what is due, what was told and how, what the ledger, the gateway and people
hear of it. On both engines; one centre for all, a car for each step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Table

from domain.events import Event, Subject
from server.books import debts
from server.payments.desk import Desk
from server.payments.watch import Watch
from server.store import pay_code_rows, schema
from simulators.payments.callbacks import Letter
from simulators.payments.server import Payments
from tests.rig import until
from tests.server.centre import Centre, Gateway, centre
from tests.server.engines import Engine
from tests.server.payments.site import BASE, configured, payments

_plates = (f"粤B8K{number:03}" for number in count(100))


class Site:
    """A centre, a gateway, the simulator, and a driver."""

    def __init__(self, here: Centre, sim: Payments, gateway: Gateway) -> None:
        self.here, self.sim, self.gateway = here, sim, gateway
        self._count, self.plate, self._before = 0, "", dict[str, set[tuple[Any, ...]]]()

    async def begin(self) -> None:
        """Another car; only what comes from now on is looked at."""
        self.plate = next(_plates)
        for table in (schema.journal_line, schema.refund, schema.refusal, schema.gateway_order):
            self._before[table.name] = {_key(table, row) for row in await self.here.rows(table)}
        self.desk._now = self.here.house.now  # pyright: ignore[reportPrivateUsage]
        self.sim.books.refunds_stay = "SUCCESS"

    async def _new(self, table: Table) -> list[dict[str, Any]]:
        fresh = [row for row in await self.here.rows(table) if _key(table, row) not in self._before[table.name]]
        return sorted(fresh, key=lambda row: _key(table, row))

    @property
    def desk(self) -> Desk:
        return self.here.house.desk

    async def read(self, direction: str, ago: timedelta, **marks: Any) -> datetime:
        """A car is read at a lane."""
        self._count += 1
        at = datetime.now(UTC) - ago
        event = Event(kind="plate", device="vzenith:9", time=at, recorded_at=at, direction=direction, lane=direction)
        event.subject, event.source_event_id = Subject(type="plate", id=self.plate), f"plate/{self._count}"
        for name, value in marks.items():
            setattr(event, name, value)
        await self.gateway.send(event)
        await self.here.settled()
        return at

    async def session(self) -> str:
        (found,) = [row["id"] for row in await self.here.rows(schema.session) if row["plate"] == self.plate]
        return found

    async def asked(self, channel: str = "wechat", way: str = "code") -> str:
        return await self.desk.ask("garden", await self.session(), channel, way)  # pyright: ignore[reportArgumentType]

    async def payments(self) -> list[dict[str, Any]]:
        mine = [row for row in await self.here.rows(schema.payment) if row["session"] == await self.session()]
        return sorted(mine, key=lambda row: (row["asked_at"], row["out_trade_no"]))

    async def journals(self) -> list[tuple[str, int]]:
        lines = await self._new(schema.journal_line)
        return sorted((row["account"], row["fen"]) for row in lines if row["account"].startswith("clearing"))

    async def new_lines(self, account: str) -> list[int]:
        return [row["fen"] for row in await self._new(schema.journal_line) if row["account"] == account]

    async def owes(self, session: str) -> None:
        """What a car that left owes is a debt: the sweep does so after a while."""
        house = self.here.house
        async with house.db.write("garden") as connection:
            assert await debts.look_at(connection, "garden", session, house.now())

    async def code(self) -> str:
        """The complex's code to pay by."""
        house = self.here.house
        async with house.db.write("garden") as connection:
            await pay_code_rows.make(connection, "garden", [], "wang", house.now())
            return (await pay_code_rows.of_complex(connection, "garden"))[0]["code"]

    async def orders(self) -> list[dict[str, Any]]:
        return [row for row in await self._new(schema.gateway_order) if row["name"] == "lane.paid"]

    async def refunds(self) -> list[dict[str, Any]]:
        return await self._new(schema.refund)

    async def refused(self) -> dict[str, Any]:
        return (await self._new(schema.refusal))[-1]

    async def post(self, letter: Letter) -> httpx.Response:
        """A letter to the centre, whatever host stands on it."""
        path = letter.url.removeprefix(BASE)
        return await self.here.client.post(path, content=letter.body, headers=letter.headers)

    def watch(self) -> Watch:
        house = self.here.house
        return Watch(house.db, house.desk, house.refunds, house.now)


def _key(table: Table, row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in table.primary_key)


async def _rests(_: Watch) -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def site(folder: Path, engine: Engine) -> AsyncGenerator[Site]:
    """Its watch looks when a step says so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Watch, "run", _rests)
        async with _site(folder, engine) as made:
            yield made


@asynccontextmanager
async def _site(folder: Path, engine: Engine) -> AsyncGenerator[Site]:
    async with payments(folder) as sim, centre(folder, engine, configured(sim)) as here:
        yield Site(here, sim, await here.gateway())


async def _prepaid_told_doubled_at_once_and_booked_once(it: Site) -> None:
    await it.read("in", timedelta(hours=2, minutes=30))
    number = await it.asked()
    assert await it.asked() == number, "the same asked twice is the same order"
    (row,) = await it.payments()
    assert (row["amount_fen"], row["status"]) == (600, "pending")
    order = it.sim.books.pay(it.sim.books.find("wechat", number))
    letters = [it.sim.writer.paid(order, identity="N1") for _ in range(4)]
    letters += [it.sim.writer.paid(order, identity=f"other-{n}") for n in range(2)]
    answers = await asyncio.gather(*(it.post(letter) for letter in letters))
    assert {answer.status_code for answer in answers} == {200}
    (row,) = await it.payments()
    assert (row["status"], row["provider_no"]) == ("paid", order.provider_no)
    assert await it.journals() == [("clearing:wechat", 600)]
    (told,) = await it.orders()
    assert (told["device"], told["args"]["plate"], told["args"]["fen"]) == ("lane:in", it.plate, 600)
    assert told["args"]["at"] == row["quoted_at"]
    looked = await it.desk.look("garden", await it.session())
    assert looked is not None and (looked[1].state, looked[1].due_fen) == ("paid", 0)
    assert looked[1].until == datetime.fromisoformat(row["quoted_at"]) + timedelta(seconds=900)


REFUSED = {"forged": "signature", "amount": "amount", "merchant": "merchant", "old": "old"}


async def _wrong_notices_are_refused_whole_with_their_reason(it: Site) -> None:
    await it.read("in", timedelta(hours=1, minutes=30))
    for channel in ("wechat", "alipay"):
        number = await it.asked(channel)
        order = it.sim.books.pay(it.sim.books.find(channel, number))
        before = (await it.payments(), await it.journals(), await it.orders())
        for fault, reason in REFUSED.items():
            answer = await it.post(it.sim.writer.paid(order, fault))  # pyright: ignore[reportArgumentType]
            assert answer.status_code == 400, (channel, fault)
            assert "success" not in answer.text.lower()
            newest = await it.refused()
            assert (newest["reason"], newest["gateway"].split("/")[1]) == (reason, channel)
        strange = it.sim.writer.paid(order)
        order.number = "PKNOBODYASKEDFORTHIS"
        unknown = await it.post(it.sim.writer.paid(order))
        order.number = number
        assert (unknown.status_code, (await it.refused())["reason"]) == (400, "unknown_order")
        assert (await it.payments(), await it.journals(), await it.orders()) == before, "nothing half-imported"
        elsewhere = Letter(f"{BASE}/pay/notify/{channel}/1", strange.headers, strange.body, channel)
        assert (await it.post(elsewhere)).status_code == 404
        good = await it.post(strange)
        assert good.status_code == 200
        assert good.text == "success" if channel == "alipay" else good.json() == {"code": "SUCCESS"}
        break  # the stay is paid; the other channel's notices are the next test's
    assert await it.journals() == [("clearing:wechat", 400)]


async def _alipay_tells_and_a_lost_notice_is_found_by_asking(it: Site) -> None:
    await it.read("in", timedelta(minutes=50))
    number = await it.asked("alipay")
    order = it.sim.books.pay(it.sim.books.find("alipay", number))
    for fault, reason in REFUSED.items():
        answer = await it.post(it.sim.writer.paid(order, fault))  # pyright: ignore[reportArgumentType]
        assert (answer.status_code, answer.text) == (400, "fail")
        assert (await it.refused())["reason"] == reason
    assert await it.journals() == []
    beside = {row["out_trade_no"]: row for row in await it.here.rows(schema.payment_order)}
    assert beside[number]["check_at"] is not None
    late = it.desk._now  # pyright: ignore[reportPrivateUsage]
    watch = it.watch()
    watch._now = lambda: late() + timedelta(seconds=30)  # pyright: ignore[reportPrivateUsage]
    await watch.look()
    (row,) = await it.payments()
    assert (row["status"], row["provider_no"]) == ("paid", order.provider_no)
    answer = await it.post(it.sim.writer.paid(order))
    assert (answer.status_code, answer.text) == (200, "success"), "told late: known already"
    assert await it.journals() == [("clearing:alipay", 200)]
    assert len(await it.orders()) == 1


async def _two_payments_of_one_charge_and_the_later_goes_back(it: Site) -> None:
    await it.read("in", timedelta(hours=2, minutes=30))
    first = await it.asked("wechat")
    one = it.sim.books.find("wechat", first)
    second = await it.asked("alipay")
    assert one.state == "CLOSED", "another way: the first order is closed"
    one.state = "NOTPAY"  # it was paid in the moment that it was closed
    for order in (it.sim.books.pay(it.sim.books.find("alipay", second)), it.sim.books.pay(one)):
        assert (await it.post(it.sim.writer.paid(order))).status_code == 200
    assert [row["status"] for row in await it.payments()] == ["paid", "paid"]
    (back,) = await it.refunds()
    assert (back["out_trade_no"], back["amount_fen"], back["status"]) == (first, 600, "proposed")
    assert len(await it.orders()) == 1, "the gateway hears of what counts"
    await _approved(it, back["out_refund_no"])


async def _paid_twice_and_left_within_the_grace(it: Site) -> None:
    """What is too much is told by what the stay is charged, which is up to the quote, and not by the later exit."""
    await it.read("in", timedelta(hours=3, minutes=5))
    asked_at = it.here.house.now() - timedelta(minutes=10)
    it.desk._now = lambda: asked_at  # pyright: ignore[reportPrivateUsage]
    orders = [
        it.sim.books.find("wechat", await it.asked("wechat")),
        it.sim.books.find("alipay", await it.asked("alipay")),
    ]
    orders[0].state = "NOTPAY"
    it.desk._now = it.here.house.now  # pyright: ignore[reportPrivateUsage]
    await it.read("out", timedelta(0))
    for order in orders:
        assert (
            await it.post(it.sim.writer.paid(it.sim.books.pay(order, asked_at + timedelta(minutes=1))))
        ).status_code == 200
    (back,) = await it.refunds()
    assert (back["amount_fen"], back["status"]) == (600, "proposed")


async def _approved(it: Site, number: str) -> None:
    from server.audit import Actor

    it.sim.books.refunds_stay = "PROCESSING"
    await it.here.house.refunds.approve("garden", number, Actor("wang", "clerk"))
    assert [row["status"] for row in await it.refunds()] == ["processing"]
    assert await it.journals() == [("clearing:alipay", 600), ("clearing:wechat", 600)]
    (refund,) = it.sim.books.refunds.values()
    it.sim.books.settle(refund, "SUCCESS")
    answer = await it.post(it.sim.writer.given_back(refund))
    assert answer.status_code == 200
    await it.watch().look()
    (back,) = await it.refunds()
    assert (back["status"], back["approved_by"]) == ("success", "wang")
    assert await it.journals() == [("clearing:alipay", 600), ("clearing:wechat", -600), ("clearing:wechat", 600)]


async def _at_the_exit_the_fee_is_that_of_the_read_and_past_the_grace_the_difference(it: Site) -> None:
    entered = await it.read("in", timedelta(hours=3, minutes=1))
    read_at = await it.read("out", timedelta(minutes=4), result="pending", reason="due")
    looked = await it.desk.look("garden", await it.session())
    assert looked is not None and looked[1].due_fen == 600, "up to the read, before the fourth hour began"
    assert abs(looked[1].at - read_at) < timedelta(milliseconds=2)
    number = await it.desk.ask("garden", await it.session(), "wechat", "page", lane="out")
    it.sim.pay(it.sim.books.find("wechat", number))
    await it.watch().look()
    assert (await it.orders()) == [], "it was not due to be asked yet"
    (row,) = await it.payments()
    await it.desk.check({**row, "merchant": it.sim.merchant.wechat})
    (told,) = await it.orders()
    assert (told["device"], told["gateway"]) == ("lane:out", it.gateway.id)
    later = it.desk._now() + timedelta(minutes=20)  # pyright: ignore[reportPrivateUsage]
    it.desk._now = lambda: later  # pyright: ignore[reportPrivateUsage]
    again = await it.desk.look("garden", await it.session())
    assert again is not None and (again[1].state, again[1].due_fen, again[1].paid_fen) == ("due", 200, 600)
    assert entered < again[1].at


async def _what_no_gateway_came_for_is_offered_again_under_its_id(it: Site) -> None:
    await it.read("in", timedelta(minutes=50))
    order = it.sim.books.pay(it.sim.books.find("wechat", await it.asked()))
    await it.post(it.sim.writer.paid(order))
    (told,) = await it.orders()
    watch, later = it.watch(), it.desk._now() + timedelta(hours=1)  # pyright: ignore[reportPrivateUsage]
    watch._now = lambda: later  # pyright: ignore[reportPrivateUsage]
    await watch.look()
    (again,) = await it.orders()
    assert again["id"] == told["id"] and again["expires_at"] > told["expires_at"]
    result = Event(kind="command_result", device="gateway", request_id=told["id"], state="refused", time=later)
    await it.gateway.send(result)
    await it.here.settled()
    watch._now = lambda: later + timedelta(minutes=1)  # pyright: ignore[reportPrivateUsage]
    await watch.look()
    assert len(await it.orders()) == 2, "refused: a new order"


async def _orders_that_run_out_are_closed_and_another_amount_is_another_order(it: Site) -> None:
    await it.read("in", timedelta(minutes=50))
    first = await it.asked()
    now = it.desk._now() + timedelta(minutes=30)  # pyright: ignore[reportPrivateUsage]
    it.desk._now = lambda: now  # pyright: ignore[reportPrivateUsage]
    second = await it.asked()
    assert second != first and it.sim.books.find("wechat", first).state == "CLOSED"
    assert [row["status"] for row in await it.payments()] == ["closed", "pending"]
    watch = it.watch()
    watch._now = lambda: now + timedelta(minutes=6)  # pyright: ignore[reportPrivateUsage]
    await watch.look()
    await until(lambda: it.sim.books.find("wechat", second).state == "CLOSED")
    assert [row["status"] for row in await it.payments()] == ["closed", "closed"]


async def _older_debts_are_paid_beside_the_stay_each_by_its_own_order(it: Site) -> None:
    """Whoever types the plate sees them; whoever scans the exit's code does not; what is paid is a debt no more."""
    await it.read("in", timedelta(hours=30))
    await it.read("out", timedelta(hours=27, minutes=30))
    old = await it.session()
    await it.owes(old)
    await it.read("in", timedelta(hours=1, minutes=30))
    now = next(row["id"] for row in await it.here.rows(schema.session) if row["plate"] == it.plate and row["id"] != old)
    code = await it.code()
    client = it.here.client
    page = (await client.get(f"/pay/{code}/{now}")).text
    assert f'href="/pay/{code}/{old}"' in page
    assert "¥6.00" in page and "¥4.00" in page
    assert "¥6.00" not in (await client.get(f"/pay/{code}")).text, "the code alone tells nothing"
    stay = await it.desk.look("garden", now)
    assert stay is not None
    assert [(one.session, one.payable_fen, one.kind) for one in await it.desk.others(stay[0])] == [(old, 600, "debt")]
    for session, fen in ((now, 400), (old, 600)):
        number = await it.desk.ask("garden", session, "wechat", "code")
        order = it.sim.books.pay(it.sim.books.find("wechat", number))
        assert order.fen == fen
        assert (await it.post(it.sim.writer.paid(order))).status_code == 200
        paid = (await client.get(f"/pay/{code}/{session}/{number}")).text
        assert ("接着付" in paid) == (session == now)
    kinds = {row["session"]: (row["kind"], row["amount_fen"]) for row in await it.here.rows(schema.payment)}
    assert (kinds[now], kinds[old]) == (("session", 400), ("debt", 600))
    lines = await it.new_lines("debt:unpaid_exit")
    assert sum(lines) == 0 and -600 in lines, "as a debt, and paid"
    again = await it.desk.look("garden", old)
    assert again is not None and (again[1].state, again[1].payable_fen) == ("left", 0)
    assert await it.desk.others(stay[0]) == []
    assert (await it.refunds()) == []


async def _one_who_left_finds_what_is_owed_by_the_plate_and_no_stay_that_is_paid(it: Site) -> None:
    await it.read("in", timedelta(hours=30))
    await it.read("out", timedelta(hours=27, minutes=30))
    code, session = await it.code(), await it.session()
    asked = {"plate": it.plate}
    away = await it.here.client.post(f"/pay/{code}", data=asked)
    assert away.headers["location"].endswith("refused=not_inside"), "it left, and owes nothing yet by the books"
    await it.owes(session)
    found = await it.here.client.post(f"/pay/{code}", data=asked)
    assert found.headers["location"] == f"/pay/{code}/{session}"
    assert "欠费" in (await it.here.client.get(f"/pay/{code}/{session}")).text


async def test_payments_from_the_question_to_the_ledger(tmp_path: Path, engine: Engine) -> None:
    async with site(tmp_path, engine) as it:
        for step in STEPS:
            await it.begin()
            await step(it)
        paid = [row["receipt"] for row in await it.here.rows(schema.payment) if row["status"] == "paid"]
        assert sorted(paid) == list(range(1, len(paid) + 1)), "receipts are numbered without a gap"


STEPS = (
    _prepaid_told_doubled_at_once_and_booked_once,
    _wrong_notices_are_refused_whole_with_their_reason,
    _alipay_tells_and_a_lost_notice_is_found_by_asking,
    _two_payments_of_one_charge_and_the_later_goes_back,
    _paid_twice_and_left_within_the_grace,
    _at_the_exit_the_fee_is_that_of_the_read_and_past_the_grace_the_difference,
    _what_no_gateway_came_for_is_offered_again_under_its_id,
    _orders_that_run_out_are_closed_and_another_amount_is_another_order,
    _older_debts_are_paid_beside_the_stay_each_by_its_own_order,
    _one_who_left_finds_what_is_owed_by_the_plate_and_no_stay_that_is_paid,
)

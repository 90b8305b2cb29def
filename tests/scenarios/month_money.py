"""A month's money: cars pay by phone at a real provider's protocol or in cash at the desk; each day is reconciled."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

import msgspec
from sqlalchemy import update

from domain.orders import Order
from domain.passages import Passage
from domain.plates import canonical
from domain.reconciliation.acts import Act, acts_for
from server.audit import Actor
from server.bill_files import Mappings, read_given, told_of
from server.books import desk as cash
from server.books import gate_cash, quotes
from server.books.day_close import reconcile_day
from server.books.resolving import Said, resolve
from server.payments.provider import NoBill
from server.payments.watch import Watch
from server.store import bill_rows, schema, upload_rows
from server.store.engine import stamp
from simulators.month.seed import ZONE
from simulators.month.words import Channel, Expected, Lane, Month, Shift, Visit
from simulators.payments.books import Order as Placed
from simulators.payments.server import Payments
from tests.scenarios.month_clearing import Clearing
from tests.scenarios.month_prices import changes_at, publish_dearer
from tests.scenarios.month_site import MonthSite
from tests.server.payments.site import BASE

GARDEN = "garden"
What = Literal["in", "before", "out", "shift", "count", "close", "dearer"]
_RANK: dict[What, int] = {"close": 0, "dearer": 0, "shift": 1, "in": 2, "before": 3, "out": 4, "count": 5}


def _lane_in(passage: bytes) -> str:
    return msgspec.json.decode(passage, type=Passage).lane


_BILLS_AT, _STAND_S = time(10, 5), 20
_BEHIND = timedelta(hours=2)  # a camera's clock
_PREFERRED: tuple[Act, ...] = ("mark_paid", "to_suspense", "write_off")


class MoneyMonth:
    """Lives a month. ``found`` is what each day's first reconciliation listed as open, ``about`` what it is of."""

    def __init__(self, here: MonthSite, sim: Payments, month: Month) -> None:
        self.here, self.sim, self.month = here, sim, month
        self._house = here.centre.house
        self._watch = Watch(self._house.db, self._house.desk, self._house.refunds, self._house.now)
        self._shift: Mapping[str, Any] | None = None
        self._clearing = Clearing(self._house, GARDEN, month)
        self.about: dict[str, str] = {}  # an item's key to what of the month it is of
        self.found: set[Expected] = set()
        self._version = 1

    async def live(self) -> None:
        for at, what, thing in self._timeline():
            await self.here.durable()  # what was done is recorded at the time at which it was done
            self.here.now.set(at)
            match what, thing:
                case "in", Visit():
                    await self._enters(thing)
                case "before", Visit():
                    await self._pays(thing, thing.exit)
                case "out", Visit():
                    await self._leaves(thing)
                case "shift", Shift():
                    await self._begin(thing)
                case "count", Shift():
                    await self._count(thing)
                case "close", date():
                    await self._close(thing)
                case "dearer", Month():
                    await publish_dearer(self.here, GARDEN, thing)
                case _:
                    raise ValueError(what)

    def _timeline(self) -> list[tuple[datetime, What, Any]]:
        found: list[tuple[datetime, What, Any]] = []
        for visit in self.month.visits:
            found += [(visit.entered_at, "in", visit), (visit.left_at, "out", visit)]
            if visit.paid_before_s:
                found.append((visit.left_at - timedelta(seconds=visit.paid_before_s), "before", visit))
        for shift in self.month.shifts:
            found += [(shift.opened_at, "shift", shift), (shift.closed_at, "count", shift)]
        for number in range(self.month.days):
            day = self.month.first + timedelta(days=number)
            found.append((datetime.combine(day + timedelta(days=1), _BILLS_AT, ZONE), "close", day))
        found.append((changes_at(self.month) - timedelta(hours=30), "dearer", self.month))
        return sorted(found, key=lambda one: (one[0], _RANK[one[1]], getattr(one[2], "number", 0)))

    # --- the gate ---

    async def _enters(self, visit: Visit) -> None:
        await self.here.arm_down(visit.entrance)
        if visit.fault == "no_entry":
            return
        unread, times = visit.fault == "unread_entry", 1 + (visit.fault == "read_twice")
        self.here.read(visit.entrance, None if unread else visit.plate, visit.color, visit.entered_at, times)
        if self.here.waits(visit.entrance):
            await self.here.order(visit.entrance, "lane.open", reason="车牌未识别，人工核对后放行")

    async def _leaves(self, visit: Visit) -> None:
        """The car stands at the exit: it is let out, pays what it is asked for, or a person lets it out."""
        if visit.fault == "lost_exit":
            return
        if visit.fault == "tailgate":
            await self._slips_through(visit)
            return
        await self.here.arm_down(visit.exit)
        self._read_out(visit)
        if visit.way in ("gate_cash", "gate_debt"):
            await self._at_the_gate(visit)
        elif self.here.due(visit.exit) and visit.fault != "by_hand":
            self.here.now.set(visit.left_at + timedelta(seconds=_STAND_S))
            await self._pays(visit, visit.exit)
        if self.here.waits(visit.exit):
            await self.here.order(visit.exit, "lane.open", reason="现场核对放行")

    def _read_out(self, visit: Visit) -> None:
        plate = None if visit.fault == "unread_exit" else visit.exit_read or visit.plate
        when = visit.left_at - (_BEHIND if visit.fault == "clock_behind" else timedelta())
        self.here.read(visit.exit, plate, visit.color, when, 1 + (visit.fault == "read_twice"))

    async def _at_the_gate(self, visit: Visit) -> None:
        """The line is away: the guard does it at the gateway's own screen, and the centre hears of it later."""
        if visit.way == "gate_cash":
            assert await self.here.tap(visit.exit, "cash", self._guard(visit), "")
        else:
            assert await self.here.tap(visit.exit, "debt", self._guard(visit), "没有现金，断网")

    def _guard(self, visit: Visit) -> str:
        """Who sits there on that day."""
        return next(one.person for one in self.month.shifts if one.day == visit.left_at.date())

    async def _slips_through(self, visit: Visit) -> None:
        """A person opens for somebody on foot, and while the arm is up the car is read, asked for money, and gone."""
        self._version += 2
        await self.here.lanes(self._version, hold_s=60.0)
        await self.here.order(visit.exit, "lane.open", reason="送货手推车")
        self.here.read(visit.exit, visit.plate, visit.color)
        await self.here.lanes(self._version + 1)
        await self.here.arm_down(visit.exit)

    # --- paying ---

    async def _pays(self, visit: Visit, lane: Lane) -> None:
        session = await self._session(visit)
        if visit.way == "cash":
            await self._in_cash(session, visit, lane)
        else:
            await self._by_phone(session, visit, lane)
        await self._orders()

    async def _session(self, visit: Visit) -> str:
        """The stay as the centre has it, once it has heard of its beginning."""
        await self.here.sync()
        plate = canonical(visit.plate)
        rows = await self.here.centre.wait_for(schema.session, bool, complex=GARDEN, plate=plate, state="inside")
        if self.here.now() >= visit.left_at and self.here.waits(visit.exit):  # before that another may stand there
            await self.here.centre.wait_for(schema.lane_car, bool, plate=plate)
        return str(rows[0]["id"])

    async def _by_phone(self, session: str, visit: Visit, lane: Lane) -> None:
        channel: Channel = visit.way if visit.way in ("wechat", "alipay") else "wechat"
        number = await self._house.desk.ask(GARDEN, session, channel, "code", lane=lane)
        if visit.fault == "paid_twice":
            await self._by_another_phone(session, visit, number)
        order = self.sim.books.pay(self.sim.books.find(channel, number))
        self.about[number] = f"visit {visit.number}"
        match visit.fault:
            case "callback_lost":
                await self._nobody_asks(number)
                return
            case "callback_late":
                self.here.now.set(self.here.now() + timedelta(seconds=30))
                await self._watch.look()
                await self._tell(order)
            case "callback_doubled":
                await self._tell(order, order)
            case _:
                await self._tell(order)
        await self._goes_wrong(visit, order)

    async def _by_another_phone(self, session: str, visit: Visit, number: str) -> None:
        """Somebody in the car pays as well, in the moment in which the first order is closed for it."""
        channel: Channel = "alipay" if visit.way == "wechat" else "wechat"
        other = await self._house.desk.ask(GARDEN, session, channel, "code")
        self.about[other] = f"visit {visit.number}"
        await self._tell(self.sim.books.pay(self.sim.books.find(channel, other)))
        self.here.now.set(self.here.now() + timedelta(seconds=1))
        self.sim.books.find(visit.way, number).state = "NOTPAY"

    async def _tell(self, *orders: Placed) -> None:
        for order in orders:
            letter = self.sim.writer.paid(order, identity=f"N-{order.number}")
            path = letter.url.removeprefix(BASE)
            answer = await self.here.centre.client.post(path, content=letter.body, headers=letter.headers)
            assert answer.status_code == 200, answer.text

    async def _nobody_asks(self, number: str) -> None:
        """The provider was away for a day: the centre has given up asking."""
        table = schema.payment_order
        async with self._house.db.write(GARDEN) as connection:
            await connection.execute(update(table).where(table.c.out_trade_no == number).values(check_at=None))

    async def _in_cash(self, session: str, visit: Visit, lane: Lane) -> None:
        assert self._shift is not None
        async with self._house.db.write(GARDEN) as connection:
            lot = await self._house.lots.one(connection, GARDEN)
            quoted = await quotes.quote(connection, GARDEN, session, lot, visit.left_at)
            assert quoted is not None
            await cash.take(connection, self._shift, quoted, f"{visit.number}", self.here.now())
        await self.here.order(lane, "lane.paid", plate=visit.plate, fen=quoted.due_fen)

    async def _orders(self) -> None:
        """The gateway asks the centre for its orders, and does them."""
        token = self.here.gateway.token(self.here.offset())
        asked = {"known": {}, "applied": {}, "refused": [], "orders_done": [], "wait_s": 0}
        headers = {**self.here.gateway.headers(token), "Content-Type": "application/json"}
        answer = await self.here.centre.client.post("/v1/desired", json=asked, headers=headers)
        assert answer.status_code == 200, answer.text
        orders = msgspec.convert(answer.json()["orders"], list[Order])
        await self.here.bench.control.orders.take(orders, self.here.now())

    # --- cash ---

    async def _begin(self, shift: Shift) -> None:
        async with self._house.db.write(GARDEN) as connection:
            identity = await cash.open_shift(connection, GARDEN, shift.person, "", shift.float_fen, self.here.now())
            self._shift = await cash.shift_of(connection, GARDEN, shift.person)
        self.about[identity] = f"shift {shift.number}"

    async def _take_over(self) -> None:
        """Whoever is at the desk takes what guards took while the line was away, and had no shift for any more."""
        async with self._house.db.write(GARDEN) as connection:
            if waiting := [row["out_trade_no"] for row in await gate_cash.unclaimed(connection, GARDEN)]:
                assert self._shift is not None
                await gate_cash.claim(connection, self._shift, waiting, "岗亭交来", self.here.now())

    async def _count(self, shift: Shift) -> None:
        assert self._shift is not None
        await self._heard()
        async with self._house.db.write(GARDEN) as connection:
            fen = await cash.expected(connection, self._shift) + shift.wrong_fen
            note = "点钞差额" if shift.wrong_fen else ""
            await cash.close(connection, self._shift, {1: fen}, note, self.here.now())

    # --- the day after ---

    async def _heard(self) -> None:
        """What the gateway had to tell is in the books: it tells as soon as the line is there, not when a car pays."""
        await self.here.sync()
        await self.here.centre.settled()

    async def _close(self, day: date) -> None:
        """Ten o'clock on the next day: the bills are there, and the day is reconciled."""
        await self._heard()
        if not self.here.is_cut:
            await self._clearing.clear()
        await self._take_over()
        self._strays(day)
        await self._give(day, [*await self._bills(day), self._statement(day)])
        await reconcile_day(self._house.db, GARDEN, day, Actor("sun", "clerk"), self.here.now())
        async with self._house.db.read() as connection:
            items = await bill_rows.open_now(connection, GARDEN)
        await self._name_passages(day)
        self.found |= {self._told(day, item.kind, item.key) for item in items if item.since == day.isoformat()}

    def _told(self, day: date, kind: str, key: str) -> Expected:
        return Expected(day, kind, self.about.get(key, key))

    async def _name_passages(self, day: date) -> None:
        """Passages are known by their ids: whose they are, their lane and time tell."""
        left = {(stamp(visit.left_at), visit.exit): visit for visit in self.month.visits if visit.left_at.date() == day}
        for table in (schema.parking_passage, schema.lane_decision):
            for row in await self.here.centre.rows(table):
                visit = left.get((row["occurred_at"], row.get("lane") or _lane_in(row["passage"])))
                if visit is not None:
                    self.about[bytes(row["id"]).hex()] = f"visit {visit.number}"

    async def _goes_wrong(self, visit: Visit, order: Placed) -> None:
        """With money that was paid: before the provider's bill of the day is made."""
        books = self.sim.books
        match visit.fault:
            case "refund_outside":
                books.give_back(order.channel, order.number, f"OUT{visit.number}", order.fen)
                self.about[f"OUT{visit.number}"] = f"visit {visit.number}"
            case "refund_processing":
                await self._give_back(visit, order)
            case "bill_lacks":
                del books.orders[order.channel, order.number]
            case "bill_differs":
                order.fen += 100
            case _:
                pass

    async def _give_back(self, visit: Visit, order: Placed) -> None:
        """Approved, asked for, and not through when the bill is made."""
        self.sim.books.refunds_stay = "PROCESSING"
        refunds = self._house.refunds
        number = await refunds.propose(GARDEN, order.number, 100, "误收", Actor("wang", "clerk"))
        await refunds.approve(GARDEN, number, Actor("zhao", "clerk"))
        self.sim.books.refunds_stay = "SUCCESS"
        self.about[number] = f"visit {visit.number}"

    def _strays(self, day: date) -> None:
        """Paid to the merchant by somebody whom nobody asked."""
        for number, stray in enumerate(self.month.strays):
            if stray.day == day and stray.where != "bank":
                at = datetime.combine(day, time(15), ZONE)
                name = f"STRAY{number}"
                one = Placed(stray.where, name, stray.fen, "收款码", "", at + timedelta(hours=1), "code", name)
                self.sim.books.pay(self.sim.books.place(one), at)
                self.about[name] = f"stray {number}"

    async def _bills(self, day: date) -> list[tuple[str, bytes]]:
        found: list[tuple[str, bytes]] = []
        for provider in self._house.desk.calls.all():
            for kind in provider.bill_kinds:
                try:
                    bill = await self._house.desk.calls.run(lambda p=provider, k=kind: p.bill(day, k))
                except NoBill:
                    await self._no_bill(day, provider.channel)
                    continue
                found.append((bill.name, bill.content))
        return found

    async def _no_bill(self, day: date, channel: Channel) -> None:
        """The provider had no trade that day, and somebody says so: what we have of it is judged all the same."""
        async with self._house.db.write(GARDEN) as connection:
            await upload_rows.say_none(connection, GARDEN, day.isoformat(), channel, "sun", self.here.now())

    def _statement(self, day: date) -> tuple[str, bytes]:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["交易日期", "流水号", "收入", "支出", "摘要"])
        for number, stray in enumerate(self.month.strays):
            if stray.where == "bank" and stray.day == day:
                writer.writerow(
                    [day.isoformat(), f"B{number}", f"{stray.fen // 100}.{stray.fen % 100:02}", "", "现金存入"]
                )
                self.about[f"B{number}"] = f"stray {number}"
        return ("bank.csv", text.getvalue().encode())

    async def _give(self, day: date, files: Iterable[tuple[str, bytes]]) -> None:
        async with self._house.db.write(GARDEN) as connection:
            for name, body in files:
                told = told_of(read_given(name, io.BytesIO(body), Mappings()))
                row = {"sha256": hashlib.sha256(body).hexdigest(), "name": name, "told": told, "size_bytes": len(body)}
                row["body"] = upload_rows.packed(io.BytesIO(body))
                await upload_rows.give(connection, GARDEN, day.isoformat(), row, "sun", self.here.now())

    # --- afterwards ---

    async def work_off(self) -> None:
        """Close every open item: money that is missing or too much goes to suspense, a second payment goes back."""
        for refund in [one for one in self.sim.books.refunds.values() if one.state == "PROCESSING"]:
            self.sim.books.settle(refund, "SUCCESS")
        for row in await self.here.centre.rows(schema.refund):
            if row["status"] == "proposed":
                await self._house.refunds.approve(GARDEN, row["out_refund_no"], Actor("wang", "clerk"))
        self.here.now.set(self.here.now() + timedelta(minutes=5))
        await self._watch.look()
        async with self._house.db.read() as connection:
            items = await bill_rows.open_now(connection, GARDEN)
        for item in items:
            acts = acts_for(item)
            said = Said(next((act for act in _PREFERRED if act in acts), "noted"), "查明", "17")
            await resolve(
                self._house.db, GARDEN, (item.channel, item.key), said, Actor("wang", "clerk"), self.here.now()
            )

    def at_the_provider(self, channel: Channel) -> int:
        """What a provider really has for us, its fees apart."""
        paid = sum(one.fen for one in self.sim.books if one.channel == channel and one.state == "SUCCESS")
        refunds = [one for one in self.sim.books.refunds.values() if one.order.channel == channel]
        return paid - sum(one.fen for one in refunds if one.state == "SUCCESS")

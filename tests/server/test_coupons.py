"""Coupons in the book, on both engines: a line of the ledger, the stay a correction gives, the price at the barrier."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from domain.desired import read_body
from domain.desired_bodies import Coupons
from domain.lanes.decide import Known, decide
from domain.lanes.read import Read
from domain.lanes.register import Register
from domain.lanes.settings import Barrier, Lane, Reader
from domain.lanes.stays import Stays
from domain.passages import passage_of
from domain.tariff.discounts import Kind
from server.books import coupons, merchant_bills
from server.books.coupons import give, take_back
from server.books.desk import NotDone
from server.books.ledger_check import verify
from server.books.quotes import quote
from server.store import coupon_issuers, coupon_rows, desired_rows, ledger_rows, resident_rows, schema
from server.store.coupon_issuers import Terms
from server.store.resident_rows import By
from tests.server.doubtful_city import COMPLEX, LOT, NOON, Lot, id_of, lot_in, read, said
from tests.server.engines import SQLITE, Engine
from tests.server.test_corrections import heard, rows

CAR = "粤B8K6Q2"
CAME = read(1, CAR, "in", 0)
LEFT = read(2, "粤B8K602", "out", 150)  # Q read as 0
PRICE, OFF = 600, 400  # three hours of two yuan; less two
ACCOUNTS = {"receivable:sessions": 200, "income:parking:temporary": -600}
OUT = Lane(id="east-out", direction="out", readers=(Reader(device="c:1"),), barrier=Barrier(device="c:1"))


@pytest.fixture
async def lot(tmp_path: Path, engine: Engine) -> AsyncIterator[Lot]:
    async with lot_in(tmp_path, engine) as made:
        yield made


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


async def allotted(lot: Lot, kind: Kind = "minutes", amount: int = 90, *, home: str = "", name: str = "超市") -> str:
    """An allotment of three a month, two a day; its id."""
    async with lot.db.write(COMPLEX) as connection:
        by = By("wang", at(-600), COMPLEX)
        if home:
            await resident_rows.add_household(connection, by, home, {"building": "3", "room": home})
        issuer = await coupon_issuers.add(connection, by, name, f"3-{home}" if home else "")
        terms = Terms("两小时", kind, amount, 3, 2, NOON.date(), None)
        return await coupon_issuers.allot(connection, by, issuer, terms)


async def given(lot: Lot, allotment: str, stay: str, minute: float, identity: str = "c1") -> bool:
    async with lot.db.write(COMPLEX) as connection:
        (of,) = [one for one in await coupon_rows.allotments(connection, COMPLEX) if one.id == allotment]
        return await give(connection, of, stay, identity, "超市", at(minute))


async def stay_of(lot: Lot, plate: str = CAR) -> str:
    (found,) = [row["id"] for row in await rows(lot.db, schema.session) if row["plate"] == plate]
    return found


async def balances(lot: Lot) -> dict[str, int]:
    """Of the ledger, whose faults are none. A coupon's account is called by its kind."""
    async with lot.db.read() as connection:
        assert (await verify(connection, COMPLEX)).faults == []
        found = await ledger_rows.balances(connection, COMPLEX)
    return {":".join(name.split(":")[:2]) if "discount" in name else name: fen for name, fen in found.items() if fen}


async def newest(lot: Lot) -> dict[str, int]:
    """What each stay costs now, by plate; the explanation of each adds up."""
    found: dict[str, int] = {}
    for row in await rows(lot.db, schema.charge):
        assert sum(line["fen"] for line in row["lines"]) == row["amount_fen"]
        found[row["plate"]] = row["amount_fen"]
    return found


async def coupon(lot: Lot) -> tuple[str | None, str]:
    """Whose the only coupon is, and its state."""
    async with lot.db.read() as connection:
        table = schema.coupon
        columns = (table.c.session, table.c.given_at, table.c.undone_at, schema.charge_session.c.exited_at)
        (row,) = (await connection.execute(coupon_rows.with_stay(select(*columns)))).all()
    return row.session, coupon_rows.state_of(row)


async def asked_at_the_barrier(lot: Lot, minute: float) -> int | None:
    """By the document that the gateway is sent, and what it saw itself."""
    async with lot.db.write(COMPLEX) as connection:
        await coupons.publish(connection, COMPLEX, "x", at(minute))
        version = (await desired_rows.newest_of(connection, [COMPLEX]))[COMPLEX]["coupons"]
        body = read_body("coupons", (await desired_rows.document(connection, COMPLEX, "coupons", version)).body)
    assert isinstance(body, Coupons)
    entry = passage_of(CAME, id_of(CAME))
    assert entry is not None
    known = Known(Register(coupons=body), Stays([entry]), LOT)
    return decide(OUT, Read(plate=CAR, at=at(minute), color="blue"), known).fee_fen


async def quoted(lot: Lot, stay: str, minute: float) -> int:
    async with lot.db.read() as connection:
        found = await quote(connection, COMPLEX, stay, LOT, at(minute))
    assert found is not None and sum(line.fen for line in found.lines) == found.fee_fen
    return found.fee_fen


async def test_the_price_is_the_same_everywhere_and_the_discount_stands_in_the_ledger(lot: Lot) -> None:
    shop = await allotted(lot)
    await lot.tell(CAME)
    stay = await stay_of(lot)
    assert await given(lot, shop, stay, 30) and not await given(lot, shop, stay, 31), "a second tap is the same coupon"
    assert await asked_at_the_barrier(lot, 150) == await quoted(lot, stay, 150) == PRICE - OFF
    await lot.tell(LEFT)  # misread: nobody's exit so far
    assert await newest(lot) == {} and await coupon(lot) == (stay, "given")
    right = said(LEFT, "plate", 600, plate=CAR)
    await heard(lot, right)
    before = await newest(lot)
    assert before == {CAR: PRICE - OFF} and await coupon(lot) == (stay, "used")
    assert await balances(lot) == {**ACCOUNTS, "discount:merchant": OFF}
    await lot.tell(CAME, LEFT)  # told twice: a coupon is used once
    await lot.told_again()
    await lot.tell(CAME, LEFT)
    assert (await newest(lot), await balances(lot)) == (before, {**ACCOUNTS, "discount:merchant": OFF})
    await heard(lot, said(LEFT, "undo", 601, undoes=right.id))
    assert await coupon(lot) == (stay, "given") and await balances(lot) == {}, "what was charged was taken back, all"


async def test_a_coupon_follows_the_passage_its_stay_began_with(lot: Lot) -> None:
    home = await allotted(lot, "full", 0, home="501")
    await lot.tell(CAME, read(3, CAR, "in", 40))  # read twice at the entrance: a stay of its own so far
    (first, second) = sorted(await rows(lot.db, schema.session), key=lambda row: row["begun_at"])
    assert await given(lot, home, second["id"], 50)
    again = read(3, CAR, "in", 40)
    await heard(lot, said(again, "part", 600))
    assert await coupon(lot) == (first["id"], "given"), "a part of the first stay, and so its coupon is"
    await heard(lot, said(CAME, "plate", 601, plate="粤B8K6Q9"))
    await heard(lot, said(again, "plate", 602, plate="粤B8K6Q9"))
    await lot.tell(read(4, "粤B8K6Q9", "out", 150))
    assert await newest(lot) == {"粤B8K6Q9": 0} and await coupon(lot) == (first["id"], "used")
    assert await balances(lot) == {"income:parking:temporary": -PRICE, "discount:coupon": PRICE}
    await heard(lot, said(again, "void", 603))
    assert await coupon(lot) == (None, "returned"), "no car passed there"
    assert await newest(lot) == {"粤B8K6Q9": PRICE}
    assert await balances(lot) == {"receivable:sessions": PRICE, "income:parking:temporary": -PRICE}


async def _nowhere(*_: object) -> None:
    """A book that lets no coupon follow."""


@pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])
async def test_the_test_sees_a_book_whose_coupons_follow_nothing(lot: Lot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coupon_rows, "follow", _nowhere)
    with pytest.raises(AssertionError, match="a part of the first stay"):
        await test_a_coupon_follows_the_passage_its_stay_began_with(lot)


@pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])
async def test_what_arrives_late_gives_the_same(lot: Lot) -> None:
    """The exit was before the coupon was given: it is not used, and counts against no allotment."""
    shop = await allotted(lot, "fen", 150)
    await lot.tell(CAME)
    stay = await stay_of(lot)
    await given(lot, shop, stay, 100)
    await lot.tell(read(2, CAR, "out", 60))
    assert await newest(lot) == {CAR: 200} and await coupon(lot) == (stay, "returned")
    await lot.tell(read(5, CAR, "in", -70))  # and it had come earlier, of which the gateway tells now
    assert await newest(lot) == {CAR: 200}, "the later entry ended that stay"
    async with lot.db.read() as connection:
        of = await coupon_rows.allotments(connection, COMPLEX)
        used = await coupon_rows.used(connection, of, NOON.date(), ZoneInfo("Asia/Shanghai"))
    assert used[shop].month == 0


async def refused(lot: Lot, allotment: str, stay: str, minute: float, identity: str) -> str:
    with pytest.raises(NotDone) as error:
        await given(lot, allotment, stay, minute, identity)
    return str(error.value)


@pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])
async def test_what_is_allotted_bounds_what_is_given(lot: Lot) -> None:
    shop, other = await allotted(lot), await allotted(lot, "full", 0, name="药店")
    cars = [f"粤B1111{number}" for number in range(4)]
    await lot.tell(*(read(10 + number, car, "in", number) for number, car in enumerate(cars)))
    stays = [await stay_of(lot, car) for car in cars]
    await given(lot, shop, stays[0], 20, "a")
    assert await refused(lot, shop, stays[0], 21, "b") == "given"
    assert await refused(lot, shop, "no such", 21, "b") == "not_inside"
    assert await refused(lot, other, stays[1], 21, "a") == "not_open", "another's coupon under the same key"
    await given(lot, shop, stays[1], 22, "c")
    assert await refused(lot, shop, stays[2], 23, "d") == "used_up", "two a day"
    async with lot.db.write(COMPLEX) as connection:
        (issuer, *_) = [row["issuer"] for row in await rows(lot.db, schema.coupon)]
        with pytest.raises(NotDone, match="too_late"):
            await take_back(connection, COMPLEX, "c", "超市", "", at(33), issuer)
        await take_back(connection, COMPLEX, "c", "超市", "", at(30), issuer)
        paid = {"complex": COMPLEX, "out_trade_no": "P1", "channel": "wechat", "kind": "session", "session": stays[0]}
        paid |= {"amount_fen": 200, "status": "pending", "asked_at": "2026-03-01T00:00:00.000Z"}
        await connection.execute(schema.payment.insert().values(**paid))
    await given(lot, shop, stays[2], 34, "e")  # what was taken back is had again
    async with lot.db.write(COMPLEX) as connection:
        with pytest.raises(NotDone, match="paid"):
            await take_back(connection, COMPLEX, "a", "wang", "x", at(35))
    assert await refused(lot, other, stays[0], 36, "f") == "paid"
    assert await given(lot, shop, stays[3], 24 * 60, "g"), "tomorrow"


async def test_a_month_is_billed_once_and_what_is_corrected_later_goes_on_the_next(lot: Lot) -> None:
    shop = await allotted(lot)
    await lot.tell(CAME)
    await given(lot, shop, await stay_of(lot), 30)
    out = read(2, CAR, "out", 150)
    await lot.tell(out)
    async with lot.db.write(COMPLEX) as connection:
        (issuer,) = (await connection.execute(select(schema.coupon_issuer.c.id))).scalars()
        args = (connection, COMPLEX, issuer)
        with pytest.raises(NotDone, match="month_not_over"):
            await merchant_bills.bill(*args, "2026-03", "wang", at(1_440))
        april = at(40 * 1_440)
        assert await merchant_bills.bill(*args, "2026-03", "wang", april) == OFF
        with pytest.raises(NotDone, match="billed"):
            await merchant_bills.bill(*args, "2026-03", "wang", april)
    assert await balances(lot) == {**ACCOUNTS, "receivable:merchant": OFF}
    await heard(lot, said(out, "void", 600))
    async with lot.db.write(COMPLEX) as connection:
        assert await merchant_bills.owed_fen(connection, COMPLEX, issuer, at(70 * 1_440).date()) == -OFF
        with pytest.raises(NotDone, match="nothing_due"):
            await merchant_bills.bill(connection, COMPLEX, issuer, "2026-04", "wang", at(70 * 1_440))


async def test_the_gateways_hear_when_a_plate_is_corrected(lot: Lot) -> None:
    shop = await allotted(lot)
    await lot.tell(CAME)
    await given(lot, shop, await stay_of(lot), 30)
    assert await coupons.tell(lot.db, at(31)) == 1 and await coupons.tell(lot.db, at(32)) == 0
    await heard(lot, said(CAME, "plate", 600, plate="粤B8K6Q9"))
    assert await coupons.tell(lot.db, at(33)) == 1
    async with lot.db.read() as connection:
        assert [one["plate"] for one in await coupons.entries(connection, COMPLEX)] == ["粤B8K6Q9"]
    await lot.tell(read(2, "粤B8K6Q9", "out", 150))
    assert await coupons.tell(lot.db, at(160)) == 0, "who left may stay in it for a day"
    assert await coupons.tell(lot.db, at(3_000)) == 1

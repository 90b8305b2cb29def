"""Coupons as people use them: the desk allots, a shop gives by its page without an account, a month is paid."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from domain.ledger import Journal, Line
from domain.tariff import LotTariff
from server.books.catching_up import catch_up
from server.books.ledger import post
from server.books.ledger_check import verify
from server.books.lots import Lots
from server.store import desired_rows, schema
from server.store.engine import stamp
from server.store.visitor_rows import digest_of_token
from tests.server import money, rows
from tests.server.engines import Engine
from tests.server.people import City, Visitor, city

DESK, GARDEN = "/parking/coupons", "/parking/coupons/garden"
CAR, STAY, MASKED = "沪C88888", "5e2", "沪C***88"
TOKEN = "a-token-of-a-visitor-link"  # pragma: allowlist secret


async def _lot(*_: object) -> LotTariff:
    return LotTariff(money.TARIFF, "small")


@pytest.fixture
async def town(tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[City]:
    """The car came half an hour off the full one, so that no fee changes while a test runs."""
    monkeypatch.setattr(Lots, "one", _lot)
    async with city(tmp_path, engine) as made:
        came = stamp(rows.ago(hours=2.5))
        async with made.house.db.write() as connection:
            here = schema.session.update().where(schema.session.c.id == STAY)
            await connection.execute(here.values(entered_at=came, begun_at=came))
        yield made


def value(page: str, name: str) -> str:
    found = re.findall(rf'name="{name}" value="([^"]+)"', page)
    assert found, name
    return found[0]


async def a_shop(clerk: Visitor) -> tuple[str, str]:
    """A shop that may give two coupons of an hour a day; its id, and the address of its page."""
    await clerk.submit(f"{GARDEN}/issuer", name="超市")
    issuer = value(await clerk.page(DESK), "issuer")
    terms = {"name": "一小时", "kind": "minutes", "amount": "60", "per_month": "30", "per_day": "2"}
    answer = await clerk.submit(f"{GARDEN}/allot", issuer=issuer, **{**terms, "amount": "0"})
    assert answer.headers["location"].endswith("bad_amount")
    await clerk.submit(f"{GARDEN}/allot", issuer=issuer, **terms)
    return issuer, await page_of(clerk, issuer)


async def page_of(clerk: Visitor, issuer: str) -> str:
    shown = await clerk.submit(f"{GARDEN}/page", issuer=issuer)
    found = re.search(r"/coupons/[\w-]{20,}", shown.text)
    assert found and "<svg" in shown.text
    return found[0]


async def given(shop: Visitor, at: str, request: str) -> str:
    """Give the car a coupon, as its form is; how that was answered."""
    page = (await shop.client.post(at, data={"plate": "C88888"})).text
    said = {"session": value(page, "session"), "request": request}
    option = re.search(r'<option value="(\w+)">一小时', page)
    assert option and MASKED in page and CAR not in page
    answer = await shop.client.post(f"{at}/give", data={**said, "allotment": option[1]})
    assert answer.status_code == 303
    return answer.headers["location"]


async def fee(town: City) -> int:
    looked = await town.house.desk.look("garden", STAY)
    assert looked is not None and sum(line.fen for line in looked[1].lines) == looked[1].fee_fen
    return looked[1].fee_fen


async def told(town: City) -> list[str]:
    """The plates that the newest document for gateways has coupons of."""
    async with town.house.db.read() as connection:
        newest = (await desired_rows.newest_of(connection, ["garden"]))["garden"]["coupons"]
        return [
            one["plate"]
            for one in (await desired_rows.document(connection, "garden", "coupons", newest)).body["coupons"]
        ]


async def audited(town: City) -> list[str]:
    async with town.house.db.read() as connection:
        query = select(schema.audit.c.action).order_by(schema.audit.c.number)
        found = (await connection.execute(query)).scalars()
        return [one for one in found if one.partition(".")[0] in ("coupon", "merchant")]


async def test_a_shop_gives_coupons_without_an_account(town: City) -> None:
    clerk, shop = await town.visitor("sun"), await town.visitor()
    unverified = await town.visitor("sun", is_verified=False)
    assert "second-factor" in (await unverified.submit(f"{GARDEN}/issuer", name="x")).headers["location"]
    issuer, at = await a_shop(clerk)
    whole = await fee(town)
    empty = await shop.get(at)
    assert "还可发 2 张" in empty.text and "<style" not in empty.text and "script-src 'self'" in str(empty.headers)
    assert (await shop.client.post(at, data={"plate": "C8"})).headers["location"].endswith("few_signs")
    assert (await shop.client.post(at, data={"plate": "粤Z99999"})).headers["location"].endswith("no_car")
    assert await given(shop, at, "tap1") == at and await given(shop, at, "tap1") == at, "a second tap is the same"
    assert (await given(shop, at, "tap2")).endswith("refused=given")
    page = await shop.page(at)
    assert "还可发 1 张" in page and MASKED in page and CAR not in page
    assert await fee(town) == whole - 300 and await told(town) == [CAR]
    await clerk.submit("/parking/desk/garden/open", float="0", lane="")
    assert "优惠 一小时：减 60 分钟" in await clerk.page(f"/parking/desk?complex=garden&session={STAY}")
    await shop.client.post(f"{at}/undo", data={"coupon": value(page, "coupon")})
    assert (await fee(town), await told(town)) == (whole, []) and "还可发 2 张" in await shop.page(at)
    await given(shop, at, "tap3")
    assert (await clerk.submit(f"{GARDEN}/revoke", coupon="tap3")).headers["location"].endswith("no_reason")
    await clerk.submit(f"{GARDEN}/revoke", coupon="tap3", reason="发错车")
    assert (await fee(town), await told(town)) == (whole, []) and "发错车" in await clerk.page(DESK)
    fresh = await page_of(clerk, issuer)
    assert (await shop.get(at)).status_code == 410 and (await shop.client.post(f"{at}/give")).status_code == 404
    await clerk.submit(f"{GARDEN}/end-issuer", issuer=issuer, reason="撤店")
    assert (await shop.get(fresh)).status_code == 410 and "撤店" in await clerk.page(DESK)
    said = ["coupon.issuer_added", "coupon.allotted", "coupon.page_made", "coupon.given", "coupon.undone"]
    said += ["coupon.given", "coupon.revoked", "coupon.page_made", "coupon.issuer_ended"]
    assert await audited(town) == said


async def test_a_household_gives_its_visitors_coupons_by_its_link(town: City) -> None:
    async with town.house.db.write() as connection:
        await rows.add_household(connection, rows.now())
        await connection.execute(schema.visitor_link.update().values(digest=digest_of_token(TOKEN)))
    clerk, guest = await town.visitor("sun"), await town.visitor()
    assert "/coupons" not in await guest.page(f"/visit/{TOKEN}")
    assert (await clerk.submit(f"{GARDEN}/issuer", home="9-9-999")).headers["location"].endswith("no_household")
    await clerk.submit(f"{GARDEN}/issuer", home="3-1-501")
    issuer, whole = value(await clerk.page(DESK), "issuer"), await fee(town)
    terms = {"name": "一小时", "kind": "percent", "amount": "50", "per_month": "4"}
    await clerk.submit(f"{GARDEN}/allot", issuer=issuer, **terms)
    assert (await clerk.submit(f"{GARDEN}/page", issuer=issuer)).headers["location"].endswith("has_link")
    assert f"/visit/{TOKEN}/coupons" in await guest.page(f"/visit/{TOKEN}")
    at = f"/visit/{TOKEN}/coupons"
    assert await given(guest, at, "home1") == at and await fee(town) == whole // 2
    assert "小区" in await clerk.page(DESK)


async def _used_last_month(town: City, issuer: str, fen: int) -> str:
    """As a charge of last month booked it; the month."""
    day = rows.now().date().replace(day=1) - timedelta(days=1)
    sums = {"receivable:sessions": 100, f"discount:merchant:{issuer}": fen, "income:parking:temporary": -100 - fen}
    lines = tuple(Line(account, moved) for account, moved in sums.items())
    said: dict[str, Any] = {"source": "charge", "kind": "priced", "source_id": "s9/0", "memo": ""}
    entry = Journal(**said, occurred_at=rows.now(), business_day=day, lines=lines)
    async with town.house.db.write("garden") as connection:
        await post(connection, "garden", [entry], rows.now())
        stay = rows.charge_row("s9", "京A99999", 100, exited_at=rows.now() - timedelta(days=33))
        await rows.insert(connection, schema.charge, stay | {"discount_change_fen": fen, "journal": 1})
    return f"{day:%Y-%m}"


async def test_a_shop_is_billed_for_a_month_and_pays_at_the_desk(town: City) -> None:
    clerk = await town.visitor("sun")
    issuer, _ = await a_shop(clerk)
    await catch_up(town.house.db, rows.now())
    month = await _used_last_month(town, issuer, 700)
    assert f"出 {month} 的账" in await clerk.page(f"{DESK}?month={month}")
    await clerk.submit(f"{GARDEN}/bill", issuer=issuer, month=month)
    assert (await clerk.submit(f"{GARDEN}/bill", issuer=issuer, month=month)).headers["location"].endswith("billed")
    answer = await clerk.submit(f"{GARDEN}/settle", issuer=issuer, bill=month, request="b1")
    assert answer.headers["location"].endswith("no_shift")
    await clerk.submit("/parking/desk/garden/open", float="0", lane="")
    for _ in range(2):  # a second tap is the same payment
        await clerk.submit(f"{GARDEN}/settle", issuer=issuer, bill=month, request="b1")
    answer = await clerk.submit(f"{GARDEN}/settle", issuer=issuer, bill=month, request="b2")
    assert answer.headers["location"].endswith("settled")
    page = await clerk.page(f"{DESK}?month={month}")
    assert "¥7.00" in page and "收据 1" in page and "¥7.00" in await clerk.page("/parking/desk/garden/receipts/1")
    async with town.house.db.read() as connection:
        assert (await verify(connection, "garden")).faults == []
    sheet = await clerk.client.get(f"{GARDEN}/coupons.xlsx?month={month}")
    assert [cell.value for cell in load_workbook(io.BytesIO(sheet.content)).worksheets[0][2]][:2] == ["超市", "商户"]
    assert (await audited(town))[-2:] == ["merchant.billed", "merchant.settled"]

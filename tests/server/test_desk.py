"""The cash desk, debts and the ledger as people use them: a day of a clerk, another who signs, what pages show."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from domain.tariff import LotTariff
from server.books.catching_up import catch_up
from server.books.debts import sweep
from server.books.desk import NOTES_FEN
from server.books.ledger_check import verify
from server.books.lots import Lots
from server.store import ledger_rows, schema
from tests.server import money, rows
from tests.server.engines import Engine
from tests.server.people import City, Visitor, city

DESK, GARDEN = "/parking/desk", "/parking/desk/garden"
LANES = {"lanes": [{"id": "east-out", "direction": "out", "readers": [], "barrier": {"device": "v:1"}}]}


async def _lot(*_: object) -> LotTariff:
    return LotTariff(money.TARIFF, "small")


@pytest.fixture
async def town(tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[City]:
    monkeypatch.setattr(Lots, "one", _lot)
    async with city(tmp_path, engine) as made:
        yield made


async def balances(town: City) -> dict[str, int]:
    async with town.house.db.read() as connection:
        return {one: fen for one, fen in (await ledger_rows.balances(connection, "garden")).items() if fen}


async def audited(town: City) -> list[str]:
    async with town.house.db.read() as connection:
        query = select(schema.audit.c.action).order_by(schema.audit.c.number)
        return [
            one
            for one in (await connection.execute(query)).scalars()
            if one.partition(".")[0] in ("cash", "shift", "debt")
        ]


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return found[1]


async def take(visitor: Visitor, session: str) -> str:
    """Take what is shown for a session; where that led."""
    page = await visitor.page(f"{DESK}?complex=garden&session={session}")
    fields = {name: hidden(page, name) for name in ("session", "quoted_at", "request", "yuan")}
    for _ in range(2):  # a second tap is the same payment
        answer = await visitor.submit(f"{GARDEN}/take", **fields)
    return answer.headers["location"]


async def test_a_day_at_the_desk(town: City) -> None:
    async with town.house.db.write() as connection:
        stay = rows.session_row("5f0", "粤B8K6Q2", "inside", entered_at=rows.ago(hours=2, minutes=1))
        await rows.insert(connection, schema.session, stay)
    clerk, other = await town.visitor("sun"), await town.visitor("wang")
    assert "开班" in await clerk.page(DESK)
    await clerk.submit(f"{GARDEN}/open", float="200", lane="east-out")
    assert "车位" not in await clerk.page(f"{DESK}?complex=garden&plate=B8K")
    assert "粤B***Q2" in await clerk.page(f"{DESK}?complex=garden&plate=B8K")
    assert "¥9.00" in await clerk.page(f"{DESK}?complex=garden&session=5f0")
    bad = {"session": "5f0", "quoted_at": "2026-11-20T00:00:00", "request": "b1", "yuan": "1"}
    assert (await clerk.submit(f"{GARDEN}/take", **bad)).headers["location"].endswith("changed")
    assert await take(clerk, "5f0") == f"{GARDEN}/receipts/1"
    receipt = await clerk.page(f"{GARDEN}/receipts/1?paper=58")
    assert "粤B***Q2" in receipt and "¥9.00" in receipt and "粤B8K6Q2" not in receipt and "paper-58" in receipt
    code = await _checked_by_anyone(town, receipt)
    async with town.house.db.read() as connection:
        orders = (await connection.execute(select(schema.gateway_order))).mappings().all()
    assert [(one["name"], one["device"], one["args"]["fen"]) for one in orders] == [("lane.paid", "lane:east-out", 900)]
    answer = await clerk.submit(f"{GARDEN}/undo", payment="CASH-nothing", reason="x")
    assert answer.headers["location"].endswith("refused=other_shift")
    number = hidden(await clerk.page(f"{DESK}?complex=garden"), "payment")
    gone_back = {"session": "9e9", "quoted_at": "", "request": number.removeprefix("CASH-"), "yuan": "12.50"}
    answer = await clerk.submit(f"{GARDEN}/take", **gone_back)
    assert answer.headers["location"].endswith("changed"), "the number of that page is another payment's"
    await clerk.submit(f"{GARDEN}/undo", payment=number, reason="重复收款")
    assert (await clerk.submit(f"{GARDEN}/undo", payment=number, reason="x")).headers["location"].endswith("given_back")
    assert "已退" in await (await town.visitor()).page(f"/receipt/{code}"), "it stands as it is now"
    assert await take(clerk, "5f0") == f"{GARDEN}/receipts/2", "numbered without a gap"
    await _sheets(town, clerk)
    await clerk.submit(f"{GARDEN}/payout", yuan="3.50", reason="买灯泡", request="p1")
    shift = hidden_shift(await clerk.page(f"{DESK}?complex=garden"))
    counts = {f"n{worth}": "0" for worth in NOTES_FEN} | {"n10000": "2", "n500": "1"}
    assert (await clerk.submit(f"{GARDEN}/close", **counts)).headers["location"].endswith("no_reason")
    for said in ("-2", "two"):
        answer = await clerk.submit(f"{GARDEN}/close", **{**counts, "n10000": said}, note="x")
        assert answer.headers["location"].endswith("bad_sum")
    await clerk.submit(f"{GARDEN}/close", **counts, note="少五角")
    path = f"{GARDEN}/shifts/{shift}"
    assert (await clerk.submit(f"{path}/sign")).headers["location"].endswith("same_person")
    await other.submit(f"{path}/sign")
    await other.submit(f"{path}/deposit", yuan="5", document="D-17")
    page = await other.page(f"{DESK}/shifts?complex=garden")
    assert "−¥0.50" in page and "wang" in page
    expected = {"receivable:sessions": -900, "expense:petty": 350, "suspense:short": 50, "bank": 500}
    assert await balances(town) == expected
    said = ["shift.opened", "cash.taken", "cash.given_back", "cash.taken", "cash.paid_out"]
    assert await audited(town) == [*said, "shift.closed", "shift.signed", "cash.deposited"]


async def _checked_by_anyone(town: City, receipt: str) -> str:
    """Who has the paper looks it up by its code, and learns what stands on it; by no other."""
    found = re.search(r"/receipt/([\w-]{16})", receipt)
    assert found and "<svg" in receipt
    stranger = await town.visitor()
    page = await stranger.page(f"/receipt/{found[1]}")
    assert "粤B***Q2" in page and "¥9.00" in page and "garden-1" in page
    assert "粤B8K6Q2" not in page and "sun" not in page and "已退" not in page
    for wrong in ("1", found[1][:-1], found[1].swapcase()):
        answer = await stranger.get(f"/receipt/{wrong}")
        assert answer.status_code == 404 and "没有这张收据" in answer.text
    return found[1]


async def _sheets(town: City, clerk: Visitor) -> None:
    """Each table of money as a workbook: plates masked; whole for a reason, which the audit keeps."""
    for name in ("payments", "refunds", "debts", "shifts", "passes", "charging"):
        answer = await clerk.get(f"/parking/sheets/{name}.xlsx?complex=garden&what=all")
        assert answer.status_code == 200 and load_workbook(io.BytesIO(answer.content)).active, name
    path = "/parking/sheets/payments.xlsx?complex=garden&status=paid"
    assert _plates(await clerk.get(path)) == {"粤B***Q2"}
    assert (await clerk.submit(path)).status_code == 422, "no reason"
    assert _plates(await clerk.submit(path, reason="payment")) == {"粤B8K6Q2"}
    assert (await (await town.visitor("chen")).submit(path, reason="payment")).status_code == 403
    async with town.house.db.read() as connection:
        query = select(schema.audit.c.reason).where(schema.audit.c.action == "sheet.revealed")
        assert list((await connection.execute(query)).scalars()) == ["payment"]


def _plates(answer: httpx.Response) -> set[object]:
    book = load_workbook(io.BytesIO(answer.content)).active
    assert book is not None
    return {row[1].value for row in list(book.iter_rows())[1:]}


def hidden_shift(page: str) -> str:
    found = re.search(r"<b>(\d{8}-\d+)</b>", page)
    assert found
    return found[1]


async def test_a_debt_is_asked_for_let_off_in_part_and_paid(town: City) -> None:
    clerk, other = await town.visitor("sun"), await town.visitor("wang")
    await catch_up(town.house.db, rows.now())
    await clerk.submit(f"{GARDEN}/open", float="0", lane="")
    async with town.house.db.write() as connection:  # somebody could pay before these cars left
        opened = schema.cash_shift.update().values(opened_at="2026-01-01T00:00:00.000Z")
        await connection.execute(opened)
    assert await sweep(town.house.db, rows.now() + timedelta(minutes=20)) == 2
    page = await clerk.page("/parking/debts?complex=garden")
    assert "¥18.50" in page and "京B***01" in page and "京B00001" not in page
    debt = "/parking/debts/garden/9e9"
    assert "¥12.50" in await clerk.page(f"{debt}/notice")
    for _ in range(2):  # a second tap
        assert (await clerk.submit(f"{debt}/remind", way="paper", request="m1")).status_code == 303
    await clerk.submit(f"{debt}/propose", kind="waive", yuan="2.50", reason="闸机故障", request="w1")
    assert (await clerk.submit(f"{debt}/approve")).headers["location"].endswith("same_person")
    unverified = await town.visitor("wang", is_verified=False)
    assert (await unverified.submit(f"{debt}/approve")).status_code == 303, "the second factor is asked for first"
    assert "discount:waived" not in await balances(town)
    await other.submit(f"{debt}/approve")
    page = await clerk.page("/parking/debts?complex=garden")
    assert "¥10.00" in page and "1 次" in page
    again = await clerk.submit(f"{debt}/propose", kind="waive", yuan="2.50", reason="闸机故障", request="w1")
    assert again.headers["location"].endswith("proposed"), "a page that was gone back to proposes nothing more"
    await take(clerk, "5e1")
    found = await balances(town)
    assert (found["debt:unpaid_exit"], found["discount:waived"]) == (1000, 250)
    async with town.house.db.read() as connection:
        assert (await verify(connection, "garden")).faults == []
    said = ["shift.opened", "debt.reminded", "debt.proposed", "debt.let_off", "cash.taken"]
    assert await audited(town) == said


async def test_the_ledger_leads_to_its_sources(town: City) -> None:
    await catch_up(town.house.db, rows.now())
    visitor = await town.visitor("chen")
    page = await visitor.page("/parking/ledger?complex=garden")
    assert "¥18.50" in page and "临时停车" in page
    account = await visitor.page("/parking/ledger/garden/receivable:sessions")
    assert "/parking/sessions/garden/9e9" in account and "更正" in account
    answer = await visitor.get("/parking/ledger/garden/balances.xlsx")
    sheet = load_workbook(io.BytesIO(answer.content)).worksheets[0]
    assert ["receivable:sessions", "资产", 0, 18.5, 18.5] in [list(row)[:5] for row in sheet.values]
    zhao = await town.visitor("huang")
    assert (await zhao.get("/parking/ledger/nowhere/bank")).status_code == 404

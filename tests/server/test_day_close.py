"""A day closed on the pages: bills given, reconciled, items closed by one person and the day signed by another."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from domain.ledger import Journal, Line
from server.books.ledger import post
from server.store import ledger_rows, schema, upload_rows
from tests.server.bill_store import FILES, fill_day
from tests.server.engines import SQLITE, Engine
from tests.server.people import City, Visitor, city

DAY, BILLS = "/parking/days/garden/2026-11-20", "/parking/bills/garden/2026-11-20"
ON = date(2026, 11, 20)


ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])  # what is no matter of the engine


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        async with made.house.db.write("garden") as connection:
            await fill_day(connection)
        yield made


async def give(visitor: Visitor, *files: tuple[str, bytes]) -> httpx.Response:
    sent = [("file", (name, content, "application/octet-stream")) for name, content in files]
    return await visitor.client.post(BILLS, files=sent, data={"csrf": visitor.csrf}, headers={"Accept": "text/html"})


async def send(visitor: Visitor, path: str, **form: str) -> httpx.Response:
    return await visitor.client.post(path, data={"csrf": visitor.csrf, **form}, headers={"Accept": "text/html"})


async def rows(town: City, table: Any) -> list[dict[str, Any]]:
    async with town.house.db.read() as connection:
        return [dict(row) for row in (await connection.execute(select(table))).mappings()]


FIXTURE = [(path.name, path.read_bytes()) for path in FILES]


async def test_a_day_from_its_bills_to_its_lock(town: City) -> None:
    sun, chen = await town.visitor("sun"), await town.visitor("chen")
    await _bad_files_leave_nothing(town, sun)
    answer = await give(sun, *FIXTURE)
    assert answer.status_code == 200
    assert answer.text.count("已收下</b>") + answer.text.count(": 已收下") >= 4
    before = await rows(town, schema.bill_upload)
    assert "早已收下" in (await give(sun, *FIXTURE[::-1])).text
    assert await rows(town, schema.bill_upload) == before, "twice, in another order, is once"
    await _taken_back_and_again(town, sun)

    assert (await send(sun, f"{DAY}/reconcile")).status_code == 303
    page = (await sun.client.get(DAY)).text
    assert "14 笔未平" in page
    assert page.count('class="closed-item"') == 0
    assert (await send(sun, f"{DAY}/reconcile")).status_code == 303
    assert len(await rows(town, schema.bill_report)) == 1, "the same again is no new version"

    await _acts(town, sun)
    assert "数据有变化" in (await send(chen, f"{DAY}/sign")).text, "a payment is paid now: it must be seen first"
    assert (await send(sun, f"{DAY}/reconcile")).status_code == 303
    assert "您做了这份对账" in (await send(sun, f"{DAY}/sign")).text
    wang = await town.visitor("wang")
    item = {"channel": "alipay", "key": "AL2611200003", "act": "noted", "how": "已联系车主", "document": "20"}
    assert (await send(wang, f"{DAY}/item/resolve", **item)).status_code == 303
    assert "您了结过" in (await send(wang, f"{DAY}/sign")).text
    assert await rows(town, schema.ledger_day) == [], "who made it and who resolved something does not sign"
    assert (await send(chen, f"{DAY}/sign")).status_code == 303
    (lock,) = await rows(town, schema.ledger_day)
    assert (lock["day"], lock["locked_by"]) == ("2026-11-20", "chen")
    assert "已锁账" in (await chen.client.get(DAY)).text
    assert all(row["body"] is None for row in await rows(town, schema.bill_upload)), "bytes go when the day is signed"
    await _later(town, lock, chen)


async def _bad_files_leave_nothing(town: City, sun: Visitor) -> None:
    name, good = next((name, body) for name, body in FIXTURE if name.startswith("wechat_trade"))
    for bad, said in (
        (good[:-40], "download it anew"),
        (good.replace(b"5.00", b"6.00", 1), ""),
        (b"hello\n", "neither a bill"),
    ):
        answer = await give(sun, (name, bad))
        assert "没有收下" in answer.text
        assert said in answer.text
    other = await sun.client.post(
        BILLS.replace("-20", "-21"), files=[("file", (name, good, "text/csv"))], data={"csrf": sun.csrf}
    )
    assert "it is of 2026-11-20" in other.text
    assert await rows(town, schema.bill_upload) == []


async def _taken_back_and_again(town: City, sun: Visitor) -> None:
    (one, *_) = await rows(town, schema.bill_upload)
    assert (await send(sun, f"{BILLS}/back", sha256=one["sha256"])).status_code == 303
    async with town.house.db.read() as connection:
        assert len(await upload_rows.of_day(connection, "garden", "2026-11-20")) == len(FIXTURE) - 1
    assert (await send(sun, f"{BILLS}/back", sha256=one["sha256"], again="1")).status_code == 303


async def _acts(town: City, sun: Visitor) -> None:
    """A lost callback is marked as paid, and money that is nobody's goes to suspense, back, and there again."""
    item = {"channel": "wechat", "key": "PK2611200006", "act": "to_suspense", "how": "找不到停车记录", "document": "17"}
    assert "请写明怎样了结" in (await send(sun, f"{DAY}/item/resolve", **{**item, "document": " "})).text
    for _ in range(2):
        assert (await send(sun, f"{DAY}/item/resolve", **item)).status_code == 303
        assert "已经被别人处理过" in (await send(sun, f"{DAY}/item/resolve", **item)).text
        assert await balance(town, "suspense:long") == -400
        if _ == 0:
            assert (await send(sun, f"{DAY}/item/undo", channel="wechat", key="PK2611200006")).status_code == 303
            assert await balance(town, "suspense:long") == 0
    lost = {"channel": "wechat", "key": "PK2611200004", "act": "mark_paid", "how": "查询已付", "document": "18"}
    page = (await sun.client.get(f"{DAY}/item?channel=wechat&key=PK2611200004")).text
    assert "账单第" in page
    assert "mark_paid" in page
    assert (await send(sun, f"{DAY}/item/resolve", **lost)).status_code == 303
    paid = next(row for row in await rows(town, schema.payment) if row["out_trade_no"] == "PK2611200004")
    assert paid["status"] == "paid"
    assert paid["paid_at"].startswith("2026-11-20T")
    assert "不能撤销" in (await send(sun, f"{DAY}/item/undo", channel="wechat", key="PK2611200004")).text
    twice = {"channel": "wechat", "key": "PK2611200010", "act": "propose_refund", "how": "重复支付", "document": "19"}
    assert (await send(sun, f"{DAY}/item/resolve", **twice)).status_code == 303
    proposed = [row for row in await rows(town, schema.refund) if row["status"] == "proposed"]
    assert [(row["amount_fen"], row["proposed_by"]) for row in proposed] == [(700, "sun")]
    unknown = {"channel": "alipay", "key": "AL2611200003", "act": "propose_refund", "how": "x", "document": "21"}
    held = await rows(town, schema.refund)
    assert "没有可退的收款" in (await send(sun, f"{DAY}/item/resolve", **unknown)).text
    assert await rows(town, schema.refund) == held, "nothing waits for a provider that would never be asked"


async def balance(town: City, account: str) -> int:
    async with town.house.db.read() as connection:
        return (await ledger_rows.balances(connection, "garden")).get(account, 0)


async def _later(town: City, lock: dict[str, Any], chen: Visitor) -> None:
    """What is booked on a locked day goes to the next; its acts stand; the month and the workbook show it."""
    assert await balance(town, "fee:channel") > 0
    assert await balance(town, "bank") == 5_000
    lines = (Line("bank", 5), Line("suspense:long", -5))
    at = datetime(2026, 11, 20, tzinfo=UTC)
    late = Journal(source="test", kind="late", source_id="1", occurred_at=at, business_day=ON, memo="", lines=lines)
    async with town.house.db.write("garden") as connection:
        (booked,) = await post(connection, "garden", [late], town.house.now())
    assert (booked.journal.business_day, booked.meant_day) == (date(2026, 11, 21), ON)
    assert booked.number > lock["number"]
    refused = await send(chen, f"{DAY}/item/undo", channel="wechat", key="PK2611200006")
    assert "不能撤销" in refused.text
    month = (await chen.client.get("/parking/days?complex=garden&month=2026-11")).text
    assert "day-signed" in month
    assert "PK2611200007" in (await chen.client.get("/parking/open")).text
    for path in (f"{DAY}/day.xlsx", "/parking/open.xlsx"):
        book = await chen.client.get(path)
        assert zipfile.ZipFile(io.BytesIO(book.content)).testzip() is None


@ON_SQLITE
async def test_money_that_came_unheard_of_is_booked_before_it_goes_back(town: City) -> None:
    """Else the refund alone stands in the ledger, and the driver owes it a second time."""
    sun = await town.visitor("sun")
    await give(sun, *FIXTURE)
    await send(sun, f"{DAY}/reconcile")
    lost = {"channel": "wechat", "key": "PK2611200004", "act": "propose_refund", "how": "车主退款", "document": "18"}
    assert (await send(sun, f"{DAY}/item/resolve", **lost)).status_code == 303
    assert await balance(town, "clearing:wechat") == 600
    (proposed,) = [row for row in await rows(town, schema.refund) if row["status"] == "proposed"]
    assert (proposed["out_trade_no"], proposed["amount_fen"]) == ("PK2611200004", 600)


async def test_a_month_has_what_charging_brings_and_a_changed_bill_makes_a_version(town: City) -> None:
    """Cars by their meters at the complex's prices, sheds by their sheet; booked once, and what changed as a change."""
    sun, chen = await town.visitor("sun"), await town.visitor("chen")
    await _draw(town)
    assert (await send(sun, "/parking/charging/garden", energy="0.6523", service="0.4")).status_code == 303
    assert (await give(sun, ("shed.csv", shed("0.80")))).status_code == 200
    for _ in range(2):
        assert (await send(sun, f"{BILLS}/none", channel="wechat")).status_code == 303
        assert (await send(sun, f"{BILLS}/none", channel="alipay")).status_code == 303
        assert (await send(sun, f"{DAY}/reconcile")).status_code == 303
    assert await sums(town) == {"passthrough:ev:energy": -805, "income:ev:service": -494, "clearing:ebike": 111}
    page = (await sun.client.get("/parking/charging?complex=garden&month=2026-11")).text
    assert "12.345" in page
    assert "¥8.05" in page
    assert "没有开始记录" in page
    (first,) = await rows(town, schema.bill_report)
    assert (await send(chen, f"{DAY}/sign")).status_code == 303

    again = await give(sun, ("shed2.csv", shed("0.90")))
    assert "已收下" in again.text
    before = await rows(town, schema.bill_upload)
    gone = next(row["sha256"] for row in before if row["name"] == "shed.csv")
    assert (await send(sun, f"{BILLS}/back", sha256=gone)).status_code == 303
    assert (await send(sun, f"{DAY}/reconcile")).status_code == 303
    versions = await rows(town, schema.bill_report)
    assert [(row["version"], row["signed_by"]) for row in versions] == [(1, "chen"), (2, None)]
    assert versions[0]["hash"] == first["hash"], "what was signed stays as it was signed"
    assert (await sums(town))["clearing:ebike"] == 121
    late = [row for row in await rows(town, schema.journal) if row["meant_day"] == "2026-11-20"]
    assert [row["business_day"] for row in late] == ["2026-11-21"], "the day is locked"
    assert "第 1 版" in (await sun.client.get(f"{DAY}?version=2")).text


def shed(service: str) -> bytes:
    both = f"{float(service) + 0.31:.2f}"
    lines = ["订单号,结束时间,电费,服务费,实收金额", f"E1,2026-11-20 08:00:00,0.31,{service},{both}"]
    return "\r\n".join([*lines, f"合计,1笔,0.31,{service},{both}", ""]).encode()


async def sums(town: City) -> dict[str, int]:
    accounts = ("passthrough:ev:energy", "income:ev:service", "clearing:ebike")
    return {name: await balance(town, name) for name in accounts}


async def _draw(town: City) -> None:
    """A start, its stop twice, and a stop that nobody saw begin."""
    said = {"complex": "garden", "device": "ocpp16:a"}
    records = (
        (b"1" * 16, "connector/1", "started", "02:00", 7, 1_000),
        (b"2" * 16, "", "stopped", "03:30", 7, 13_345),
        (b"3" * 16, "", "stopped", "03:30", 7, 13_345),
        (b"4" * 16, "", "stopped", "04:00", 99, 500),
    )
    async with town.house.db.write("garden") as connection:
        for identity, point, state, at, transaction, meter in records:
            row = {"id": identity, "point": point, "state": state, "occurred_at": f"2026-11-20T{at}:00.000Z"}
            more = {"transaction": transaction, "meter_wh": meter}
            await connection.execute(schema.charging_record.insert().values(**said, **row, **more))


@ON_SQLITE
async def test_a_day_is_provisional_while_a_gateway_has_something_of_it(town: City) -> None:
    sun, chen = await town.visitor("sun"), await town.visitor("chen")
    old, end = "2026-11-01T00:00:00.000Z", "2026-11-20T16:00:00.000Z"
    async with town.house.db.write() as connection:
        silent = {"enrolled_at": old, "last_seen_at": None, "status": None}
        await connection.execute(schema.gateway.update().values(**silent))
        await connection.execute(schema.lane_watermark.delete())
    await give(sun, *FIXTURE)
    assert (await send(sun, f"{DAY}/reconcile")).status_code == 303
    assert "还没有送过记录" in (await chen.client.get(DAY)).text
    await _told(town, "2026-11-20T11:30:00.000Z")
    page = (await chen.client.get(DAY)).text
    first = min(row["id"] for row in await rows(town, schema.gateway) if row["complex"] == "garden")
    assert f"{first}：送到 11-20 19:30:00" in " ".join(page.split()).replace("2026-", "")
    assert "暂定" in (await chen.client.get("/parking/days?complex=garden&month=2026-11")).text
    assert "写明为什么不等" in (await send(chen, f"{DAY}/sign")).text
    assert "写明为什么不等" in (await send(chen, f"{DAY}/sign", why="  ")).text
    await _told(town, end)
    assert "数字是暂时的" not in (await chen.client.get(DAY)).text, "the day is whole"
    await _told(town, "2026-11-20T11:30:00.000Z")
    assert (await send(chen, f"{DAY}/sign", why="网关送修，抄表核对过")).status_code == 303
    (report,) = await rows(town, schema.bill_report)
    assert report["though"]["why"] == "网关送修，抄表核对过"
    assert report["though"]["told"][first] == "2026-11-20T11:30:00.000Z"
    assert "网关送修，抄表核对过" in (await chen.client.get(DAY)).text


async def _told(town: City, until: str) -> None:
    """Each gateway of the garden told of its lanes up to then."""
    async with town.house.db.write() as connection:
        await connection.execute(schema.lane_watermark.delete())
        for one in await rows(town, schema.gateway):
            row = {"complex": one["complex"], "gateway": one["id"], "told_until": until}
            await connection.execute(schema.lane_watermark.insert().values(**row))


@ON_SQLITE
async def test_a_bank_is_read_by_the_columns_that_a_person_names(town: City) -> None:
    sun = await town.visitor("sun")
    bank = "入账日,本行序号,来款\r\n2026-11-20,1,50.00\r\n".encode("gb18030")
    refused = await give(sun, ("bank.csv", bank))
    assert "没有收下" in refused.text
    assert "来款" in refused.text, "its first lines are shown, so that somebody can say what they are"
    named = {"which": "bank", "day": "入账日", "number": "本行序号", "income": "来款"}
    assert (await send(sun, f"{BILLS}/columns", **named)).status_code == 303
    assert "没有收下" not in (await give(sun, ("bank.csv", bank))).text
    (one,) = await rows(town, schema.bill_upload)
    assert one["told"]["sums"]["income_fen"] == 5_000

"""The page a street office reads and prints: red where a record is gone, with day, stream and number; in its scope."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.days import date_of
from server.store.schema import statement_head
from server.web.file_names import FOLDER
from tests.server.engines import Engine
from tests.server.people import City, city
from tests.server.statements import TODAY

WELL, SILENT = "gw-0a1b2c3d4e5f", "gw-ffeeddccbbaa"
PATH = f"/gateways/{WELL}/conservation"
ROW = re.compile(r'<tr class="(\w+)"><th scope="row">([\d-]+)</th>\s*<td[^>]*>([^<]+)</td>(.*?)</tr>', re.S)
NUMBER = re.compile(r'class="number">([^<]*)</td>')


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        yield made


def rows_of(page: str) -> dict[tuple[str, str], tuple[str, list[str], str]]:
    """(day, stream) -> verdict, numbers, the rest."""
    return {(day, name): (verdict, NUMBER.findall(rest), rest) for verdict, day, name, rest in ROW.findall(page)}


async def test_a_row_a_day_and_stream_with_its_numbers(town: City) -> None:
    page = await (await town.visitor("wang")).page(PATH)
    rows = rows_of(page)
    today, yesterday = str(date_of(TODAY)), str(date_of(TODAY - 1))
    assert len(rows) == 6
    assert rows[today, "日常事件"][:2] == ("open", ["2520", "2480", "40", "0", "0"])
    assert rows[yesterday, "紧急事件"][:2] == ("balanced", ["10000", "10000", "0", "0", "0"])
    verdict, numbers, rest = rows[yesterday, "收费事件"]
    assert (verdict, numbers) == ("broken", ["10000", "9998", "0", "0", "0"])
    assert "中心缺少（条） <b>2</b>" in rest
    assert "状态未变 311；看不懂 3" in page
    assert '<span class="figure bad"><b>1</b>处对不上</span>' in page


async def test_one_day_alone(town: City) -> None:
    visitor = await town.visitor("wang")
    assert len(rows_of(await visitor.page(f"{PATH}?day={date_of(TODAY - 1)}"))) == 3
    assert 'class="empty"' in await visitor.page(f"{PATH}?day=2020-01-01")
    assert len(rows_of(await visitor.page(f"{PATH}?all=1"))) == 6
    assert (await visitor.get(f"{PATH}?day=soon")).status_code == 422


async def test_the_gateways_page_is_red_and_leads_there(town: City) -> None:
    visitor = await town.visitor("wang")
    page = await visitor.page("/gateways")
    assert re.search(rf'class="number bad"><a href="{PATH}">1</a>', page)
    assert f'<a href="/gateways/{SILENT}/conservation">一致</a>' in page
    one = PATH.removesuffix("/conservation")
    assert f'<a class="chip critical" href="{PATH}">有 1 处记录对不上</a>' in await visitor.page(one)
    assert f'<a href="/gateways/{SILENT}/conservation">记录对账</a>' in await visitor.page(f"/gateways/{SILENT}")


async def test_who_may_look_and_who_may_ask(town: City) -> None:
    committee, patrol, operator = [await town.visitor(name) for name in ("chen", "li", "wang")]
    assert (await committee.get(PATH)).status_code == 200
    assert (await committee.get(f"/gateways/{SILENT}/conservation")).status_code == 404, "of another complex"
    assert (await patrol.get(PATH)).status_code == 403
    assert (await committee.submit(f"{PATH}/ask")).status_code == 403
    assert "要一份新的对账单" not in await committee.page(PATH)
    assert (await operator.submit(f"{PATH}/ask")).headers["location"] == PATH
    async with town.house.db.read() as connection:
        (head,) = (await connection.execute(statement_head.select())).mappings().all()
    assert datetime.now(UTC) - datetime.fromisoformat(head["wanted_at"]) < timedelta(minutes=1)


async def test_it_can_be_printed(town: City) -> None:
    """Ink on white: the page's navigation and forms stay on the screen."""
    style = (FOLDER / "conservation.css").read_text()
    printed = style[style.index("@media print") :]
    assert "--text: #000" in printed and ".no-print" in printed
    page = await (await town.visitor("wang")).page(PATH)
    assert '<form class="filters no-print"' in page and "制表" in page


async def test_a_clock_set_otherwise_is_said(town: City) -> None:
    async with town.house.db.write() as connection:
        await connection.execute(statement_head.update().values(zone="America/New_York"))
    page = await (await town.visitor("wang")).page(PATH)
    assert "America/New_York" in page

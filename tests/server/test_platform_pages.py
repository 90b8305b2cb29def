"""The pages of upper platforms: a basis recorded in the city's days, switches, and a statement that adds up."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from server.store import desired_rows, handover_rows, platform_rows
from server.store.engine import stamp
from server.store.platform_tables import handover
from server.web.formats import zone_of
from tests.server import rows
from tests.server.engines import SQLITE, Engine
from tests.server.people import City, city

ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])
NEW = {"id": "bureau", "name": "市局", "kind": "webhook", "address": "https://platform.example.invalid/"}
BASIS = {"unit": "市公安局", "document": "公函7", "class_door": "yes", "since": "2026-01-01", "until": "2099-12-31"}


@ON_SQLITE
async def test_a_platform_is_off_and_uncovered_until_somebody_says_otherwise(tmp_path: Path, engine: Engine) -> None:
    async with city(tmp_path, engine) as town:
        visitor = await town.visitor("wang")
        assert (await visitor.submit("/platforms", **NEW)).status_code == 303
        assert "还没有登记依据" in await visitor.page("/platforms/bureau")
        wrong = await visitor.submit("/platforms/bureau/basis", **(BASIS | {"unit": ""}))
        assert "unit" in wrong.text
        assert (await visitor.submit("/platforms/bureau/basis", **BASIS)).status_code == 303
        assert (await visitor.submit("/platforms/bureau/turn", on="1")).status_code == 303
        async with town.house.db.read() as connection:
            one = await platform_rows.find(connection, "bureau")
            (recorded,) = await platform_rows.bases(connection, "bureau")
        assert one is not None
        assert one.is_on
        assert stamp(recorded.basis.since) == "2025-12-31T16:00:00.000Z"  # midnight in Shanghai
        assert stamp(recorded.basis.until) == "2099-12-31T16:00:00.000Z"  # the last day whole
        assert not recorded.basis.identity_fields


@ON_SQLITE
@pytest.mark.parametrize(
    "wrong",
    [
        {"address": "ftp://platform.example.invalid/"},
        {"address": "https://a:b@platform.example.invalid/"},
        {"id": "../x"},
        {"secret_file": "../etc/passwd"},
        {"kind": "fax"},
    ],
)
async def test_a_platform_that_cannot_be_is_refused(tmp_path: Path, engine: Engine, wrong: dict[str, str]) -> None:
    async with city(tmp_path, engine) as town:
        answer = await (await town.visitor("wang")).submit("/platforms", **(NEW | wrong))
        assert answer.status_code == 200
        assert f"{next(iter(wrong))}:" in answer.text
        async with town.house.db.read() as connection:
            assert await platform_rows.every(connection) == []


async def offered(town: City, *states: str) -> str:
    """Records of today in these states; the day."""
    now = town.house.now()
    made: list[dict[str, Any]] = []
    for number, state in enumerate(states):
        row = {"platform": "p1", "id": bytes([number]), "complex": "garden", "device": "x:1", "data_class": "door"}
        row |= {"number": number, "urgent": 0, "attempts": 0, "offered_at": stamp(now), "state": state, "body": b""}
        made.append(row | {"reason": "no_basis" if state == "withheld" else None})
    async with town.house.db.write() as connection:
        await rows.add_platform(connection, now)
        await handover_rows.offer(connection, made)
    return now.astimezone(zone_of(None)).date().isoformat()


async def test_the_statement_adds_up_on_the_page_and_in_the_workbook(tmp_path: Path, engine: Engine) -> None:
    states = ("accepted", "accepted", "refused", "withheld", "sent", "waiting", "waiting", "elsewhere")
    async with city(tmp_path, engine) as town:
        day = await offered(town, *states)
        visitor = await town.visitor("wang")
        assert "没有有效依据" in await visitor.page(f"/platforms/p1/days/{day}")
        body = (await visitor.client.get(f"/platforms/p1/days/{day}/statement.xlsx")).content
        sheet = list(openpyxl.load_workbook(BytesIO(body)).worksheets[0].iter_rows(values_only=True))
        assert sheet[1][:7] == ("门禁", 7, 2, 1, 1, 1, 2)
        assert sheet[2][:7] == ("合计", 7, 2, 1, 1, 1, 2)


@ON_SQLITE
async def test_control_a_record_in_no_column_is_not_hidden(tmp_path: Path, engine: Engine) -> None:
    """The positive control: a state that the statement does not know gives no statement."""
    async with city(tmp_path, engine) as town:
        day = await offered(town, "accepted", "lost")
        assert len(await rows_of(town)) == 2
        answer = await (await town.visitor("wang")).client.get(f"/platforms/p1/days/{day}")
        assert answer.status_code == 500


async def rows_of(town: City) -> list[Any]:
    async with town.house.db.read() as connection:
        return list((await connection.execute(handover.select())).all())


@ON_SQLITE
async def test_the_filing_sheet_lists_the_devices(tmp_path: Path, engine: Engine) -> None:
    async with city(tmp_path, engine) as town:
        body = {"devices": [{"id": "vzenith:1", "name": "东门相机", "place": "东门", "lane": "东门入口"}]}
        async with town.house.db.write() as connection:
            await desired_rows.put(connection, "garden", "devices", body, "wang", town.house.now())
        visitor = await town.visitor("wang")
        shown = await visitor.page("/filing/garden")
        assert "vzenith:1" in shown
        assert "车辆识别" in shown
        sheet = (await visitor.client.get("/filing/garden/filing.xlsx")).content
        (_, line) = openpyxl.load_workbook(BytesIO(sheet)).worksheets[0].iter_rows(values_only=True)
        assert line == ("vzenith:1", "东门相机", "vzenith", "东门", "车辆识别", 90)

"""Screens call a device by the name that the list gives it; its own number is small print, and all there is without."""

from __future__ import annotations

import html
import io
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from domain.alerts.noise import Judged, Source
from domain.alerts.silences import Silence
from server import audit
from server.audit import Subject, command_line, record
from server.store import desired_rows, schema, silence_rows
from server.store.device_names import names_of
from server.store.engine import stamp
from server.store.scope import of_complexes
from server.web import titles
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, Visitor, city
from tests.server.scoped_people import add_areas

DEVICE, NAME, BOX = "z2m:0x0017", "=1+1<script>东门烟感</script>", "gw-0a1b2c3d4e5f"
PLACELESS = {"place": None, "point": None, "rule": "device_offline", "category": "device", "severity": "low"}


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    """An alert of a device that no place is known of, and of a gateway; both were judged, and both are silenced."""
    async with city(tmp_path, engine) as made:
        async with made.house.db.write() as connection:
            await add_areas(connection)
        await rows.add_alert(made.house, "n1", device=DEVICE, **PLACELESS)
        silent = {"rule": "alarm_gateway_silent", "severity": "high"}
        await rows.add_alert(made.house, "g1", device=f"gateway:{BOX}", **PLACELESS | silent)
        await judge_and_silence(made)
        yield made


async def judge_and_silence(town: City) -> None:
    now, until = town.house.now(), town.house.now() + timedelta(hours=1)
    async with town.house.db.write() as connection:
        for id_, device, rule in (("n1", DEVICE, "device_offline"), ("g1", f"gateway:{BOX}", "alarm_gateway_silent")):
            said = Judged(Source(rows.GARDEN, device, rule), id_, now, True)
            await silence_rows.judge(connection, [said], "wang")
            one = Silence(id=f"s-{id_}", complex=rows.GARDEN, by="wang", reason="检修", since=now, until=until)
            await silence_rows.add(connection, replace(one, device=device))


def replace(one: Silence, **changes: Any) -> Silence:
    return type(one)(**{name: getattr(one, name) for name in one.__struct_fields__} | changes)


async def listed(town: City, name: str = NAME, place: str = "") -> None:
    body = {"devices": [{"id": DEVICE, "name": name, "place": place}]}
    async with town.house.db.write() as connection:
        await desired_rows.put(connection, rows.GARDEN, "devices", body, "wang", town.house.now())


def month(town: City) -> str:
    return f"/alerts/month/garden/{town.house.now().astimezone(rows.SHANGHAI):%Y-%m}"


async def pages(town: City, visitor: Visitor) -> dict[str, str]:
    paths = ("/", "/alerts?rule=device_offline", "/alerts/n1", "/alerts/noise", "/silences", "/silences/new?alert=n1")
    return {path: await visitor.page(path) for path in (*paths, "/overview", "/items/new?alert=n1", month(town))}


async def test_every_page_of_alerts_calls_a_device_by_its_name_and_nothing_of_the_name_runs(town: City) -> None:
    wang = await town.visitor("wang")
    for path, page in (await pages(town, wang)).items():
        assert DEVICE in page and "东门烟感" not in page, f"the control: {path} knows no name yet"
    await listed(town)
    for path, page in (await pages(town, wang)).items():
        assert html.escape(NAME, quote=False) in page.replace("&#39;", "'"), path
        assert "<script>东门" not in page, path


async def test_a_gateway_is_called_so_and_leads_whoever_keeps_it_to_its_page(town: City) -> None:
    wang, li = await town.visitor("wang"), await town.visitor("li")
    for path in ("/", "/alerts?rule=alarm_gateway_silent"):
        assert f"gateway:{BOX}" not in await li.page(path), path
    card = re.search(r'id="alert-g1".*?</li>', await li.page("/"), re.S)
    assert card is not None and '<p class="card-place">网关</p>' in card.group()
    page, theirs = await wang.page("/alerts/g1"), await li.page("/alerts/g1")
    assert f'href="/gateways/{BOX}"' in page and f'href="/gateways/{BOX}"' not in theirs
    assert "在平面图上看" not in theirs, "no plan shows it"
    assert "在平面图上看" in await li.page("/alerts/n1")
    noise = await wang.page("/alerts/noise")
    assert f'网关 <code class="dim">gateway:{BOX}</code>' in noise


async def test_a_workbook_has_the_name_beside_the_number_and_neither_is_a_formula(town: City) -> None:
    await listed(town)
    wang = await town.visitor("wang")
    for path in ("/alerts.xlsx?rule=device_offline", "/alerts/noise.xlsx"):
        answer = await wang.get(path)
        sheet = load_workbook(io.BytesIO(answer.content)).active
        assert sheet is not None
        cells = [cell for row in sheet.iter_rows() for cell in row]
        assert {DEVICE, NAME} <= {str(cell.value) for cell in cells}
        assert all(cell.data_type != "f" for cell in cells)


async def test_which_name_counts(town: City) -> None:
    async def named() -> str | None:
        key = (rows.GARDEN, DEVICE)
        async with town.house.db.read() as connection:
            return (await names_of(connection, [key, (rows.RIVER, DEVICE)])).get(key)

    assert await named() is None
    settings = {"devices": [{"id": DEVICE, "name": "写在网关里的"}]}
    async with town.house.db.write() as connection:
        boxes = schema.gateway.update().where(schema.gateway.c.complex == rows.GARDEN)
        await connection.execute(boxes.values(status=settings))
    assert await named() == "写在网关里的", "while there is no document"
    await listed(town, "烟感", "1号楼")
    await listed(town, "", "1号楼")
    assert await named() == "1号楼", "of the newest version; without a name the place"
    await listed(town, "烟感")
    assert await named() == "烟感"
    async with town.house.db.read() as connection:
        assert await names_of(connection, [(rows.RIVER, DEVICE)]) == {}, "another complex's device of that number"
        assert await names_of(connection, []) == {}


async def test_doors_and_the_door_of_a_household_are_called_by_their_names(town: City) -> None:
    async with town.house.db.write() as connection:
        await rows.add_person(connection, "lin", "grid_worker", of_complexes(rows.GARDEN))
        await rows.add_household(connection, town.house.now())
        await rows.add_care(connection, town.house.now())
        blank: dict[str, Any] = dict.fromkeys(column.name for column in schema.door.columns)
        door = {
            "complex": rows.GARDEN,
            "device": "z2m:h1",
            "point": "door",
            "granted": 0,
            "denied": 0,
            "state": "closed",
        }
        await rows.insert(connection, schema.door, blank | door | {"state_at": stamp(town.house.now())})
        body = {"devices": [{"id": "z2m:h1", "name": "门磁 101"}]}
        await desired_rows.put(connection, rows.GARDEN, "devices", body, "wang", town.house.now())
    wang, lin = await town.visitor("wang"), await town.visitor("lin")
    assert "门磁 101" in await wang.page("/doors")
    assert "门磁 101" in await wang.page("/doors/one?complex=garden&device=z2m:h1&point=door")
    assert "看门：门磁 101 door" in await lin.page("/care/w1")
    assert "门磁 101 · door" in await lin.page("/care/new?complex=garden")


async def test_a_silence_is_made_for_a_device_that_is_chosen_by_its_name(town: City) -> None:
    await listed(town)
    wang = await town.visitor("wang")
    asked = await wang.page("/silences/new")
    assert 'name="reason"' not in asked and '<option value="garden">' in asked, "which complex is asked first"
    form = await wang.page("/silences/new?complex=garden")
    chosen = re.search(rf'<option value="{re.escape(DEVICE)}">([^<]+)</option>', form)
    assert chosen is not None and html.escape(NAME, quote=False) in chosen[1].replace("&#39;", "'")
    said = {"complex": "garden", "device": DEVICE, "hours": "1", "up_to": "high"}
    away = (await wang.submit("/silences", **said, reason=" ")).headers["location"]
    assert away == "/silences/new?refused=reason&complex=garden", "and the complex stays chosen"
    assert (await wang.submit("/silences", **said, reason="换锁")).status_code == 303
    assert DEVICE in await wang.page("/silences")


async def test_the_audit_too(town: City) -> None:
    """And the complex by its name; without a list the device's own number stands there alone."""
    async with town.house.db.write() as connection:
        on = Subject("device", DEVICE)
        record(connection, command_line("root"), "device.changed", town.house.now(), on=on, complex_id=rows.GARDEN)
    auditor, number = await town.visitor("huang"), f'<code class="dim">{DEVICE}</code>'
    before = await auditor.page("/audit?action=device.changed")
    named = re.search(r'<option value="garden"[^>]*>([^<]+)', before)
    assert named is not None and named[1] != rows.GARDEN and f"{number} {named[1]}" in before
    assert f"设备 {number}" in before and NAME not in html.unescape(before)
    await listed(town)
    after = await auditor.page("/audit?action=device.changed")
    assert f"设备 {html.escape(NAME, quote=False)} {number}" in after


def test_the_audit_has_a_word_for_all_that_it_is_about() -> None:
    """Of what stands in the sources: a new kind gets one with it."""
    server = Path(audit.__file__).parent
    kinds = {kind for path in server.rglob("*.py") for kind in re.findall(r'\bSubject\("(\w+)"', path.read_text())}
    assert len(kinds) > 40 and kinds <= set(titles.names("audit_subject"))

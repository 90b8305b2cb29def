"""A workbook of places: every fault by its cell, nothing before it is confirmed, all or nothing, twice is once."""

from __future__ import annotations

import re
import zipfile
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from server import place_book
from server.api.place_import import FAULTS
from server.bootstrap import know_complexes
from server.config import Complex
from server.place_book import Book, read_book
from server.place_plan import Known, make_plan
from server.place_template import EXAMPLES, template
from server.store import schema
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, Visitor, city
from tests.server.workbooks import FIRST_SHEET, HEAD, sheet_xml, with_part, workbook

FINE = {key: list(lines) for key, lines in EXAMPLES.items()}


def nothing() -> Known:
    return Known({key: {} for key in EXAMPLES}, {"li": 2})


def faults(book: Book, known: Known | None = None) -> list[tuple[str, str, str]]:
    plan = make_plan(book, known or nothing())
    assert all(fault.reason in FAULTS for fault in plan.faults), "every fault has its words"
    return [(fault.sheet.split(" ")[0], fault.cell, fault.reason) for fault in plan.faults]


def test_the_filled_template_is_taken_as_it_is_and_the_empty_one_says_nothing() -> None:
    plan = make_plan(read_book(template(is_filled=True)), nothing())
    assert not plan.faults and plan.count("add") == sum(map(len, EXAMPLES.values()))
    assert make_plan(read_book(template()), nothing()).changes == []
    kinds = {change.name: change.values["kind"] for change in plan.changes if change.sheet == "area"}
    assert kinds == {("yanjiang",): "district", ("yanjiang-north",): "street", ("north-1",): "community"}


@pytest.mark.parametrize(
    ("sheet", "number", "line", "cell", "reason"),
    [
        ("area", 0, ("bad id", "区县", "甲", ""), "A2", "bad_id"),
        ("area", 0, ("yanjiang", "省", "甲", ""), "B2", "bad_kind"),
        ("area", 0, ("yanjiang", "区县", "", ""), "C2", "empty"),
        ("area", 1, ("yanjiang-north", "街道", "北门", "north-1"), "D3", "parent_of_street"),
        ("area", 1, ("yanjiang", "街道", "北门", "yanjiang"), "A3", "twice"),
        ("grid_cell", 0, ("north-1-a", "yanjiang", "一", "", "", ""), "B2", "no_community"),
        ("grid_cell", 0, ("north-1-a", "north-1", "一", "", "", "nobody"), "F2", "no_account"),
        ("complex", 0, ("sunny-garden", "阳光", "north-1", "街坊", "", "", "north-1-a"), "D2", "bad_management"),
        ("complex", 0, ("sunny-garden", "阳光", "north-1", "", "", "Mars/Base", "north-1-a"), "F2", "bad_timezone"),
        ("complex", 0, ("sunny-garden", "阳光", "nowhere", "", "", "", ""), "C2", "no_community"),
        ("complex", 1, ("river-view", "滨河", "", "", "", "", "north-1-a"), "G3", "no_cell"),
        ("building", 1, ("nowhere", "2号楼", ""), "A3", "no_complex"),
        ("building", 1, ("river-view", "2号楼", "x"), "C3", "no_cell"),
        ("building", 1, ("sunny-garden", "楼" * 101, ""), "B3", "too_long"),
        ("gate", 0, ("sunny-garden", "=1+1"), "B2", "formula"),
        ("gate", 0, ("sunny-garden", 1.5), "B2", "not_text"),
        ("gate", 0, ("sunny-garden", True), "B2", "not_text"),
    ],
)
def test_a_fault_is_named_by_its_cell(sheet: str, number: int, line: tuple[Any, ...], cell: str, reason: str) -> None:
    lines = [*EXAMPLES[sheet]]
    lines[number] = line
    found = faults(read_book(workbook(FINE | {sheet: lines})))
    title = place_book.BY_KEY[sheet].title.split(" ")[0]
    assert (title, cell, reason) in found, found


def test_numbers_that_people_mean_as_text_are_text() -> None:
    book = read_book(workbook({"gate": [("g", 12), ("g", 13.0)]}))
    assert [row.get("name") for row in book.rows["gate"]] == ["12", "13"]


def test_what_server_toml_says_of_a_complex_holds() -> None:
    known = nothing()
    known.places["complex"] = {("garden",): {"id": "garden", "name": "花园", "timezone": "Asia/Shanghai"}}
    known.fixed = frozenset({"garden"})
    book = read_book(workbook({"complex": [("garden", "别名", "", "自管", "", "", "")]}))
    assert faults(book, known) == [("小区", "B2", "in_settings")]
    same = read_book(workbook({"complex": [("garden", "花园", "", "自管", "", "", "")]}))
    (change,) = make_plan(same, known).changes
    assert change.fields == [("management", None, "self_run")]


def reasons(body: bytes) -> set[str]:
    return {fault.reason for fault in read_book(body).faults}


def test_what_is_no_workbook_is_refused_whatever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    good = workbook(FINE)
    for body in (b"", b"PK\x03\x04", b"id,name\n1,2\n", good[: len(good) // 2], rows.picture()):
        assert reasons(body) == {"not_xlsx"}
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "x")
    assert reasons(out.getvalue()) == {"not_xlsx"}
    assert reasons(with_part(good, FIRST_SHEET, b"<worksheet><oops")) == {"not_xlsx"}
    assert reasons(good + b"\0" * place_book.MOST_BYTES) == {"too_large"}
    assert reasons(workbook({"gate": []}).replace(b"", b"")) == set()


def test_a_zip_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = with_part(workbook(FINE), "xl/media/big.bin", b"\0" * (place_book.MOST_UNPACKED_BYTES + 1))
    assert len(bomb) < place_book.MOST_BYTES
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("it was unpacked"))
    assert reasons(bomb) == {"too_large_unpacked"}


def test_an_entity_bomb_is_not_expanded() -> None:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    body = sheet_xml('<row r="1"><c r="A1" t="inlineStr"><is><t>&a9;</t></is></c></row>')
    bomb = body.replace(b"<worksheet", f'<!DOCTYPE x [<!ENTITY a0 "ha">{entities}]><worksheet'.encode(), 1)
    assert reasons(with_part(workbook(FINE), FIRST_SHEET, bomb)) == {"not_xlsx"}


def test_a_million_rows_end_at_the_bound() -> None:
    empty = "".join(f'<row r="{n}"/>' for n in range(2, 60_000))
    body = with_part(workbook(FINE), FIRST_SHEET, sheet_xml(f'<row r="1">{HEAD}</row>{empty}'))
    assert reasons(body) == {"too_many_rows"}
    far = sheet_xml(f'<row r="1">{HEAD}</row><row r="1048576"><c r="A1048576"><v>1</v></c></row>')
    assert reasons(with_part(workbook(FINE), FIRST_SHEET, far)) == {"too_many_rows"}


def test_merged_cells_are_said_to_be_merged() -> None:
    merged = workbook({"area": EXAMPLES["area"]}, merge="B2:B3")
    found = [(fault.cell, fault.reason) for fault in read_book(merged).faults]
    assert ("B2:B3", "merged") in found


def test_headings_that_are_not_ours_are_named() -> None:
    body = workbook({"gate": []})
    other = with_part(body, FIRST_SHEET, sheet_xml('<row r="1"><c r="A1" t="inlineStr"><is><t>ID</t></is></c></row>'))
    assert reasons(other) == {"unknown_heading", "no_column"}


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        yield made


async def upload(visitor: Visitor, body: bytes, path: str = "/places/import") -> httpx.Response:
    files = {"file": ("places.xlsx", body, "application/octet-stream")}
    return await visitor.client.post(path, data={"csrf": visitor.csrf}, files=files, headers={"Accept": "text/html"})


def digest_in(answer: httpx.Response) -> str:
    found = re.search(r'name="digest" value="([0-9a-f]{64})"', answer.text)
    assert answer.status_code == 200 and found, answer.text[:2000]
    return found[1]


async def count(town: City) -> dict[str, int]:
    tables = (schema.area, schema.area_within, schema.grid_cell, schema.complex_, schema.building, schema.gate)
    async with town.house.db.read() as connection:
        return {table.name: len((await connection.execute(select(table))).all()) for table in tables}


async def test_nothing_is_written_before_it_is_confirmed_and_twice_is_once(town: City) -> None:
    visitor, before = await town.visitor("wang"), await count(town)
    preview = await upload(visitor, template(is_filled=True))
    digest = digest_in(preview)
    assert await count(town) == before and "sunny-garden" in preview.text
    assert (await visitor.submit("/places/import/confirm", digest=digest)).headers["location"] == "/places"
    after = await count(town)
    assert after == before | {
        "area": 3, "area_within": 6, "grid_cell": 1, "complex": before["complex"] + 2, "building": 2, "gate": 2
    }  # fmt: skip
    again = await upload(visitor, template(is_filled=True))
    assert 'name="digest"' not in again.text, "there is nothing left to confirm"
    assert await count(town) == after
    assert (await visitor.submit("/places/import/confirm", digest=digest)).status_code == 200
    assert await count(town) == after


async def test_one_fault_and_nothing_can_be_confirmed(town: City) -> None:
    visitor, before = await town.visitor("wang"), await count(town)
    answer = await upload(visitor, workbook(FINE | {"gate": [("sunny-garden", "东门"), ("nowhere", "门")]}))
    assert "A3" in answer.text and 'name="digest"' not in answer.text
    book = read_book(workbook(FINE | {"gate": [("sunny-garden", "东门"), ("nowhere", "门")]}))
    digest = make_plan(book, nothing()).digest
    await visitor.submit("/places/import/confirm", digest=digest)
    assert await count(town) == before


async def test_what_changed_meanwhile_is_shown_anew(town: City) -> None:
    visitor = await town.visitor("wang")
    digest = digest_in(await upload(visitor, template(is_filled=True)))
    added = await visitor.submit("/places/areas", kind="district", id="yanjiang", name="别的区")
    assert added.headers["location"] == "/places"
    before = await count(town)
    answer = await visitor.submit("/places/import/confirm", digest=digest)
    assert answer.status_code == 200 and await count(town) == before
    assert (await visitor.submit("/places/import/confirm", digest=digest_in(answer))).status_code == 303
    assert (await count(town))["area"] == 3


async def test_an_upload_is_for_who_sees_the_city_and_has_its_bound(town: City) -> None:
    visitor = await town.visitor("wang")
    assert (await upload(visitor, b"\0" * (6 * 1024 * 1024))).status_code == 413
    assert (await upload(visitor, b"no workbook")).status_code == 200
    assert (await visitor.submit("/places/import", file="x")).status_code == 422
    visitor.csrf = "guess"
    assert (await upload(visitor, template())).status_code == 403
    assert (await upload(await town.visitor("chen"), template())).status_code == 403


async def test_the_settings_do_not_undo_what_an_import_said(town: City) -> None:
    visitor = await town.visitor("wang")
    await visitor.submit("/places/import/confirm", digest=digest_in(await upload(visitor, template(is_filled=True))))
    await know_complexes(town.house.db, [Complex("sunny-garden", "阳光花园", timezone="Asia/Urumqi")])
    async with town.house.db.read() as connection:
        query = select(schema.complex_).where(schema.complex_.c.id == "sunny-garden")
        row = (await connection.execute(query)).mappings().one()
    assert (row["area"], row["management"], row["grid_cell"]) == ("north-1", "self_run", "north-1-a")
    assert row["timezone"] == "Asia/Urumqi"

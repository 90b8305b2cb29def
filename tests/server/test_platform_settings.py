"""The page of a platform's settings: faults by field, secrets never shown, nothing tried without a basis."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.feeds.basis import Basis
from server.api.platform_form import FIELDS, read, shown
from server.feeds.gat1400.codes import DeviceCodes
from server.store import platform_rows
from server.store.platform_rows import Platform
from server.store.schema import audit
from tests.server.engines import SQLITE, Engine
from tests.server.people import City, Visitor, city

ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])
SERVER, OURS, DOOR = "33010600002000000001", "33010600012000000001", "33010600011340000001"
GB = {"server": SERVER, "ours": OURS, "keepalive_s": "30", "report_disarmed": "no"}
ITEMS = f'items = [{{item = {{code = "{DOOR}", name = "1号楼"}}, complex = "garden", device = "x:1"}}]'
FILE = "up.secret"  # pragma: allowlist secret
SECRET = "a word of the platform"  # pragma: allowlist secret


async def add(town: City, kind: str, address: str, **more: Any) -> None:
    async with town.house.db.write() as connection:
        one = Platform(id="up", name="市局", kind=kind, address=address, settings={}, **more)
        await platform_rows.add(connection, one)


async def settings_of(town: City) -> dict[str, Any]:
    async with town.house.db.read() as connection:
        one = await platform_rows.find(connection, "up")
    assert one is not None
    return one.settings


async def test_what_is_entered_is_kept_shown_again_and_noted(tmp_path: Path, engine: Engine) -> None:
    async with city(tmp_path, engine) as town:
        await add(town, "gb28181", "sip://192.0.2.1:5060", secret_file=FILE)
        (town.house.folder / FILE).write_text(SECRET)
        visitor = await town.visitor("wang")
        path = "/platforms/up/settings"
        assert "没有发现错误" in (await visitor.submit(path, **GB, lists=ITEMS, only="check")).text
        assert await settings_of(town) == {}, "only looking keeps nothing"
        assert (await visitor.submit(path, **GB, lists=ITEMS)).status_code == 303
        kept = await settings_of(town)
        assert (kept["keepalive_s"], kept["report_disarmed"]) == (30, False)
        assert kept["items"][0]["item"]["code"] == DOOR
        page = await visitor.page(path)
        assert SERVER in page and DOOR in page and "已放好" in page
        assert SECRET not in page
        async with town.house.db.read() as connection:
            rows = (await connection.execute(audit.select().where(audit.c.action == "platform.settings"))).mappings()
            (row,) = rows.all()
        assert msgspec.json.decode(row["details"])["keys"] == sorted(kept)


@ON_SQLITE
@pytest.mark.parametrize(
    ("kind", "address", "entered", "blamed"),
    [
        ("gb28181", "sip://192.0.2.1", GB | {"ours": "12"}, "ours"),
        ("gb28181", "sip://192.0.2.1", GB | {"ours": ""}, "ours"),
        ("gb28181", "sip://192.0.2.1", GB | {"keepalive_s": "soon"}, "keepalive_s"),
        ("gb28181", "sip://192.0.2.1", GB | {"keepalive_s": "5"}, "keepalive_s"),
        ("gb28181", "sip://192.0.2.1", GB | {"transport": "fax"}, "transport"),
        ("gb28181", "sip://192.0.2.1", GB | {"lists": "items = ["}, "lists"),
        ("gb28181", "sip://192.0.2.1", GB | {"lists": 'server = "1"'}, "lists"),
        ("gat1400", "http://192.0.2.1", {"device_id": "12"}, "device_id"),
        ("gat1400", "http://192.0.2.1", {"device_id": OURS, "profile": "nobodys"}, "profile"),
        ("mqtt", "mqtt://192.0.2.1", {"prefix": "a/#"}, "prefix"),
    ],
)
async def test_a_fault_stands_at_its_field_and_nothing_is_kept(
    tmp_path: Path, engine: Engine, kind: str, address: str, entered: dict[str, str], blamed: str
) -> None:
    async with city(tmp_path, engine, is_filled=True) as town:
        await add(town, kind, address)
        answer = await (await town.visitor("wang")).submit("/platforms/up/settings", **entered)
        assert answer.status_code == 200
        assert f'aria-invalid="true" aria-describedby="about-{blamed}"' in answer.text
        assert answer.text.count('aria-invalid="true"') == 1
        assert await settings_of(town) == {}


@ON_SQLITE
async def test_with_no_basis_not_even_a_connection_is_tried(tmp_path: Path, engine: Engine) -> None:
    calls = list[int]()

    async def called(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(1)
        writer.close()

    server = await asyncio.start_server(called, "127.0.0.1", 0)
    async with city(tmp_path, engine) as town, server:
        await add(town, "gat1400", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        visitor = await town.visitor("wang")
        assert (await visitor.submit("/platforms/up/settings/test")).status_code == 409
        assert not calls
        now = town.house.now()
        span = {"since": now - timedelta(days=1), "until": now + timedelta(days=1)}
        async with town.house.db.write() as connection:
            basis = Basis(unit="u", document="d", classes=frozenset({"alarm"}), **span)
            await platform_rows.record_basis(connection, "up", basis, "wang", now)
        assert "连得上" in (await visitor.submit("/platforms/up/settings/test")).text
        assert calls, "the watch works"


async def _sheet(visitor: Visitor, body: bytes, **fields: str) -> Any:
    files = {"file": ("codes.csv", body, "text/csv")}
    return await visitor.client.post("/platforms/up/codes", data={"csrf": visitor.csrf, **fields}, files=files)


@ON_SQLITE
async def test_codes_are_looked_at_and_then_replaced_whole(tmp_path: Path, engine: Engine) -> None:
    good = f"complex,device,code,name\ngarden,x:1,{DOOR},东门\n".encode()
    async with city(tmp_path, engine) as town:
        await add(town, "gat1400", "http://192.0.2.1")
        visitor, codes = await town.visitor("wang"), DeviceCodes(town.house.db, "up")
        assert "line 2" in (await _sheet(visitor, b"complex,device,code\ngarden,x:1,12\n")).text
        assert "not UTF-8" in (await _sheet(visitor, "东门".encode("gb18030"))).text
        assert (await _sheet(visitor, good, only="check")).status_code == 200
        assert await codes.all() == {}
        assert (await _sheet(visitor, good)).status_code == 303
        assert [one.code for one in (await codes.all()).values()] == [DOOR]
        assert DOOR in await visitor.page("/platforms/up/settings")


@pytest.mark.parametrize("kind", FIELDS)
def test_what_is_shown_is_read_again_as_it_was(kind: str) -> None:
    said: dict[str, Any] = {"gb28181": {"server": SERVER, "ours": OURS, "report_disarmed": True}}.get(kind, {})
    said |= {"gat1400": {"device_id": OURS, "picture_wait_s": 600}}.get(kind, {})
    said |= {"odd": [{"a": 'x"\\y', "b": {"c": [1, 2.5, True]}}], "flat": "一"}
    assert read(kind, shown(kind, said)) == said

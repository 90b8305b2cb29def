"""Devices that a gateway found: told by its hello, shown at its page until they are listed, looked for when asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from domain.orders import Order
from server.store import desired_rows, found_rows, order_rows, schema
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, city

GATEWAY, PAGE = "gw-0a1b2c3d4e5f", "/gateways/gw-0a1b2c3d4e5f"
AT = datetime(2026, 3, 1, tzinfo=UTC).isoformat()
CAMERA = {
    "id": "hikvision:00005e005351",
    "seen_at": AT,
    "by": ["onvif", "heard"],
    "address": "http://192.0.2.51",
    "host": "192.0.2.51",
    "name": "<b>东门</b>",
    "model": "DS-1",
    "page": "docs/devices/hikvision.md",
}
GUESSED = {"id": "onvif:00005e005352", "seen_at": AT, "by": ["onvif"], "exact": False, "of": "a later version"}
RUBBISH: list[Any] = [
    {"id": "x:\0", "seen_at": AT},
    {"id": "x:" + "9" * 300, "seen_at": AT},
    {"id": "no-kind", "seen_at": AT},
    {"id": "x:1"},
    {"id": "x:1", "seen_at": "yesterday"},
    {"id": "x:1", "seen_at": AT, "name": 7},
    "x:1",
    None,
]


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        yield made


async def hello(town: City, **said: Any) -> None:
    streams = {"streams": {"urgent": {"epoch": "e1", "head": 0}}}
    await town.house.hellos.take(GATEWAY, {**streams, "devices": [], **said})


async def _nothing(*_: Any) -> set[str]:
    return set()


async def kept(town: City) -> list[str]:
    async with town.house.db.read() as connection:
        query = select(schema.gateway_found.c.device).order_by(schema.gateway_found.c.device)
        return list((await connection.execute(query)).scalars())


async def test_what_a_gateway_found_is_offered_until_it_is_listed(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    operator, committee = await town.visitor("wang"), await town.visitor("chen")
    assert "网关还没有查找过" in await operator.page(PAGE)
    await hello(town, searched_at=AT, searching=False, found=[CAMERA, GUESSED, *RUBBISH, CAMERA])
    assert await kept(town) == [CAMERA["id"], GUESSED["id"]]
    shown = await operator.page(PAGE)
    for words in (
        "hikvision:00005e005351",
        "&lt;b&gt;东门",
        "docs/devices/hikvision.md",
        "编号是推测的",
        "局域网 ONVIF、来过消息",
    ):
        assert words in shown
    link = "/complexes/garden/devices/new?device=hikvision%3A00005e005351&amp;address=http%3A%2F%2F192.0.2.51&amp;name="
    assert link in shown
    assert "/devices/new" not in await committee.page(PAGE), "who may not add a device is not led there"
    async with town.house.db.read() as connection:
        status = (
            await connection.execute(select(schema.gateway.c.status).where(schema.gateway.c.id == GATEWAY))
        ).scalar()
    assert status is not None
    assert "found" not in status, "a hello is kept every few seconds: what was found is not kept with each"
    await hello(town, searched_at=AT)
    assert len(await kept(town)) == 2, "a hello that says nothing of it changes nothing"
    async with town.house.db.write() as connection:
        listed = {"devices": [{"id": CAMERA["id"]}]}
        await desired_rows.put(connection, rows.GARDEN, "devices", listed, "wang", town.house.now())
    shown = await operator.page(PAGE)
    assert "hikvision:00005e005351" not in shown, "gone when it is wished for, before the gateway has heard of it"
    assert "onvif:00005e005352" in shown
    with monkeypatch.context() as broken:
        broken.setattr(found_rows, "_wished", _nothing)
        assert "hikvision:00005e005351" in await operator.page(PAGE), "the test sees a listed device that is offered"
    await hello(town, searched_at=AT, devices=[{"id": GUESSED["id"]}])
    assert "没有发现未登记的设备" in await operator.page(PAGE)
    await hello(town, found=[{**CAMERA, "id": f"vzenith:{number}"} for number in range(500)])
    assert len(await kept(town)) == 200
    await hello(town, found=[], searched_at={"rubbish": 1})
    assert await kept(town) == []
    assert "网关还没有查找过" in await operator.page(PAGE)
    await hello(town, found="rubbish", devices="rubbish")
    await operator.page(PAGE)


async def test_the_button_orders_the_gateway_to_look_and_the_page_says_so(town: City) -> None:
    operator, committee = await town.visitor("wang"), await town.visitor("chen")
    assert (await committee.submit(f"{PAGE}/discover")).status_code in (403, 404)
    answer = await operator.submit(f"{PAGE}/discover")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}#found")
    async with town.house.db.read() as connection:
        orders: list[Order] = (await order_rows.open_orders(connection, [GATEWAY], town.house.now()))[GATEWAY]
        audit = (await connection.execute(select(schema.audit.c.action))).scalars().all()
    assert [(order.device, order.name) for order in orders] == [("gateway", "devices.discover")]
    assert "order.placed" in audit
    page = await operator.page(PAGE)
    assert "网关正在查找" in page
    assert 'hx-trigger="every 3s"' in page
    async with town.house.db.write() as connection:
        ended = schema.gateway.update().where(schema.gateway.c.id == GATEWAY).values(replaced_at=AT)
        await connection.execute(ended)
    assert (await operator.submit(f"{PAGE}/discover")).status_code == 409

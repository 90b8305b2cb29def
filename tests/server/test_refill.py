"""Gaps are listed, and what the centre lost is asked for again and put in its place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import delete, select, update

from domain.ids import content_name
from server.store.schema import batch as batch_table
from server.store.schema import gap, wanted
from tests.eventlog.logs import batch
from tests.server.centre import Centre, Gateway, centre
from tests.server.engines import Engine


@pytest.fixture
async def here(tmp_path: Path, engine: Engine) -> AsyncIterator[Centre]:
    async with centre(tmp_path, engine) as started:
        yield started


@pytest.fixture
async def gateway(here: Centre) -> Gateway:
    return await here.gateway()


def said(response: httpx.Response) -> tuple[int, Any]:
    return response.status_code, response.json().get("error", response.json().get("outcome"))


async def post(gateway: Gateway, path: str, content: Any) -> httpx.Response:
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    return await gateway.client.post(path, content=body, headers=gateway.headers())


def hole(first: int, last: int, **other: Any) -> dict[str, Any]:
    return {"stream": "routine", "epoch": "e1", "first": first, "last": last, "reason": "capacity", **other}


async def test_a_declared_gap_is_listed_and_the_stream_goes_on(here: Centre, gateway: Gateway) -> None:
    await gateway.post(batch(gateway.id, 1, 3))
    assert said(await post(gateway, "/v1/gaps", hole(6, 9))) == (409, "gap")
    assert said(await post(gateway, "/v1/gaps", hole(4, 9))) == (200, "stored")
    assert said(await gateway.post(batch(gateway.id, 10))) == (200, "stored")
    (row,) = await here.rows(gap)
    assert (row["gateway"], row["first"], row["last"], row["reason"]) == (gateway.id, 4, 9, "capacity")


@pytest.mark.parametrize(
    "bad", [hole(0, 4), hole(5, 4), hole(1, 4, reason="boredom"), hole(1, 4, stream="slow"), {"first": 1}]
)
async def test_a_gap_that_cannot_be_is_refused(gateway: Gateway, bad: dict[str, Any]) -> None:
    assert said(await post(gateway, "/v1/gaps", bad)) == (422, "bad_request")


async def asked(gateway: Gateway) -> list[dict[str, Any]]:
    streams = {"routine": {"epoch": "e1", "head": 9}}
    return (await post(gateway, "/v1/hello", {"streams": streams})).json()["wanted"]


async def test_what_was_damaged_or_lost_is_asked_for_and_mended(here: Centre, gateway: Gateway) -> None:
    packed = [batch(gateway.id, first, 3) for first in (1, 4, 7)]
    for one in packed:
        await gateway.post(one)
    async with here.house.db.write() as connection:
        await connection.execute(delete(batch_table).where(batch_table.c.first == 1))
        body = (await connection.execute(select(batch_table.c.body).where(batch_table.c.first == 4))).scalar_one()
        torn = body[:-1] + bytes([body[-1] ^ 1])
        await connection.execute(update(batch_table).where(batch_table.c.first == 4).values(body=torn))
    assert await asked(gateway) == []
    found = await here.house.refill.verify()
    assert (found.ranges, found.sequences) == (2, 6)
    assert [(one["first"], one["last"]) for one in await asked(gateway)] == [(1, 3), (4, 6)]
    answers = [(await post(gateway, "/v1/refills", one)).json()["mended"] for one in packed]
    assert answers == [True, True, False], "the third was whole"
    assert await asked(gateway) == []
    assert (await here.house.refill.verify()).ranges == 0
    bodies = {row["first"]: row["body"] for row in await here.rows(batch_table)}
    assert bodies == {1: packed[0], 4: packed[1], 7: packed[2]}


async def test_what_the_gateway_has_no_more_is_not_asked_for_for_ever(here: Centre, gateway: Gateway) -> None:
    await gateway.post(batch(gateway.id, 1, 9))
    async with here.house.db.write() as connection:
        await connection.execute(delete(batch_table))
    await here.house.refill.verify()
    none = {"stream": "routine", "epoch": "e1", "first": 1, "last": 4}
    await post(gateway, "/v1/refills/none", none)
    assert [(one["first"], one["last"]) for one in await asked(gateway)] == [(5, 9)]
    assert (await post(gateway, "/v1/refills", batch(gateway.id, 5, 5))).json() == {"mended": True}
    assert await here.rows(wanted) == []


async def test_which_pictures_and_epochs_the_centre_has_can_be_asked(gateway: Gateway) -> None:
    name = content_name(b"a")
    await gateway.client.put(f"/v1/media/{name}", content=b"a", headers=gateway.headers())
    answer = await post(gateway, "/v1/media/known", {"names": [name, content_name(b"b")]})
    assert answer.json() == {"known": [name]}
    await gateway.post(batch(gateway.id, 1, 3))
    answer = await post(gateway, "/v1/watermarks", {})
    assert answer.json() == {"watermarks": [{"stream": "routine", "epoch": "e1", "last": 3}]}

"""Desired state and orders at the centre: versions rise, polls wait and wake, orders are handed until received."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.desired import BadDesired
from domain.events import Event
from domain.orders import Order
from server.store import desired_rows, desired_views, order_rows
from server.store.order_rows import NoGateway
from server.store.schema import gateway as gateway_table
from server.store.schema import gateway_applied, gateway_order, order_result
from tests.domain.test_desired import GOOD
from tests.server.centre import Centre, Gateway, centre
from tests.server.engines import Engine

NOTHING: dict[str, int] = {}


@pytest.fixture
async def here(tmp_path: Path, engine: Engine) -> AsyncIterator[Centre]:
    async with centre(tmp_path, engine) as running:
        yield running


@pytest.fixture
async def gateway(here: Centre) -> Gateway:
    return await here.gateway()


async def put(here: Centre, kind: str = "credentials", body: object = None) -> tuple[int, bool]:
    async with here.house.db.write() as connection:
        return await desired_rows.put(connection, "garden", kind, body or GOOD[kind], "wang", here.house.now())


async def ask(gateway: Gateway, wait_s: float = 0.0, **said: Any) -> dict[str, Any]:
    response = await gateway.client.post("/v1/desired", json={"wait_s": wait_s, **said}, headers=json(gateway))
    assert response.status_code == 200, response.text
    return response.json()


def json(gateway: Gateway) -> dict[str, str]:
    return {"Authorization": f"Bearer {gateway.token()}"}


async def place(here: Centre, number: int = 1, life_s: float = 15.0, named: str | None = None) -> Order:
    now = datetime.now(UTC)
    order = Order(f"order-{number:04}", "uhppoted:1", "door.open", now, now + timedelta(seconds=life_s), "wang")
    async with here.house.db.write() as connection:
        await order_rows.place(connection, "garden", order, named)
    return order


async def test_versions_rise_and_the_same_again_is_no_new_one(here: Centre) -> None:
    assert await put(here) == (1, True)
    assert await put(here) == (1, False)
    assert await put(here, body={"cards": []}) == (2, True)
    assert await put(here, "policy") == (1, True)
    assert await put(here) == (3, True), "going back to an earlier content is a new wish"


async def test_what_a_gateway_would_refuse_is_not_kept(here: Centre, gateway: Gateway) -> None:
    with pytest.raises(BadDesired, match="until"):
        await put(here, body={"cards": [{"id": "a", "card": "1", "doors": []}]})
    with pytest.raises(BadDesired, match="quotes"):
        await put(here, "tariffs", {True: 1})
    assert (await ask(gateway))["documents"] == []


async def test_a_gateway_gets_the_newest_of_each_kind_it_does_not_know(here: Centre, gateway: Gateway) -> None:
    await put(here)
    await put(here, body={"cards": []})
    await put(here, "policy")
    said = await ask(gateway)
    found = {document["kind"]: document["version"] for document in said["documents"]}
    assert found == {"credentials": 2, "policy": 1}
    assert {document["kind"]: document["body"] for document in said["documents"]}["credentials"] == {"cards": []}
    assert "server_time" in said
    assert (await ask(gateway, known=found))["documents"] == []


async def test_what_an_older_gateway_does_without_is_not_told_to_it_and_its_poll_waits(
    here: Centre, gateway: Gateway
) -> None:
    await put(here, "alert_rules")
    assert await waited_for(here, gateway) == ["credentials"]
    assert (await ask(gateway, known={"credentials": 1}))["documents"] == []
    assert await shown(here, gateway) == {"credentials": (1, 0)}
    reads = {"credentials": 1, "alert_rules": 1}
    said = await ask(gateway, known={"credentials": 1}, forms=reads)
    assert [document["kind"] for document in said["documents"]] == ["alert_rules"]
    await ask(gateway, known=reads, applied=reads, forms=reads)
    assert await shown(here, gateway) == {"credentials": (1, 1), "alert_rules": (1, 1)}


async def shown(here: Centre, gateway: Gateway) -> dict[str, tuple[int, int]]:
    """Kind -> wanted and applied, as the gateway's page has it."""
    async with here.house.db.read() as connection:
        found = (await desired_views.kinds(connection, [gateway.id]))[gateway.id]
    return {one.kind: (one.wanted, one.applied) for one in found}


async def test_another_complexes_wishes_are_not_ours(tmp_path: Path, engine: Engine) -> None:
    from server.config import Complex, Config
    from tests.server.centre import GARDEN

    async with centre(tmp_path, engine, Config(complexes=[GARDEN, Complex("park", "另一个小区")])) as here:
        other = await here.gateway("park")
        await put(here)
        assert (await ask(other))["documents"] == []


async def test_a_poll_waits_and_a_wish_of_another_process_wakes_it(here: Centre, gateway: Gateway) -> None:
    assert await waited_for(here, gateway) == ["credentials"]


async def waited_for(here: Centre, gateway: Gateway) -> list[str]:
    """The kinds that a poll ends with which waited until a list was put."""
    waiting = asyncio.create_task(ask(gateway, wait_s=20.0))
    await poll_waits(here, gateway)
    await put(here)
    async with asyncio.timeout(10):
        return [document["kind"] for document in (await waiting)["documents"]]


async def poll_waits(here: Centre, gateway: Gateway) -> None:
    async with asyncio.timeout(10):
        while gateway.id not in here.house.desired._waiting:
            await asyncio.sleep(0.01)


async def test_a_poll_ends_when_its_gateway_comes_again_or_the_server_stops(here: Centre, gateway: Gateway) -> None:
    first = asyncio.create_task(ask(gateway, wait_s=20.0))
    await poll_waits(here, gateway)
    older = here.house.desired._waiting[gateway.id]
    second = asyncio.create_task(ask(gateway, wait_s=20.0))
    async with asyncio.timeout(10):
        assert (await first)["documents"] == []
        while here.house.desired._waiting[gateway.id] is older:
            await asyncio.sleep(0.01)
        here.house.desired.close()
        assert (await second)["documents"] == []
    assert here.house.desired._waiting == {}


async def test_what_is_applied_and_refused_is_kept_and_shown(here: Centre, gateway: Gateway) -> None:
    await put(here)
    await put(here, "devices")
    bad = {"kind": "devices", "version": 1, "reason": "devices: no such thing"}
    await ask(gateway, known={"credentials": 1, "devices": 1}, applied={"credentials": 1}, refused=[bad])
    async with here.house.db.read() as connection:
        views = (await desired_views.kinds(connection, [gateway.id]))[gateway.id]
    assert [(view.kind, view.wanted, view.applied, view.refused_reason) for view in views] == [
        ("devices", 1, 0, "devices: no such thing"),
        ("credentials", 1, 1, None),
    ]
    assert [view.differs for view in views] == [True, False]


async def test_the_usual_poll_writes_nothing(here: Centre, gateway: Gateway) -> None:
    await put(here)
    await ask(gateway, known={"credentials": 1}, applied={"credentials": 1})
    before = await here.rows(gateway_applied)
    async with here.house.db.write():  # who writes now would wait for ever
        async with asyncio.timeout(10):
            await here.house.gateways.check(gateway.token())
            await ask(gateway, known={"credentials": 1}, applied={"credentials": 1})
    assert await here.rows(gateway_applied) == before


async def test_after_an_older_copy_was_put_back_the_next_version_is_above_what_gateways_have(
    here: Centre, gateway: Gateway
) -> None:
    await ask(gateway, known={"credentials": 41}, applied={"credentials": 41})
    assert await put(here) == (42, True)


@pytest.mark.parametrize(
    "said",
    [{"known": {"credentials": "x"}}, {"known": {"credentials": -1}}, {"refused": [{}]}, {"wait_s": -1}, []],
)
async def test_nonsense_is_refused(here: Centre, gateway: Gateway, said: object) -> None:
    response = await gateway.client.post("/v1/desired", json=said, headers=json(gateway))
    assert (response.status_code, response.json()["error"]) == (422, "bad_request")


async def test_only_gateways_may_ask(here: Centre) -> None:
    response = await here.client.post("/v1/desired", json={})
    assert response.status_code == 401


async def test_an_order_is_handed_until_it_is_received(here: Centre, gateway: Gateway) -> None:
    order = await place(here)
    for _ in range(2):
        (handed,) = (await ask(gateway))["orders"]
        assert (handed["id"], handed["name"], handed["device"]) == (order.id, "door.open", "uhppoted:1")
    assert (await ask(gateway, orders_done=[order.id]))["orders"] == []
    (row,) = await here.rows(gateway_order)
    assert row["handed_at"] is not None
    assert row["received_at"] is not None


async def test_an_expired_order_is_handed_to_nobody(here: Centre, gateway: Gateway) -> None:
    await place(here, life_s=0.001)
    await asyncio.sleep(0.01)  # its life, not a state
    assert (await ask(gateway))["orders"] == []


async def test_of_two_gateways_only_the_one_that_lists_the_device_is_told(here: Centre, gateway: Gateway) -> None:
    other = await here.gateway()
    with pytest.raises(NoGateway, match="2 gateways, 0 of which"):
        await place(here)
    hello = {"streams": {}, "devices": [{"id": "uhppoted:1"}]}
    assert (await other.client.post("/v1/hello", json=hello, headers=json(other))).status_code == 200
    await place(here, 2)
    assert (await ask(gateway))["orders"] == []
    assert len((await ask(other))["orders"]) == 1
    await place(here, 3, named=gateway.id)
    assert len((await ask(gateway))["orders"]) == 1
    with pytest.raises(NoGateway, match="no gateway gw-"):
        await place(here, 4, named="gw-of-another-complex")


def result(order: Order, state: str, at: datetime, text: str | None = None) -> Event:
    rest: dict[str, Any] = {"request_id": order.id, "state": state, "text": text, "time": at}
    return Event(kind="command_result", device="gateway", point=order.device, label=order.name, **rest)


async def test_what_became_of_an_order_is_shown_and_rebuilt_alike(here: Centre, gateway: Gateway) -> None:
    order, now = await place(here), datetime.now(UTC)
    await gateway.send(result(order, "timeout", now + timedelta(seconds=2)), result(order, "confirmed", now))
    await gateway.send(result(order, "accepted", now))
    await here.settled()
    (row,) = await here.rows(order_result)
    assert (row["gateway"], row["id"], row["state"]) == (gateway.id, order.id, "confirmed")
    async with here.house.db.read() as connection:
        (view,) = (await desired_views.last_orders(connection, [gateway.id]))[gateway.id]
    assert (view.stands(now), view.issued_by) == ("confirmed", "wang")


async def test_another_gateway_cannot_answer_for_it(here: Centre, gateway: Gateway) -> None:
    order = await place(here)
    liar = await here.gateway()
    await liar.send(result(order, "confirmed", datetime.now(UTC)))
    await here.settled()
    async with here.house.db.read() as connection:
        (view,) = (await desired_views.last_orders(connection, [gateway.id]))[gateway.id]
    assert view.state is None
    assert view.stands(view.expires_at + timedelta(seconds=1)) == "unheard"
    assert len(await here.rows(gateway_table)) == 2

"""What gateways are answered; every refusal has its own word and keeps its bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from joserfc import jwt

from domain.ids import content_name
from domain.wire import MAX_PACKED_BYTES
from eventlog.shards import shard_of
from server.app import create_app
from server.media import MAX_PICTURE_BYTES
from server.store.schema import gateway as gateway_table
from server.store.schema import media, refusal
from tests.eventlog.logs import batch
from tests.server.centre import Centre, Gateway, centre
from tests.server.engines import Engine


@pytest.fixture
async def here(tmp_path: Path, engine: Engine) -> AsyncIterator[Centre]:
    async with centre(tmp_path, engine) as running:
        yield running


@pytest.fixture
async def gateway(here: Centre) -> Gateway:
    return await here.gateway()


def said(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


async def test_a_code_enrols_once(here: Centre) -> None:
    code, _ = await here.house.gateways.issue_code("garden")
    assert (await Gateway(here.client).enrol(code.lower().replace("-", " "))).status_code == 200
    assert said(await Gateway(here.client).enrol(code)) == (403, "used_code")
    assert said(await Gateway(here.client).enrol("nonsense")) == (403, "unknown_code")


async def test_a_code_ends(tmp_path: Path, here: Centre) -> None:
    here.house.gateways._code_life = timedelta(seconds=-1)
    code, _ = await here.house.gateways.issue_code("garden")
    assert said(await Gateway(here.client).enrol(code)) == (403, "expired_code")


async def test_a_code_shown_again_with_the_same_key_answers_the_same_gateway_until_it_ends(here: Centre) -> None:
    code, _ = await here.house.gateways.issue_code("garden")
    mine = Gateway(here.client)
    first = (await mine.enrol(code)).json()
    again = await mine.enrol(code)  # the first answer was lost on the way
    assert (again.status_code, again.json()["gateway"]) == (200, first["gateway"])
    assert len(await here.rows(gateway_table)) == 1
    assert said(await Gateway(here.client).enrol(code)) == (403, "used_code")
    now = here.house.gateways._now
    here.house.gateways._now = lambda: now() + timedelta(days=300)
    assert said(await mine.enrol(code)) == (403, "used_code")


async def test_a_code_does_not_bring_back_a_key_that_was_replaced(here: Centre) -> None:
    code, _ = await here.house.gateways.issue_code("garden")
    mine = Gateway(here.client)
    await mine.enrol(code)
    await here.house.gateways.replace(mine.id)
    assert said(await mine.enrol(code)) == (403, "used_code")


async def test_guesses_of_codes_do_not_take_the_writer(here: Centre) -> None:
    async with asyncio.timeout(10), here.house.db.lock:
        assert said(await Gateway(here.client).enrol("nonsense")) == (403, "unknown_code")


async def test_a_private_key_is_not_taken(here: Centre) -> None:
    code, _ = await here.house.gateways.issue_code("garden")
    body = {"code": code, "public_key": Gateway(here.client).key.as_dict(private=True)}
    assert said(await here.client.post("/v1/enrol", json=body)) == (403, "bad_key")


async def test_tokens_of_every_wrong_kind_are_refused_with_the_time(here: Centre, gateway: Gateway) -> None:
    other = await here.gateway()
    forged = other.token(iss=gateway.id)
    none = jwt.encode({"alg": "HS256"}, {"iss": gateway.id}, _secret(), algorithms=["HS256"])
    for token, word in [
        (forged, "bad_token"),
        (none, "bad_token"),
        ("x.y.z", "bad_token"),
        (gateway.token(aud="others"), "bad_token"),
        (gateway.token(iss="gw-nobody"), "unknown_gateway"),
        (gateway.token(timedelta(hours=-3)), "expired"),
        (gateway.token(timedelta(hours=3)), "not_yet"),
        (gateway.token(life=timedelta(days=300)), "bad_token"),
    ]:
        response = await gateway.post(batch(gateway.id, 1), token)
        assert said(response) == (401, word), word
        told = datetime.fromisoformat(response.json()["server_time"])
        assert abs(told - datetime.now(UTC)) < timedelta(seconds=10)


def _secret():
    from joserfc.jwk import OctKey

    return OctKey.generate_key(256)


async def test_a_replaced_gateways_key_is_dead(here: Centre, gateway: Gateway) -> None:
    assert (await gateway.post(batch(gateway.id, 1))).status_code == 200
    await here.house.gateways.replace(gateway.id)
    assert said(await gateway.post(batch(gateway.id, 2))) == (401, "replaced")


async def test_batches_are_contiguous_or_refused_with_the_watermark(here: Centre, gateway: Gateway) -> None:
    assert (await gateway.post(batch(gateway.id, 1, 5))).json() == {"outcome": "stored", "watermark": 5}
    assert (await gateway.post(batch(gateway.id, 1, 5))).json() == {"outcome": "known", "watermark": 5}
    for first, count, word in [(7, 1, "gap"), (5, 2, "overlap")]:
        response = await gateway.post(batch(gateway.id, first, count))
        assert said(response) == (409, word)
        assert response.json()["watermark"] == 5
    kept = await here.rows(refusal)
    assert [row["reason"] for row in kept] == ["gap", "overlap"]
    assert kept[0]["body"] == batch(gateway.id, 7, 1)


async def test_a_damaged_or_foreign_batch_is_refused_and_its_bytes_kept(here: Centre, gateway: Gateway) -> None:
    damaged = bytearray(batch(gateway.id, 1))
    damaged[-1] ^= 1
    for body, word in [
        (bytes(damaged), "checksum"),
        (b"GET / HTTP", "version"),
        (batch("gw-other", 1), "foreign"),
        (b"", "version"),
    ]:
        assert said(await gateway.post(body)) == (422, word)
    assert [row["reason"] for row in await here.rows(refusal)] == ["checksum", "version", "foreign", "version"]
    assert (await here.rows(refusal))[0]["body"] == bytes(damaged)
    assert (await gateway.post(batch(gateway.id, 1))).status_code == 200, "what is wrong stops nothing else"


async def test_bodies_over_their_bound_are_not_read(here: Centre, gateway: Gateway) -> None:
    assert said(await gateway.post(b"x" * (MAX_PACKED_BYTES + 1))) == (413, "too_large")

    async def endless():
        for _ in range(2 + MAX_PACKED_BYTES // 65_536):
            yield b"x" * 65_536

    response = await here.client.post("/v1/batches", content=endless(), headers=gateway.headers())
    assert said(response) == (413, "too_large")


@pytest.mark.parametrize("path", ["/v1/batches", "/v1/hello", "/v1/desired"])
@pytest.mark.parametrize("body", [b"", b"\xff", b'{"streams": {}, "wait_s": 0}', b"x" * (MAX_PACKED_BYTES + 1)])
@pytest.mark.parametrize("is_known", [True, False])
async def test_the_busiest_routes_answer_the_same_behind_a_proxy_that_puts_a_path_before(
    here: Centre, gateway: Gateway, path: str, body: bytes, is_known: bool
) -> None:
    """There they go through the framework's router and layers, here ahead of them (server/api/ahead.py)."""
    headers = gateway.headers(None if is_known else "none.of.ours")
    ours = await here.client.post(path, content=body, headers=headers)
    behind = httpx.ASGITransport(create_app(here.house), root_path="/gatehouse")
    async with httpx.AsyncClient(transport=behind, base_url="http://centre") as client:
        theirs = await client.post(f"/gatehouse{path}", content=body, headers=headers)
    assert ours.status_code == theirs.status_code != 404
    assert ours.json().keys() == theirs.json().keys()
    assert ours.json().get("error") == theirs.json().get("error")
    assert {name for name, _ in ours.headers.items()} == {name for name, _ in theirs.headers.items()}


async def put(gateway: Gateway, name: str, body: bytes) -> httpx.Response:
    return await gateway.client.put(f"/v1/media/{name}", content=body, headers=gateway.headers())


async def test_a_picture_is_kept_under_its_own_name_only(here: Centre, gateway: Gateway) -> None:
    body = b"\xff\xd8 a picture"
    assert said(await put(gateway, content_name(b"another"), body)) == (422, "wrong_hash")
    assert (await put(gateway, content_name(body), body)).json() == {"stored": True}
    assert (await put(gateway, content_name(body), body)).json() == {"stored": False}
    assert [row["sha256"] for row in await here.rows(media)] == [content_name(body)]
    assert await here.house.media.get(content_name(body)) == body
    assert [row["reason"] for row in await here.rows(refusal)][:1] == ["wrong_hash"]
    assert said(await put(gateway, content_name(body), b"x" * (MAX_PICTURE_BYTES + 1))) == (413, "too_large")


async def test_hello_tells_the_watermarks_of_the_present_epochs(here: Centre, gateway: Gateway) -> None:
    await gateway.post(batch(gateway.id, 1, 5))
    streams = {"routine": {"epoch": "e1", "head": 9}, "money": {"epoch": "e1", "head": 0}}
    response = await here.client.post("/v1/hello", json={"streams": streams}, headers=gateway.headers())
    assert response.json()["watermarks"] == {"routine": 5, "money": 0}
    again = {"streams": {"routine": {"epoch": "e2", "head": 1}}}
    response = await here.client.post("/v1/hello", json=again, headers=gateway.headers())
    assert response.json()["watermarks"] == {"routine": 0}
    assert said(await here.client.post("/v1/hello", json={"streams": 3}, headers=gateway.headers())) == (
        422,
        "bad_request",
    )


async def test_a_gateway_asks_who_it_is_and_nothing_is_changed_by_it(here: Centre, gateway: Gateway) -> None:
    before = await here.rows(gateway_table)
    answer = await here.client.get("/v1/hello", headers=gateway.headers())
    assert answer.status_code == 200
    assert (answer.json()["gateway"], answer.json()["complex"]) == (gateway.id, "garden")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(answer.json()["server_time"])) < timedelta(minutes=1)
    assert await here.rows(gateway_table) == before
    assert said(await here.client.get("/v1/hello")) == (401, "no_token")


async def test_readers_are_told_of_a_batch_that_presses_and_of_no_other_routine_one(
    here: Centre, gateway: Gateway
) -> None:
    rings = [here.house.ingest.hurry.count(shard_of("garden"))]
    for number, query in enumerate(("?pressing=true", "", "?pressing=no"), 1):
        packed = batch(gateway.id, number)
        answer = await here.client.post("/v1/batches" + query, content=packed, headers=gateway.headers())
        assert answer.json()["watermark"] == number
        rings.append(here.house.ingest.hurry.count(shard_of("garden")))
    assert rings == [0, 1, 1, 1]

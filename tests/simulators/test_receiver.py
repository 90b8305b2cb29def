"""The receiver counts each event once, checks signatures, and fails as told."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from simulators.receiver import BATCH, ONE, Failing, Receiver

SECRET = b"a shared secret"


def cloud_event(number: int, source: str = "/complexes/demo") -> dict[str, Any]:
    return {"specversion": "1.0", "id": f"e{number}", "source": source, "type": "gatehouse.plate", "data": {}}


def signed(body: bytes, secret: bytes = SECRET, timestamp: str = "1772324130") -> dict[str, str]:
    digest = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Gatehouse-Timestamp": timestamp, "X-Gatehouse-Signature": f"sha256={digest}"}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    one = Receiver()
    await one.start()
    yield one
    await one.stop()


async def post(receiver: Receiver, content: Any, content_type: str = BATCH, **headers: str) -> int:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    async with (
        aiohttp.ClientSession() as session,
        session.post(receiver.url, data=body, headers={"Content-Type": content_type, **headers}) as answer,
    ):
        return answer.status


async def test_each_event_counts_once_however_it_comes(receiver: Receiver) -> None:
    assert await post(receiver, cloud_event(1), ONE) == 204
    assert await post(receiver, [cloud_event(1), cloud_event(2)]) == 204
    assert await post(receiver, [cloud_event(1, "/complexes/other")]) == 204
    counts = receiver.counts()
    assert (counts.once, counts.repeats, counts.requests) == (3, 1, 3)
    assert receiver.keys == {("/complexes/demo", "e1"), ("/complexes/demo", "e2"), ("/complexes/other", "e1")}
    assert [event["id"] for event in receiver.kept] == ["e1", "e1", "e2", "e1"]


async def test_counts_are_shown(receiver: Receiver) -> None:
    await post(receiver, [cloud_event(1), cloud_event(1)])
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{receiver.port}/counts") as answer:
        shown = await answer.json()
    assert (shown["once"], shown["repeats"], shown["by_type"]) == (1, 1, {"gatehouse.plate": 2})


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"{", ONE),
        ([1], BATCH),
        ({"id": "1"}, ONE),
        ({**cloud_event(1), "specversion": "0.3"}, ONE),
        ({**cloud_event(1), "id": ""}, ONE),
        (cloud_event(1), "application/json"),
    ],
)
async def test_what_is_no_cloud_event_is_refused(receiver: Receiver, content: Any, content_type: str) -> None:
    assert await post(receiver, content, content_type) == 400
    assert (receiver.counts().once, receiver.counts().refused) == (0, 1)


async def test_a_batch_with_one_bad_event_takes_none(receiver: Receiver) -> None:
    assert await post(receiver, [cloud_event(1), {"id": "2"}]) == 400
    assert receiver.keys == set()


async def test_only_a_signature_that_holds_is_taken() -> None:
    receiver = Receiver(secret=SECRET)
    await receiver.start()
    body = json.dumps(cloud_event(1)).encode()
    assert await post(receiver, body, ONE) == 401
    assert await post(receiver, body, ONE, **signed(body, b"another secret")) == 401
    assert await post(receiver, body + b" ", ONE, **signed(body)) == 401
    moved = {**signed(body), "X-Gatehouse-Timestamp": "1772324131"}
    assert await post(receiver, body, ONE, **moved) == 401
    assert await post(receiver, body, ONE, **signed(body)) == 204
    assert (receiver.counts().once, receiver.counts().refused) == (1, 4)
    await receiver.stop()


async def test_it_fails_as_often_as_told_and_takes_nothing_then(receiver: Receiver) -> None:
    receiver.failing = Failing(times=2, status=503)
    assert [await post(receiver, [cloud_event(1)]) for _ in range(3)] == [503, 503, 204]
    assert (receiver.counts().once, receiver.counts().repeats, receiver.counts().failed_on_purpose) == (1, 0, 2)


async def test_a_request_that_hangs_was_taken_so_its_repeat_is_a_repeat(receiver: Receiver) -> None:
    receiver.failing = Failing(times=1, status=0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(post(receiver, [cloud_event(1)]), 0.3)
    assert await post(receiver, [cloud_event(1)]) == 204
    assert (receiver.counts().once, receiver.counts().repeats) == (1, 1)


async def test_an_id_it_was_told_to_refuse_is_refused_every_time(receiver: Receiver) -> None:
    receiver.failing = Failing(refuse_ids=frozenset({"e2"}))
    assert await post(receiver, [cloud_event(1), cloud_event(2)]) == 400
    assert await post(receiver, [cloud_event(2)]) == 400
    assert await post(receiver, [cloud_event(1)]) == 204
    assert receiver.keys == {("/complexes/demo", "e1")}


async def test_events_are_written_down(tmp_path: Path) -> None:
    receiver = Receiver(jsonl=tmp_path / "events.jsonl")
    await receiver.start()
    await post(receiver, [cloud_event(1), cloud_event(2)])
    await receiver.stop()
    written = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert written == [cloud_event(1), cloud_event(2)]

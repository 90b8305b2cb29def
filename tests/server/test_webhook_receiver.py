"""The receiver of the docs: it takes what the sender signs, and neither replays, nor old requests, nor altered ones."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from aiohttp import web

from server.feeds.cloudevents import joined, signature_headers
from server.store.schema import delivery
from tests.server.engines import SQLITE
from tests.server.test_webhook import SECRET, FarEnd, fact, feeding

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)
EVENTS = [{"id": f"{number:032x}", "type": "gatehouse.input"} for number in range(3)]
BODY = joined([msgspec.json.encode(event) for event in EVENTS])


def the_receiver() -> ModuleType:
    spec = importlib.util.spec_from_file_location("receiver", Path("docs/feeds/receiver.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


receiver: Any = the_receiver()


def test_what_is_signed_now_is_believed() -> None:
    receiver.verify(SECRET, signature_headers(SECRET, BODY, NOW), BODY, NOW.timestamp() + 299)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda headers: {**headers, "webhook-signature": ""},
        lambda headers: {**headers, "webhook-id": "0" * 32},
        lambda headers: {**headers, "webhook-timestamp": str(int(NOW.timestamp()) + 60)},
        lambda _: signature_headers(b"another receiver's", BODY, NOW),
        lambda _: signature_headers(SECRET, BODY + b" ", NOW),
        lambda _: signature_headers(SECRET, BODY, NOW - timedelta(minutes=6)),
        lambda _: signature_headers(SECRET, BODY, NOW + timedelta(minutes=6)),
        lambda _: {},
    ],
)
def test_what_was_altered_or_is_old_is_not(spoil: Callable[[dict[str, str]], dict[str, str]]) -> None:
    with pytest.raises(receiver.NotBelieved):
        receiver.verify(SECRET, spoil(signature_headers(SECRET, BODY, NOW)), BODY, NOW.timestamp())


def test_the_older_signature_alone_would_take_a_replay_within_minutes() -> None:
    """The control: it has no id, and nothing but the events' own ids tells a repeat."""
    first, again = signature_headers(SECRET, BODY, NOW), signature_headers(SECRET, BODY, NOW + timedelta(seconds=9))
    assert first["webhook-id"] == again["webhook-id"], "the same body has the same id at each attempt"
    assert first["webhook-signature"] != again["webhook-signature"]


def test_an_event_that_comes_again_acts_once_and_one_that_failed_comes_again(tmp_path: Path) -> None:
    seen, acted = receiver.Seen(str(tmp_path / "seen.db")), list[str]()
    failing = [EVENTS[1]["id"]]

    def act(event: dict[str, Any]) -> None:
        if event["id"] in failing:
            raise OSError("disk full")
        acted.append(event["id"])

    with pytest.raises(OSError, match="disk full"):
        seen.take(EVENTS, act, 0.0)
    failing.clear()
    assert seen.take(EVENTS, act, 1.0) == 2 and seen.take(EVENTS, act, 2.0) == 0
    assert acted == [event["id"] for event in EVENTS]


class Verified(FarEnd):
    """The sender's requests before the receiver of the docs."""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        receiver.verify(SECRET, dict(request.headers), body, time.time())
        self.taken += msgspec.json.decode(body)
        return web.Response(status=204)


async def test_the_sender_and_the_receiver_agree(tmp_path: Path) -> None:
    far_end = Verified()
    async with feeding(tmp_path, SQLITE, far_end, []) as here:
        gateway = await here.gateway()
        await gateway.send(*(fact(number) for number in range(60)))
        await here.wait_for(delivery, lambda found: len(found) == 60 and all(row["state"] == "sent" for row in found))
    assert len(far_end.taken) == 60

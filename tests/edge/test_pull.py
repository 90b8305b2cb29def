"""The long poll of a gateway: what it reports, what it does with an answer, and that one bad thing holds up nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.sync.pull import Pull
from edge.sync.transport import UplinkDown
from tests.edge.control_bench import CARD, ControlBench, control_bench, credentials, order


class Centre:
    """Answers in turn, then with nothing for ever; keeps what it was asked."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    async def send_json(self, method: str, path: str, content: dict[str, Any]) -> dict[str, Any]:
        assert (method, path) == ("POST", "/v1/desired")
        self.asked.append(msgspec.json.decode(msgspec.json.encode(content)))
        if not self.answers:
            await asyncio.sleep(0.02)
        said = self.answers.pop(0) if self.answers else {}
        if isinstance(said, Exception):
            raise said
        now = datetime.now(UTC).isoformat()
        return msgspec.json.decode(msgspec.json.encode({"documents": [], "orders": [], "server_time": now, **said}))


def document(kind: str, version: int, body: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "version": version, "body": body}


async def pulled(
    here: ControlBench,
    *answers: dict[str, Any] | Exception,
    retry_s: Callable[[int], float] = lambda _: 0.0,
    most_pause_s: float = 1.0,
    within_s: float = 10.0,
) -> list[dict[str, Any]]:
    """What was asked, once all was answered and one more round was made. Raises TimeoutError."""
    centre: Any = Centre(*answers)
    pull = Pull(centre, here.desired, here.control.orders, _raise, retry_s, asyncio.Event(), 1.0, most_pause_s)
    running = asyncio.create_task(pull.run())
    try:
        async with asyncio.timeout(within_s):
            while len(centre.asked) <= len(answers):
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.wait([running])
    return centre.asked[: len(answers) + 1]


async def _raise(error: Exception) -> None:
    raise error


async def test_what_came_is_in_force_and_reported(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        one = order()
        first, second = await pulled(
            here, {"documents": [document("credentials", 3, credentials(CARD))], "orders": [msgspec.to_builtins(one)]}
        )
        assert (first["known"], first["applied"], first["orders_done"]) == ({}, {}, [])
        assert (second["known"], second["applied"]) == ({"credentials": 3}, {"credentials": 3})
        assert (second["orders_done"], len(here.sent)) == ([one.id], 1)


async def test_a_refusal_is_reported_and_the_rest_is_asked_for_again(tmp_path: Path) -> None:
    good, bad = document("credentials", 3, credentials(CARD)), document("devices", 2, {"devices": [{}]})
    async with control_bench(tmp_path) as here:
        _, second, third = await pulled(here, {"documents": [good, bad]}, {"documents": [good]})
        assert second["applied"] == {}, "all or nothing"
        assert second["known"] == {"devices": 2}, "so the centre leaves that one out"
        ((refusal),) = second["refused"]
        assert (refusal["kind"], refusal["version"]) == ("devices", 2)
        assert "id" in refusal["reason"]
        assert third["applied"] == {"credentials": 3}


async def test_a_lost_request_loses_no_report(tmp_path: Path) -> None:
    one = order()
    async with control_bench(tmp_path) as here:
        asked = await pulled(here, {"orders": [msgspec.to_builtins(one)]}, UplinkDown("cut"), {"nonsense": 1})
        assert [request["orders_done"] for request in asked] == [[], [one.id], [one.id], []]


async def test_an_order_that_is_not_understood_is_refused_and_holds_up_none(tmp_path: Path) -> None:
    strange = {**msgspec.to_builtins(order(2)), "name": "OPEN SESAME"}
    async with control_bench(tmp_path) as here:
        _, second = await pulled(here, {"orders": [strange, msgspec.to_builtins(order(1))]})
        assert second["orders_done"] == ["order-0001", "order-0002"]
        assert len(here.sent) == 1
        answers = await here.recorded("command_result", 2)
        assert {event.request_id: event.state for event in answers} == {
            "order-0001": "accepted",
            "order-0002": "refused",
        }


async def test_what_is_not_the_centres_answer_changes_nothing(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        _, second = await pulled(here, {"documents": "a portal's page"})
        assert second["applied"] == {}


async def test_however_long_the_centre_was_away_it_is_asked_again_soon(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        away = [UplinkDown("away")] * 5
        asked = await pulled(here, *away, retry_s=lambda _: 3_600.0, most_pause_s=0.01)
        assert len(asked) == 6
        with pytest.raises(TimeoutError):  # the control: a pause that grows as all others do
            await pulled(here, *away, retry_s=lambda _: 3_600.0, most_pause_s=3_600.0, within_s=0.3)

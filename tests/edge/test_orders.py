"""Orders at the gateway: once at most, never late, and each ends with a word."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from eventlog.log import LogBroken
from tests.edge.control_bench import DEVICE, control_bench, order


async def test_an_order_is_sent_and_confirmed_by_its_devices_answer(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        one = order()
        assert await here.control.orders.take([one], datetime.now(UTC)) == [one.id]
        (request,) = here.requests()
        assert (request["request-id"], request["door"]) == (one.id, 1)
        here.controller.cards.add(int(str(one.args["card"])))
        here.hear(here.controller.answer(here.sent[0].topic, here.sent[0].payload, datetime.now(UTC)))
        _, done = await here.states("accepted", "confirmed")
        assert (done.request_id, done.ok, done.label, done.point) == (one.id, True, "door.open", DEVICE)


async def test_a_device_that_says_no_refuses_it_with_its_words(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        await here.control.orders.take([order()], datetime.now(UTC))
        here.hear(here.controller.answer(here.sent[0].topic, here.sent[0].payload, datetime.now(UTC)))
        _, refused = await here.states("accepted", "refused")
        assert "not authorised" in (refused.text or "")


async def test_a_silent_device_ends_in_a_timeout_and_a_late_answer_changes_nothing(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        await here.wish(1, policy={"confirm_s": 0.05})
        await here.control.orders.take([order()], datetime.now(UTC))
        await here.states("accepted", "timeout")
        here.controller.cards.add(8165538)
        here.hear(here.controller.answer(here.sent[0].topic, here.sent[0].payload, datetime.now(UTC)))
        await here.recorded("command_result", 3)
        await here.states("accepted", "timeout")


async def test_handed_again_it_is_not_done_again(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        one = order()
        await here.control.orders.take([one, one], datetime.now(UTC))
        assert await here.control.orders.take([one], datetime.now(UTC)) == [one.id]
        assert len(here.sent) == 1
        await here.states("accepted")
    async with control_bench(tmp_path) as again:
        assert await again.control.orders.take([one], datetime.now(UTC)) == [one.id]
        assert again.sent == []
        _, unknown = await again.states("accepted", "timeout")
        assert "not again" in (unknown.text or "")


async def test_an_expired_order_is_not_done_and_says_so(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        late = order(life_s=5.0)
        await here.control.orders.take([late], late.expires_at + timedelta(seconds=1))
        await here.states("expired")
        assert here.sent == []


async def test_an_answer_that_lay_somewhere_does_not_make_an_order_young(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with control_bench(tmp_path) as here:
        sent_at = datetime.now(UTC)
        await here.control.orders.take([], sent_at)
        loop = asyncio.get_running_loop()
        real = loop.time
        monkeypatch.setattr(loop, "time", lambda: real() + 20.0)  # it was sent at once, and comes 20 s later
        await here.control.orders.take([order(life_s=15.0, now=sent_at)], sent_at)
        await here.states("expired")
        assert here.sent == []


async def test_lifetimes_are_counted_by_the_centres_clock(tmp_path: Path) -> None:
    """The box thinks it is 1970; the order is fresh all the same."""
    async with control_bench(tmp_path, lambda: datetime(1970, 1, 1, tzinfo=UTC)) as here:
        await here.control.orders.take([order()], datetime.now(UTC))
        assert len(here.sent) == 1


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"device": "nobody:1"}, "no driver"),
        ({"name": "door.paint"}, "no 'door.paint'"),
        ({"args": {}}, "needs point"),
    ],
)
async def test_what_no_driver_can_word_is_refused(tmp_path: Path, wrong: dict[str, object], why: str) -> None:
    async with control_bench(tmp_path) as here:
        await here.control.orders.take([order(**wrong)], datetime.now(UTC))  # type: ignore[arg-type]
        (refused,) = await here.states("refused")
        assert why in (refused.text or "")


async def test_without_the_broker_it_is_refused_at_once(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        here.broker_away = True
        await here.control.orders.take([order()], datetime.now(UTC))
        await here.states("refused")


async def test_what_cannot_be_kept_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with control_bench(tmp_path) as here:

        async def breaks(*_: object) -> None:
            raise LogBroken("no space left")

        monkeypatch.setattr(here.store, "write", breaks)
        with pytest.raises(LogBroken):
            await here.control.orders.take([order()], datetime.now(UTC))
        assert here.sent == []


async def test_open_orders_are_bounded(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        await here.control.orders.take([order(n) for n in range(70)], datetime.now(UTC))
        assert len(here.sent) == 64
        refused = [event for event in await here.recorded("command_result", 70) if event.state == "refused"]
        assert len(refused) == 6


async def test_the_last_topic_of_the_device_words_the_order(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        here.controller.prefix = "site/doors"
        here.hear(here.controller.door(1, 23, datetime.now(UTC)))
        await here.control.orders.take([order()], datetime.now(UTC))
        assert here.sent[0].topic == "site/doors/requests/device/door/lock:open"

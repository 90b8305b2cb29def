"""The load publisher knows exactly what was acknowledged, also over a broker that is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.broker import NatsBroker, free_port
from simulators.load import Acknowledged, LoadFailed, publish
from tests.simulators.polling import poll_async

MESSAGES = [(f"load/{number % 5}", f"message {number}".encode()) for number in range(3_000)]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[NatsBroker]:
    with NatsBroker(store=tmp_path / "store") as one:
        yield one


@pytest.mark.parametrize("spread", ["topic", "round_robin"])
@pytest.mark.parametrize(("connections", "window"), [(1, 1), (3, 50), (8, 1_000)])
async def test_every_message_is_acknowledged_once(broker: NatsBroker, connections: int, window: int, spread) -> None:
    messages = MESSAGES[:300]
    done = await publish(broker.host, broker.port, messages, connections, window, spread=spread)
    assert sorted(done.keys) == list(range(len(messages)))
    assert len(done.at_s) == len(done.keys)
    assert (done.reconnects, done.sent_again) == (0, 0)


async def test_messages_of_a_topic_are_acknowledged_in_order(broker: NatsBroker) -> None:
    done = await publish(broker.host, broker.port, MESSAGES, connections=3)
    for topic in range(5):
        keys = [key for key in done.keys if key % 5 == topic]
        assert keys == sorted(keys)


async def test_packet_ids_go_round(broker: NatsBroker) -> None:
    messages = [("load/0", b"")] * 70_000
    done = await publish(broker.host, broker.port, messages, connections=1, window=2_000)
    assert sorted(done.keys) == list(range(70_000))


async def test_goes_on_over_a_broker_that_is_killed(broker: NatsBroker) -> None:
    done = Acknowledged()
    publishing = asyncio.create_task(publish(broker.host, broker.port, MESSAGES, 3, 100, rate=3_000, into=done))
    await poll_async(lambda: len(done.keys) > 500)
    broker.kill()
    before = list(done.keys)
    broker.start()
    await publishing
    assert before == done.keys[: len(before)]
    assert sorted(done.keys) == list(range(len(MESSAGES)))
    assert done.reconnects > 0


async def test_nothing_is_counted_that_no_broker_acknowledged() -> None:
    with pytest.raises(LoadFailed, match="nothing was acknowledged"):
        await publish("127.0.0.1", free_port(), MESSAGES[:10], stall_s=0.3)


async def test_a_rate_is_not_exceeded(broker: NatsBroker) -> None:
    done = await publish(broker.host, broker.port, MESSAGES[:200], rate=1_000)
    due_s = [done.started_s + key / 1_000 for key in done.keys]
    assert all(at >= due for at, due in zip(done.at_s, due_s, strict=True))


async def test_no_messages_are_done_at_once(broker: NatsBroker) -> None:
    assert (await publish(broker.host, broker.port, [])).keys == []


async def test_a_refusing_broker_is_named() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"\x20\x02\x00\x05")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(LoadFailed, match="code 5"):
            await publish("127.0.0.1", port, MESSAGES[:3])

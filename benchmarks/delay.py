"""Publish → durable at a fixed rate, a gateway's busiest hour many times over: the delay, not the speed."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime

from benchmarks.gateway import rig
from benchmarks.intake import brokers
from benchmarks.messages import Message, door_and_plate_messages
from benchmarks.rows import Row, percentile, row
from simulators import mqtt_wire
from tests.rig import Rig

_RATE, _SECONDS, _P99_MS = 1_000, 10, 15
_TICK_S, _LIMIT_S = 0.001, 60.0
_WARM_SHARE = 0.2  # the first messages find a cold process: not counted


async def run(scale: float) -> list[Row]:
    """The delay of each plate, from when it is written to the socket until its row can be read in the agent's log.

    The publisher's own PUBACK would not do: Mosquitto gives it from memory, before the agent has the message.
    """
    count = max(2_000, int(_RATE * _SECONDS * scale))
    broker = brokers()[-1]()
    with rig(broker) as here:
        here.write_edge_settings("")
        await here.start_edge()
        delays_ms = await _delays_ms(here, door_and_plate_messages(count, datetime.now(UTC)))
    counted = delays_ms[int(len(delays_ms) * _WARM_SHARE) :]
    p50, p99 = round(percentile(counted, 0.5), 1), round(percentile(counted, 0.99), 1)
    what = f"publish → durable at {_RATE:,}/s, {broker.name}, drivers: p99"
    return [row(what, p99, "ms", at_most=_P99_MS, p50_ms=p50, messages=len(counted))]


async def _delays_ms(here: Rig, messages: list[Message]) -> list[float]:
    """Plates alone are in their stream, in the order they were sent: the k-th row is the k-th plate."""
    sent_s: list[float] = []
    durable_s: list[float] = []
    publishing = asyncio.create_task(_publish(here.broker.port, messages, sent_s))
    with closing(sqlite3.connect(f"file:{here.edge_folder / 'data' / 'log.db'}?mode=ro", uri=True)) as db:
        async with asyncio.timeout(_LIMIT_S + len(messages) / _RATE):
            while len(durable_s) < len(messages) // 2:
                (plates,) = db.execute("SELECT head FROM stream WHERE name = 'money'").fetchone()
                durable_s += [time.monotonic()] * (plates - len(durable_s))
                await asyncio.sleep(_TICK_S)
    await publishing
    return [(durable - sent) * 1000 for durable, sent in zip(durable_s, sent_s[1::2], strict=True)]


async def _publish(port: int, messages: list[Message], sent_s: list[float]) -> None:
    """On one connection, each when its time has come; notes when it was written."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(mqtt_wire.connect("gatehouse-bench"))
    await reader.readexactly(4)
    pubacks = asyncio.create_task(reader.read(-1))
    began = time.monotonic()
    while len(sent_s) < len(messages):
        now = time.monotonic()
        for number in range(len(sent_s), min(len(messages), int((now - began) * _RATE))):
            writer.write(_packet(*messages[number], number))
            sent_s.append(time.monotonic())
        await asyncio.sleep(_TICK_S)
    writer.write(mqtt_wire.DISCONNECT)
    await pubacks
    writer.close()


def _packet(topic: str, payload: bytes, number: int) -> bytes:
    packet_id = number % mqtt_wire.MAX_PACKET_ID + 1
    return mqtt_wire.publish_head(topic, len(payload)) + packet_id.to_bytes(2, "big") + payload

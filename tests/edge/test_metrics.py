"""The page for Prometheus: what the status says, on this machine alone, and no reason to stop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from edge.config import BadConfig, load
from edge.config import Metrics as Settings
from edge.status.metrics import Metrics, serve

NOW = datetime(2026, 3, 1, tzinfo=UTC)
STATUS: dict[str, Any] = {
    "time": NOW,
    "streams": {"urgent": {"backlog": 0}, "routine": {"backlog": 7}},
    "oldest_unsent_at": {"routine": NOW - timedelta(minutes=2)},
    "counts": {"messages": 10, "events": 8, "undecodable": 2, "unchanged": 5, "a_new_reason": 1},
    "seen": {"a:1": {"at": "2026-03-01T00:00:00Z", "state": None}, "a:2": {"at": None, "state": "offline"}},
    "uplink": "online",
    "broker": "away",
    "media_unsent": 3,
    "parked": 2,
    "clock_offset_s": -1.5,
    "disk": {"free_bytes": 5, "size_bytes": 10, "log_bytes": 1},
}


def read(page: bytes) -> dict[tuple[str, ...], float]:
    """(name, label values…) -> value, as Prometheus itself reads a page."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def test_the_page_says_what_the_status_says() -> None:
    metrics = Metrics()
    metrics.show(STATUS)
    metrics.observe_commit(0.004)
    page = read(metrics.page())
    assert page["gatehouse_backlog_events", "routine"] == 7
    assert page["gatehouse_oldest_unsent_seconds", "routine"] == 120
    assert page["gatehouse_oldest_unsent_seconds", "urgent"] == 0
    assert page["gatehouse_parked_total", "undecodable"] == 2
    assert page["gatehouse_parked_total", "driver_failed"] == 0, "a reason is there before it ever happens"
    assert page["gatehouse_dropped_total", "unchanged"] == 5
    assert page["gatehouse_dropped_total", "a_new_reason"] == 1, "a reason nobody listed is not lost"
    assert page["gatehouse_device_last_seen_timestamp_seconds", "a:1"] == NOW.timestamp()
    assert ("gatehouse_device_last_seen_timestamp_seconds", "a:2") not in page, "never heard is no time"
    assert (page["gatehouse_uplink_up",], page["gatehouse_broker_up",]) == (1, 0)
    assert page["gatehouse_clock_offset_seconds",] == -1.5
    assert page["gatehouse_disk_free_bytes",] == 5
    assert page["gatehouse_commit_seconds_bucket", "0.005"] == 1
    assert page["gatehouse_commit_seconds_bucket", "0.0025"] == 0


def test_cameras_that_this_box_looks_at_have_their_figures() -> None:
    seen = {"state": "ok", "fps": 14.9, "passed_over": 3, "broken_packets": 2, "lag_s": 0.4, "late": 5}
    children = [{"cameras": ["camera:a", "camera:b"], "deaths": 0, "memory_mb": 2.0, "cpu_s": 7.5}]
    metrics = Metrics()
    cameras = {"camera:a": seen, "camera:b": {"state": "unknown"}}
    metrics.show({**STATUS, "vision": {"children": children, "cameras": cameras}})
    page = read(metrics.page())
    assert (page["gatehouse_camera_well", "camera:a"], page["gatehouse_camera_well", "camera:b"]) == (1, 0)
    assert page["gatehouse_camera_fps", "camera:a"] == 14.9
    assert page["gatehouse_camera_lag_seconds", "camera:a"] == 0.4
    assert page["gatehouse_camera_total", "camera:a", "late"] == 5
    assert page["gatehouse_camera_total", "camera:a", "passed_over"] == 3
    assert page["gatehouse_camera_total", "camera:a", "broken_packets"] == 2
    assert page["gatehouse_vision_memory_bytes", "camera:a"] == 2 * 1024 * 1024
    assert page["gatehouse_vision_cpu_seconds_total", "camera:a"] == 7.5
    metrics.show(STATUS)
    assert not any("camera" in name[0] for name in read(metrics.page())), "the control: none where none is looked at"


def test_a_clock_that_was_set_back_shows_no_event_of_the_future() -> None:
    metrics = Metrics()
    metrics.show({**STATUS, "oldest_unsent_at": {"routine": NOW + timedelta(days=1)}})
    assert read(metrics.page())["gatehouse_oldest_unsent_seconds", "routine"] == 0


def test_before_the_first_status_there_is_a_page_too() -> None:
    assert read(Metrics().page())["gatehouse_commit_seconds_count",] == 0


@asynccontextmanager
async def served(port: int) -> AsyncGenerator[asyncio.Task[None]]:
    metrics = Metrics()
    metrics.show(STATUS)
    task = asyncio.create_task(serve(Settings(port=port), metrics))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


async def page_of(port: int) -> tuple[str, bytes]:
    """The page, as soon as it is served."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(10):
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                    return answer.headers["Content-Type"], await answer.read()
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.01)


async def test_it_is_served_while_the_agent_runs_and_no_longer() -> None:
    port = free_port()
    async with served(port):
        kind, page = await page_of(port)
        assert kind.startswith("text/plain")
        assert read(page)["gatehouse_backlog_events", "routine"] == 7
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_port_that_is_taken_is_said_and_stops_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, capture_logs() as told:
        port = other.getsockname()[1]
        async with served(port) as task:
            async with asyncio.timeout(10):
                await task
    assert [(line["event"], line["port"]) for line in told] == [("metrics_not_served", port)]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "box.local", "::"])
def test_others_may_read_it_only_where_it_is_written_that_they_may(host: str, tmp_path: Path) -> None:
    file = tmp_path / "edge.toml"
    file.write_text(f'[metrics]\nhost = "{host}"\n')
    with pytest.raises(BadConfig, match="allow_remote"):
        load(file)
    file.write_text(f'[metrics]\nhost = "{host}"\nallow_remote = true\n')
    assert load(file).metrics.host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.1.2.3"])
def test_this_machine_needs_no_permission(host: str) -> None:
    assert Settings(host=host).host == host

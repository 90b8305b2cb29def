"""The agent's figures for Prometheus, on this machine alone: the last status in its form, and how long commits take."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from edge.config import Metrics as Settings
from edge.intake.parked import REASONS
from edge.status.vision_metrics import of_vision

log = structlog.get_logger()

_PREFIX = "gatehouse"
_COMMIT_S = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_OWN = frozenset({"messages", "events"})


class Metrics:
    """Holds the last status; the page is made from it when somebody asks."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        name, said = f"{_PREFIX}_commit_seconds", "From a group of messages taken to the group durable."
        self._commit_s = Histogram(name, said, buckets=_COMMIT_S, registry=self._registry)
        self._status: Mapping[str, Any] = {}
        self._registry.register(self)

    def observe_commit(self, seconds: float) -> None:
        """A group became durable."""
        self._commit_s.observe(seconds)

    def show(self, status: Mapping[str, Any]) -> None:
        """The agent's status, as its status file has it."""
        self._status = status

    def collect(self) -> Iterable[Metric]:
        """What prometheus_client asks for at each scrape."""
        status = self._status
        if not status:
            return
        yield from _of_streams(status)
        yield from _of_counts(status.get("counts", {}))
        yield from _of_devices(status.get("seen", {}))
        yield from of_vision(status.get("vision", {}))
        yield from _of_the_box(status)

    def page(self) -> bytes:
        return generate_latest(self._registry)


def _of_streams(status: Mapping[str, Any]) -> Iterator[Metric]:
    backlog = _gauge("backlog_events", "Events the centre still lacks.", "stream")
    oldest = _gauge("oldest_unsent_seconds", "Age of the oldest event the centre lacks; 0 for none.", "stream")
    since: Mapping[str, datetime] = status.get("oldest_unsent_at", {})
    for name, row in status["streams"].items():
        backlog.add_metric([name], row["backlog"])
        age_s = (status["time"] - since[name]).total_seconds() if name in since else 0.0
        oldest.add_metric([name], max(0.0, age_s))  # a clock set back must not show events of the future
    yield from (backlog, oldest)


def _of_counts(counts: Mapping[str, int]) -> Iterator[Metric]:
    """Every count has its place here: a new reason to drop something shows without a change of this page."""
    yield _total("messages", "Messages made durable and acknowledged.", counts.get("messages", 0))
    yield _total("events", "Events appended to the log.", counts.get("events", 0))
    parked = CounterMetricFamily(f"{_PREFIX}_parked", "Messages that became no event.", labels=["reason"])
    dropped = CounterMetricFamily(f"{_PREFIX}_dropped", "What was not kept, or not sent, and why.", labels=["reason"])
    for reason in sorted(REASONS):
        parked.add_metric([reason], counts.get(reason, 0))
    for reason in sorted(counts.keys() - REASONS - _OWN):
        dropped.add_metric([reason], counts[reason])
    yield from (parked, dropped)


def _of_devices(seen: Mapping[str, Mapping[str, Any]]) -> Iterator[Metric]:
    last = _gauge("device_last_seen_timestamp_seconds", "When a device last said something.", "device")
    for device, entry in seen.items():
        if (at := _moment(entry.get("at"))) is not None:
            last.add_metric([device], at.timestamp())
    yield last


def _moment(value: datetime | str | None) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _of_the_box(status: Mapping[str, Any]) -> Iterator[Metric]:
    yield _plain("uplink_up", "Whether the centre answers.", float(status.get("uplink") == "online"))
    yield _plain("broker_up", "Whether the broker lets us listen.", float(status.get("broker") == "connected"))
    yield _plain("pictures_unsent", "Pictures the centre still lacks.", status.get("media_unsent", 0))
    yield _plain("parked_kept", "Parked messages kept now.", status.get("parked", 0))
    if (offset_s := status.get("clock_offset_s")) is not None:
        yield _plain("clock_offset_seconds", "The centre's clock less ours.", offset_s)
    if disk := status.get("disk"):
        yield _plain("disk_free_bytes", "Free on the disk of the log.", disk["free_bytes"])
        yield _plain("disk_size_bytes", "Size of the disk of the log.", disk["size_bytes"])
        yield _plain("log_bytes", "Size of the log's files.", disk["log_bytes"])


def _gauge(name: str, said: str, label: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", said, labels=[label])


def _plain(name: str, said: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", said, value=value)


def _total(name: str, said: str, value: float) -> Metric:
    return CounterMetricFamily(f"{_PREFIX}_{name}", said, value=value)


async def serve(settings: Settings, metrics: Metrics) -> None:
    """Answer ``GET /metrics`` until cancelled, in this loop. A port that cannot be had is said, and stops nothing."""
    app = web.Application(client_max_size=1024)
    app.router.add_get("/metrics", _answering(metrics))
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
        log.info("metrics", host=settings.host, port=settings.port)
        await asyncio.Event().wait()
    except OSError as error:
        log.warning("metrics_not_served", host=settings.host, port=settings.port, error=str(error))
    finally:
        await runner.cleanup()


def _answering(metrics: Metrics) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=metrics.page(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return answer

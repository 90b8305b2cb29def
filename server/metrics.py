"""The centre's figures for Prometheus, of this process and of the database it works on."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from eventlog.log import LogBroken
from server.house import House
from server.store import figures, migrate
from server.store.failures import DatabaseBusy

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]

_PREFIX = "gatehouse_server"
_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LOOK_EVERY_S = 5.0  # at the database, however often somebody asks


class _Looked(msgspec.Struct, frozen=True):
    """What the database said."""

    lags: list[figures.Lag]
    gateways: dict[str, int]
    deliveries: dict[tuple[str, str], int]


class Metrics:
    """Of one process. ``page`` is what it answers."""

    def __init__(self, house: House, readers: Sequence[str]) -> None:
        self._house, self._readers = house, readers
        self._registry = CollectorRegistry()
        labels = ("method", "route", "status")
        said = "From a request to the first byte of its answer."
        self._requests = Histogram(
            f"{_PREFIX}_request_seconds", said, labels, buckets=_SECONDS, registry=self._registry
        )
        ProcessCollector(namespace=_PREFIX, registry=self._registry)
        self._registry.register(self)
        self._looked: _Looked | None = None
        self._looked_at_s, self._looking = -_LOOK_EVERY_S, asyncio.Lock()

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request began to be answered."""
        self._requests.labels(method, route, str(status)).observe(seconds)

    async def page(self) -> bytes:
        await self._look()
        return generate_latest(self._registry)

    async def _look(self) -> None:
        """At the database, if the last look is long ago; where it is away, its figures are left out."""
        async with self._looking:
            now_s = asyncio.get_running_loop().time()
            if now_s - self._looked_at_s < _LOOK_EVERY_S:
                return
            self._looked_at_s = now_s
            try:
                self._looked = await self._ask()
            except (DatabaseBusy, LogBroken):
                self._looked = None

    async def _ask(self) -> _Looked:
        house = self._house
        feeds = [webhook.name for webhook in house.config.webhooks]
        async with house.db.read() as connection:
            lags = await figures.lags(connection, self._readers)
            gateways = await figures.gateways(connection, house.now())
            return _Looked(lags, gateways, await figures.deliveries(connection, feeds))

    def collect(self) -> Iterable[Metric]:
        """What prometheus_client asks for at each scrape."""
        yield from self._of_the_process()
        yield _plain("database_up", "Whether the database answered the last look.", float(self._looked is not None))
        if self._looked is not None:
            yield from self._of_the_database(self._looked)

    def _of_the_process(self) -> Iterator[Metric]:
        house = self._house
        ingest = house.ingest
        built = GaugeMetricFamily(f"{_PREFIX}_build", "1; what runs.", labels=["version", "revision"])
        built.add_metric([version("gatehouse"), migrate.newest()], 1)
        yield built
        batches = CounterMetricFamily(
            f"{_PREFIX}_ingest_batches", "Batches and what became of them.", labels=["outcome"]
        )
        for outcome in sorted({"stored", "known", "gap", "overlap", "busy", *ingest.counts}):
            batches.add_metric([outcome], ingest.counts[outcome])
        yield batches
        yield CounterMetricFamily(f"{_PREFIX}_ingest_events", "Events made durable.", value=ingest.events_stored)
        yield _plain("ingest_waiting", "Batches that wait for their commit.", ingest.waiting)
        yield _plain("polls_waiting", "Gateways that would hear of an order at once.", house.desired.waiting)
        yield _plain("screens", "Live screens that are connected.", house.live.screens)
        yield _plain("leases", "Shards and tasks that this process works on.", len(house.seen.held()))
        waits = CounterMetricFamily(f"{_PREFIX}_reader_waits", "Times a reader could not go on.", labels=["reader"])
        for reader in self._readers:
            waits.add_metric([reader], house.seen.waits[reader])
        yield waits
        yield from self._of_the_pools()
        yield _plain("disk_free_bytes", "Free on the disk of the data folder.", shutil.disk_usage(house.folder).free)

    def _of_the_pools(self) -> Iterator[Metric]:
        used = GaugeMetricFamily(f"{_PREFIX}_connections_used", "Connections in use.", labels=["pool"])
        size = GaugeMetricFamily(f"{_PREFIX}_connections_most", "Connections a pool keeps.", labels=["pool"])
        for name, pool in self._house.db.pools().items():
            counts: Any = pool
            used.add_metric([name], counts.checkedout())
            size.add_metric([name], counts.size())
        yield from (used, size)

    def _of_the_database(self, looked: _Looked) -> Iterator[Metric]:
        labels = ["reader", "shard"]
        behind = GaugeMetricFamily(
            f"{_PREFIX}_reader_behind", "Batches a reader has not taken, of a shard.", labels=labels
        )
        said = "Age of the oldest batch a reader has not taken; 0 for none."
        late = GaugeMetricFamily(f"{_PREFIX}_reader_late_seconds", said, labels=labels)
        for lag in looked.lags:
            behind.add_metric([lag.reader, lag.shard], lag.batches)
            age = self._house.now() - lag.oldest_at if lag.oldest_at else None
            late.add_metric([lag.reader, lag.shard], max(0.0, age.total_seconds()) if age else 0.0)
        yield from (behind, late)
        gateways = GaugeMetricFamily(f"{_PREFIX}_gateways", "Gateways, by when they were last heard.", labels=["state"])
        for state, count in looked.gateways.items():
            gateways.add_metric([state], count)
        yield gateways
        deliveries = GaugeMetricFamily(f"{_PREFIX}_deliveries", "What feeds still owe.", labels=["feed", "state"])
        for (feed, state), count in looked.deliveries.items():
            deliveries.add_metric([feed, state], count)
        yield deliveries


def _plain(name: str, said: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", said, value=value)

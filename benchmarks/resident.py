"""What the agent holds in memory after a day, a month, a year of events: a million of them through the broker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from benchmarks.gateway import rig
from benchmarks.intake import brokers
from benchmarks.messages import door_and_plate_messages
from benchmarks.process import peak_rss_mb, rss_mb
from benchmarks.rows import Row, full, row
from simulators.load import publish
from tests.rig import until

_EVENTS, _SHORT, _GROUP, _REACH_MB = 1_000_000, 60_000, 20_000, 80


async def run(scale: float) -> list[Row]:
    """Resident memory at the start and after the events. A million only with FULL=1: it takes minutes."""
    count = int((_EVENTS if full() else _SHORT) * scale)
    start = datetime.now(UTC) - timedelta(minutes=5)
    with rig(brokers()[-1]()) as here:
        here.write_edge_settings("")
        await here.start_edge()
        fresh_mb = rss_mb(here.edge.pid)
        for first in range(0, count, _GROUP):
            messages = door_and_plate_messages(_GROUP, start, first=first)
            head = here.edge_head()
            await publish("127.0.0.1", here.broker.port, messages, connections=2)
            await until(lambda: here.edge_head() >= head + _GROUP, 120.0, 0.02)  # noqa: B023
        settled_mb, most_mb = rss_mb(here.edge.pid), peak_rss_mb(here.edge.pid)
    what = f"agent, resident after {count:,} events"
    return [row(what, settled_mb, "MB", at_most=_REACH_MB, fresh_mb=fresh_mb, peak_mb=most_mb)]

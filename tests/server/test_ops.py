"""What machines ask: alive, ready, figures; who may; and that a dashboard shows only figures that there are."""

from __future__ import annotations

import re
import sys
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.events import Event
from eventlog.log import LogBroken
from server import behind, tracing
from server.app import create_app
from server.behind import reader_names
from server.config import BadConfig, Config, Webhook
from server.media import MediaAway
from server.pouring import Pouring
from server.store.failures import DatabaseBusy
from server.store.schema import cursor, gateway
from tests.server.centre import CONFIG, Centre, centre
from tests.server.engines import SQLITE, Engine

DASHBOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "gatehouse.json"
OPEN = Event(kind="door", device="uhppoted:1", point="door/1", state="open")
HERE = "http://127.0.0.1"


def client_of(made: Centre, base: str = HERE, peer: str = "127.0.0.1", **app: Any) -> httpx.AsyncClient:
    application = create_app(made.house, **app) if app else made.client._transport.app  # type: ignore[attr-defined]
    transport = httpx.ASGITransport(application, raise_app_exceptions=False, client=(peer, 4711))
    return httpx.AsyncClient(transport=transport, base_url=base)


def figures(page: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}


def of(found: dict[Any, float], name: str, **labels: str) -> float:
    return found[f"gatehouse_server_{name}", tuple(sorted(labels.items()))]


async def test_figures_of_ingest_readers_gateways_and_pools(engine: Engine, tmp_path: Path) -> None:
    config = msgspec.structs.replace(CONFIG, webhooks=[Webhook("office", "http://127.0.0.1:9/none")])
    async with centre(tmp_path, engine, config) as made:
        sender = await made.gateway()
        await sender.send(OPEN, OPEN)
        await made.settled()
        async with made.house.db.write() as connection:
            await connection.execute(update(gateway).values(last_seen_at=None))
            behind = update(cursor).where(cursor.c.reader == "doors").values(position=0)
            await connection.execute(behind)
        async with client_of(made, readers=reader_names(config)) as client:
            assert (await client.get("/healthz")).json() == {"status": "ok"}
            found = figures((await client.get("/metrics")).text)
        assert of(found, "ingest_events_total") == 2
        assert of(found, "ingest_batches_total", outcome="stored") == 1
        assert of(found, "gateways", state="never_heard") == 1
        assert of(found, "deliveries", feed="office", state="waiting") == 2
        assert of(found, "reader_behind", reader="doors", shard=_shard(found)) == 1
        assert of(found, "reader_behind", reader="parking", shard=_shard(found)) == 0
        assert of(found, "reader_late_seconds", reader="doors", shard=_shard(found)) > 0
        assert of(found, "connections_most", pool="read") > 0
        assert of(found, "request_seconds_count", method="GET", route="/healthz", status="200") == 1
        assert of(found, "database_up") == 1


def _shard(found: dict[Any, float]) -> str:
    return next(dict(labels)["shard"] for name, labels in found if name == "gatehouse_server_reader_behind")


async def test_figures_are_for_this_machine_or_for_who_bears_the_token(tmp_path: Path) -> None:
    closed, scraped = (tmp_path / name for name in ("closed", "scraped"))
    for folder in (closed, scraped):
        folder.mkdir(mode=0o700)
        (folder / "metrics.token").write_text("s3cret-of-the-scraper\n")
    async with centre(closed, SQLITE) as made:
        wanted = {"Authorization": "Bearer s3cret-of-the-scraper"}
        outside = {"base": "https://centre.example.invalid", "peer": "203.0.113.7"}
        tries = (
            ({}, {}, 200),
            ({"peer": "203.0.113.7"}, {}, 403),
            ({"base": "https://centre.example.invalid"}, {}, 403),  # a proxy on this machine, which passes Host on
            ({}, {"X-Forwarded-For": "203.0.113.7"}, 403),
            (outside, wanted, 403),  # no token is set: it opens nothing
        )
        for where, headers, status in tries:
            async with client_of(made, **where) as client:
                assert (await client.get("/metrics", headers=headers)).status_code == status, (where, headers)
    async with centre(scraped, SQLITE, msgspec.structs.replace(CONFIG, metrics_token_file="metrics.token")) as made:
        for headers, status in ((wanted, 200), ({}, 403), ({"Authorization": "Bearer wrong"}, 403)):
            async with client_of(made, **outside) as client:
                answer = await client.get("/metrics", headers=headers)
                assert answer.status_code == status
                assert "s3cret" not in answer.text
        (scraped / "metrics.token").unlink()
        async with client_of(made, **outside) as client:
            assert (await client.get("/metrics", headers={"Authorization": "Bearer "})).status_code == 403


async def test_ready_says_what_is_missing(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with centre(tmp_path, engine) as made:

        async def asked() -> tuple[int, list[str]]:
            async with client_of(made, base="https://centre.example.invalid", peer="203.0.113.7", readers=()) as client:
                answer = await client.get("/readyz")
                return answer.status_code, answer.json()["missing"]

        async def broken() -> None:
            raise LogBroken("disk full")

        async def away() -> None:
            raise MediaAway("no such bucket")

        assert await asked() == (200, [])
        with monkeypatch.context() as patched:
            patched.setattr(made.house.log, "probe", broken)
            patched.setattr(made.house.media, "probe", away)
            assert await asked() == (503, ["log", "pictures"])
        async with made.house.db.write() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        assert await asked() == (503, ["migrations"])


async def test_a_database_that_went_away_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> AbstractAsyncContextManager[AsyncConnection]:
        raise DatabaseBusy("connection refused")

    async with centre(tmp_path, SQLITE) as made, client_of(made, readers=["doors"]) as client:
        monkeypatch.setattr(made.house.db, "read", away)
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["missing"]) == (503, ["database", "log"])
        assert (await client.get("/healthz")).status_code == 200, "the process lives"
        assert of(figures((await client.get("/metrics")).text), "database_up") == 0


def test_the_names_of_readers_are_those_that_are_made(tmp_path: Path) -> None:
    config = Config(webhooks=[Webhook("office", "http://127.0.0.1:9/none")])

    class House:
        folder, db, log, lots = tmp_path, None, None, None
        now = staticmethod(lambda: datetime.now(UTC))

        class ingest:
            pouring, hurry, fresh, waiting = Pouring(), None, None, 0

        class live:
            ring = None

        class conservation:
            run = duties = None

        retention = rollouts = hellos = corrections = acting = channels = seal = library = media = conservation

    House.config = config  # type: ignore[attr-defined]
    readers, _ = behind.everything(House)  # type: ignore[arg-type]
    assert sorted(reader.name for reader in readers) == sorted(reader_names(config))


async def test_the_dashboard_shows_only_figures_that_there_are(tmp_path: Path) -> None:
    config = msgspec.structs.replace(CONFIG, webhooks=[Webhook("office", "http://127.0.0.1:9/none")])
    async with centre(tmp_path, SQLITE, config) as made:
        await (await made.gateway()).send(OPEN)
        async with client_of(made, readers=reader_names(config)) as client:
            await client.get("/healthz")
            page = (await client.get("/metrics")).text
    there = {sample.name for family in text_string_to_metric_families(page) for sample in family.samples}
    shown = set(re.findall(r"\bgatehouse_server_\w+", DASHBOARD.read_text()))
    assert len(shown) > 12
    assert shown <= there, shown - there
    panels = msgspec.json.decode(DASHBOARD.read_bytes())["panels"]
    assert all(target["expr"] for panel in panels for target in panel.get("targets", []))


async def test_requests_and_commits_are_traced_where_somebody_asks(tmp_path: Path) -> None:
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    async with centre(tmp_path, SQLITE) as made:
        with tracing.exporting(exporter) as made.house.ingest.span:
            async with client_of(made, span=made.house.ingest.span) as client:
                made.client = client
                await (await made.gateway()).send(OPEN, OPEN)
                await client.get("/media/" + "0" * 64)
    spans = {span.name: dict(span.attributes or {}) for span in exporter.get_finished_spans()}
    assert spans["POST /v1/batches"]["http.response.status_code"] == 200
    assert spans["ingest.commit"] == {"batches": 1}
    assert "GET /media/{sha256}" in spans, "by the route, not by the path"


def test_nobody_traces_unless_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    with tracing.tracing(Config()) as span, span("request", {}) as made:
        assert made is None
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(BadConfig, match=r"gatehouse\[otel\]"), tracing.tracing(Config(otlp_endpoint="http://x")):
        pass


async def test_a_worker_answers_on_this_machine(tmp_path: Path, unused_tcp_port: int) -> None:
    from server.metrics import Metrics
    from server.worker_metrics import figures_on

    async with centre(tmp_path, SQLITE) as made, figures_on(unused_tcp_port, Metrics(made.house, ["doors"])):
        async with httpx.AsyncClient() as client:
            page = await client.get(f"http://127.0.0.1:{unused_tcp_port}/metrics")
        assert "gatehouse_server_leases" in page.text

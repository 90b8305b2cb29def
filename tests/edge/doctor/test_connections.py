"""The doctor on the broker and the centre: each way not to be let in has a cause and a next step of its own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from domain.findings import Finding, Reporter
from edge.config import Broker
from edge.doctor import broker, centre, certificate
from edge.server_certificate import Shown, look
from edge.sync.trust import Trust
from tests.edge.box import Box
from tests.edge.test_mqtt import NOT_AUTHORIZED, FakeBroker, certified

SAYS = Reporter("connections", "x")


def now() -> datetime:
    return datetime.now(UTC)


def bad(findings: list[Finding]) -> list[str]:
    return [f"{finding.name}: {finding.cause}" for finding in findings if finding.level == "error"]


@asynccontextmanager
async def listening(fake: FakeBroker, tls: ssl.SSLContext | None = None) -> AsyncGenerator[int]:
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def asked(settings: Broker) -> list[Finding]:
    found, _ = await asyncio.to_thread(broker.check, settings, now())
    return found


# --- the broker ---


async def test_a_broker_that_is_not_there() -> None:
    async with listening(FakeBroker()) as port:
        pass
    (cause,) = bad(await asked(Broker(port=port)))
    assert cause.startswith(f"broker's line: 127.0.0.1:{port}")


async def test_a_broker_that_lets_us_in_under_a_name_of_the_doctor_s_own() -> None:
    fake = FakeBroker()
    connects: list[bytes] = []
    answer = fake._answer
    fake._answer = lambda kind, body: (connects.append(body) if kind == 1 else None, answer(kind, body))[1]  # type: ignore[method-assign]
    async with listening(fake) as port:
        assert bad(await asked(Broker(port=port))) == []
    (body,) = connects
    assert b"gatehouse-edge-doctor-" in body, "the agent's own session would be ended by a second client of its name"


async def test_a_password_that_is_refused_and_a_subscription_that_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter22")
    settings = Broker(username="edge", password_file=str(secret))
    async with listening(FakeBroker(connack=NOT_AUTHORIZED)) as port:
        found = await asked(Broker(port=port, username=settings.username, password_file=settings.password_file))
    assert bad(found) == ["broker's login: edge is not let in: Not authorized"]
    async with listening(FakeBroker(granted=0x80)) as port:
        found += await asked(Broker(port=port, username=settings.username, password_file=settings.password_file))
    assert bad(found)[1:] == ["broker's login: no subscription to #"]
    assert "ACL" in found[-1].next_step
    assert "hunter22" not in str(found)


async def test_a_broker_s_certificate_is_verified(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    context = certified(tmp_path)
    certified(tmp_path / "other")
    async with listening(FakeBroker(), context) as port:
        found = await asked(Broker(port=port, ca_file=str(tmp_path / "ca.pem")))
        assert bad(found) == []
        assert any("SHA-256" in finding.cause for finding in found)
        (cause,) = bad(await asked(Broker(port=port, ca_file=str(tmp_path / "other" / "ca.pem"))))
        assert cause.startswith("broker's certificate:")


@pytest.mark.parametrize(("days", "level"), [(60, "ok"), (5, "warn"), (-1, "error")])
def test_how_long_a_certificate_lasts(days: int, level: str) -> None:
    shown = Shown("ab" * 32, "CN=x", "CN=x", now(), now() + timedelta(days=days, hours=1), "")
    assert certificate.judged(SAYS, shown, now()).level == level


# --- the centre ---


@asynccontextmanager
async def serving(status: int, **said: Any) -> AsyncGenerator[str]:
    async def hello(request: web.Request) -> web.Response:
        assert request.headers["Authorization"].startswith("Bearer ")
        return web.json_response(said, status=status)

    app = web.Application()
    app.router.add_get("/v1/hello", hello)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def examined(folder: Path, status: int, **said: Any) -> centre.Asked:
    me = Box(folder).enrol()
    async with serving(status, **said) as url:
        return await asyncio.to_thread(centre.check, url, me, now())


async def test_a_centre_that_knows_us_tells_its_time_and_version(tmp_path: Path) -> None:
    ahead = (now() + timedelta(minutes=3)).isoformat()
    asked = await examined(tmp_path, 200, gateway="gw-1", complex="garden", version="99.0", server_time=ahead)
    assert bad(asked.findings) == []
    assert "it knows us as gw-1 of garden" in str(asked.findings)
    assert asked.offset is not None
    assert timedelta(minutes=2) < asked.offset < timedelta(minutes=4)


async def test_a_centre_older_than_its_gateway(tmp_path: Path) -> None:
    said = {"gateway": "gw-1", "complex": "garden", "version": "0.0.9", "server_time": now().isoformat()}
    assert "warn" in [finding.level for finding in (await examined(tmp_path, 200, **said)).findings]
    assert "warn" in [finding.level for finding in (await examined(tmp_path, 405)).findings]


@pytest.mark.parametrize(
    ("status", "said", "cause"),
    [
        (401, {"error": "unknown_gateway", "message": "no gateway"}, "centre: it does not know us"),
        (500, {"error": "log", "message": "full"}, "centre: it refuses"),
        (503, {}, "centre: no answer"),
        (200, {"hello": "a portal"}, "centre: no answer"),
    ],
)
async def test_each_way_to_be_refused(status: int, said: dict[str, str], cause: str, tmp_path: Path) -> None:
    (found,) = bad((await examined(tmp_path, status, **said)).findings)
    assert found.startswith(cause)


async def test_a_name_nobody_knows_and_a_line_that_is_down(tmp_path: Path) -> None:
    me = Box(tmp_path).enrol()
    (found,) = bad((await asyncio.to_thread(centre.check, "https://centre.example.invalid", me, now())).findings)
    assert "no name that is known here" in found
    (found,) = bad((await asyncio.to_thread(centre.check, "http://127.0.0.1:9", me, now())).findings)
    assert found.startswith("centre's line: 127.0.0.1:9")


async def test_a_certificate_nobody_vouches_for(tmp_path: Path) -> None:
    async with listening(FakeBroker(), certified(tmp_path)) as port:
        found = (await asyncio.to_thread(centre.check, f"https://127.0.0.1:{port}", None, now())).findings
    assert [finding.name for finding in found if finding.level == "error"] == ["centre's certificate"]


async def test_the_one_certificate_that_was_agreed_on_and_any_other(tmp_path: Path) -> None:
    async with listening(FakeBroker(), certified(tmp_path)) as port:
        url = f"https://127.0.0.1:{port}"
        shown = await asyncio.to_thread(look, url)

        async def level(trust: Trust) -> str:
            return (await asyncio.to_thread(certificate.held, SAYS, url, trust, now(), "")).level

        assert await level(Trust(fingerprint=shown.sha256)) == "ok"
        assert await level(Trust(fingerprint="00" * 32)) == "error"
        assert await level(Trust(ca=(tmp_path / "ca.pem").read_text())) == "ok"
        assert await level(Trust()) == "error"

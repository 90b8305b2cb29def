"""Devices that push, and fall silent; and headers that nobody's device would send."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import Event
from edge.device_secrets import DeviceSecret
from edge.transports import http_push, http_silence
from edge.transports.http_auth import Doorman
from edge.transports.http_silence import Silence
from tests.edge.devices.samples import sample
from tests.edge.http_bench import client, http_bench


def beat(device: str) -> Event:
    return Event(kind="availability", device=device, state="online")


def test_who_gave_signs_of_life_and_stopped_is_gone_once() -> None:
    silence = Silence(10.0)
    silence.heard([beat("a:1"), Event(kind="plate", device="a:2")], 0.0)
    silence.heard([Event(kind="plate", device="a:1")], 5.0)
    assert silence.gone(12.0) == []
    assert silence.gone(16.0) == ["a:1"]  # the other never promised any
    assert silence.gone(99.0) == []


async def test_a_camera_that_falls_silent_is_offline_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_push, "_LOOK_S", 0.02)
    monkeypatch.setattr(http_push, "Silence", lambda: Silence(0.1))
    body = sample("vzenith-http", "heartbeat.multipart.txt").payload
    async with http_bench(tmp_path, http_push.make) as (here, _), client(here) as session:
        await session.post("/vzenith/heartbeat", data=body)
        await here.recorded(2, "availability")
        await session.post("/vzenith/heartbeat", data=body)
        states = [event.state for event in await here.recorded(3, "availability")]
        assert states[:3] == ["online", "offline", "online"]
    assert http_silence.SILENCE_S > 2 * 60


@given(
    header=st.text(max_size=60)
    | st.text(max_size=60).map(lambda text: f"Digest {text}")
    | st.binary().map(lambda body: f"Basic {body.decode('utf-8', 'surrogateescape')}")
)
def test_no_header_breaks_the_doorman(header: str) -> None:
    secret = DeviceSecret("p", "u")
    assert Doorman().judge(header, "POST", "/x", secret, 1.0) in ("wrong", "absent")
    said = f'Digest username="u", uri="/x", nonce="{header}", response="{header}", qop=auth, nc={header}'
    assert Doorman().judge(said, "POST", "/x", secret, 1.0) in ("wrong", "stale")


async def test_who_opens_connections_and_says_nothing_shuts_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_push, "_LOOK_S", 0.05)
    monkeypatch.setattr(http_push, "_MOST_CONNECTIONS", 5)
    monkeypatch.setattr(http_push, "_CLOSING_S", 0.05)
    body = sample("vzenith-http", "heartbeat.multipart.txt").payload
    async with http_bench(tmp_path, http_push.make) as (here, _), client(here) as session:
        lines = [await asyncio.open_connection("127.0.0.1", here.config.listen.port) for _ in range(8)]
        for reader, writer in lines:
            async with asyncio.timeout(5):
                assert await reader.read() == b""
            writer.close()
        async with session.post("/vzenith/heartbeat", data=body) as response:
            assert response.status == 200
        assert here.intake.counts["connections_closed"] >= 8

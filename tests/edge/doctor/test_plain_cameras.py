"""What doctor says of a plain camera: its address, whether somebody answers, whether a password was entered."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from domain.desired_bodies import Device
from edge.doctor.verdict import Verdict
from edge.doctor.ways import vision


async def said(address: str, *secrets: str) -> list[str]:
    verdict = Verdict("camera:a", "docs/devices/camera.md")
    box: Any = SimpleNamespace(secrets=SimpleNamespace(devices=frozenset(secrets)))
    await vision.test(Device(id="camera:a", address=address), verdict, box)
    return [str(finding) for finding in verdict.findings]


@pytest.mark.parametrize("address", ["", "http://192.0.2.1/x", "rtsp://"])
async def test_an_address_that_is_none_is_said(address: str) -> None:
    assert "bad_address" in " ".join(await said(address))


async def test_who_answers_is_said_and_who_does_not() -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    there = " ".join(await said(f"rtsp://older:word@127.0.0.1:{port}/x", "camera:a"))
    assert "127.0.0.1 answers" in there and "its password was entered" in there and "word@" not in there
    server.close()
    await server.wait_closed()
    gone = " ".join(await said(f"rtsp://127.0.0.1:{port}/x"))
    assert "does not answer" in gone and "no password was entered" in gone

"""What doctor says of a plain camera: its address, whether somebody answers, whether a password was entered."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from domain.desired_bodies import Device
from edge.doctor.verdict import Verdict
from edge.doctor.ways import vision
from edge.vision.settings import Camera, Vision


async def said(address: str, *secrets: str, main: str = "") -> list[str]:
    verdict = Verdict("camera:a", "docs/devices/camera.md")
    config = SimpleNamespace(vision=Vision(cameras={"camera:a": Camera(main=main)}))
    box: Any = SimpleNamespace(secrets=SimpleNamespace(devices=frozenset(secrets)), config=config)
    await vision.test(Device(id="camera:a", address=address), verdict, box)
    return [str(finding) for finding in verdict.findings]


@pytest.mark.parametrize("address", ["", "http://192.0.2.1/x", "rtsp://"])
async def test_an_address_that_is_none_is_said(address: str) -> None:
    assert "bad_address" in " ".join(await said(address))


@pytest.mark.parametrize("address", ["rtsp://127.0.0.1:9/sub", "onvif://127.0.0.1"])
async def test_the_address_of_the_main_stream_is_tried_too(address: str) -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert "main stream: 127.0.0.1 answers" in " ".join(await said(address, main=f"rtsp://127.0.0.1:{port}/main"))
    server.close()
    await server.wait_closed()
    gone = " ".join(await said(address, main=f"rtsp://u:s3cret@127.0.0.1:{port}/main"))
    assert "main stream: 127.0.0.1 does not answer" in gone and "gatehouse-edge watch camera:a" in gone
    wrong = " ".join(await said(address, main="http://u:s3cret@192.0.2.1/x"))
    assert "main in [vision.cameras.'camera:a'] of edge.toml, 'http://192.0.2.1/x'" in wrong
    assert "write rtsp://" in wrong and "s3cret" not in wrong + gone
    assert "main stream" not in " ".join(await said(address)), "the control: none where none is named"


async def test_who_answers_is_said_and_who_does_not() -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    there = " ".join(await said(f"rtsp://older:word@127.0.0.1:{port}/x", "camera:a"))
    assert "127.0.0.1 answers" in there and "its password was entered" in there and "word@" not in there
    server.close()
    await server.wait_closed()
    gone = " ".join(await said(f"rtsp://127.0.0.1:{port}/x"))
    assert "does not answer" in gone and "no password was entered" in gone

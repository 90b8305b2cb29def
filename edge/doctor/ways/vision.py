"""Plain cameras: whether the libraries for pictures are there, and whether somebody answers at the address."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from urllib.parse import urlsplit

from domain.desired_bodies import Device
from edge.doctor.box import Box
from edge.doctor.verdict import Verdict
from edge.onvif.address import is_onvif
from edge.vision.libraries import how_to_get
from edge.vision.streams.where import SCHEMES, StreamFault, Where

_RTSP_PORT = 554
_CONNECT_S = 3.0


async def test(device: Device, verdict: Verdict, box: Box) -> None:
    if find_spec("av") is None or find_spec("cv2") is None:
        verdict.wrong("this box cannot see: PyAV or OpenCV is missing", how_to_get())
    if is_onvif(device.address):
        return  # where its stream is it says itself: asked by the way of ONVIF
    where = Where(device.address)
    try:
        where.opened  # noqa: B018 - raises StreamFault for what is no address
    except StreamFault as fault:
        verdict.wrong(f"its address {where.shown!r}: {fault}", "write rtsp://, its host, and the path of its stream")
        return
    if not where.is_file:
        await _judge_port(where, verdict)
        asked = device.id in box.secrets.devices
        verdict.well("its password was entered" if asked else "no password was entered for it")


async def _judge_port(where: Where, verdict: Verdict) -> None:
    """Connected to and left: the running agent has its stream, and a camera gives few."""
    parts = urlsplit(where.address)
    assert parts.scheme in SCHEMES and parts.hostname is not None
    try:
        async with asyncio.timeout(_CONNECT_S):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or _RTSP_PORT)
        writer.close()
    except (OSError, TimeoutError) as error:
        verdict.wrong(
            f"{parts.hostname} does not answer: {type(error).__name__}",
            "is it on, and on this network? gatehouse-edge watch",
        )
        return
    verdict.well(f"{parts.hostname} answers")

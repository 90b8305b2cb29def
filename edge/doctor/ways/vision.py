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
from edge.vision.streams.advice import next_step
from edge.vision.streams.where import SCHEMES, StreamFault, Where

_RTSP_PORT = 554
_CONNECT_S = 3.0


async def test(device: Device, verdict: Verdict, box: Box) -> None:
    if find_spec("av") is None or find_spec("cv2") is None:
        verdict.wrong("this box cannot see: PyAV or OpenCV is missing", how_to_get())
    if not is_onvif(device.address):  # that one says itself where its stream is: asked by the way of ONVIF
        await _judge(device, Where(device.address), "", verdict)
        if not Where(device.address).is_file:
            asked = device.id in box.secrets.devices
            verdict.well("its password was entered" if asked else "no password was entered for it")
    if main := box.config.vision.of(device.id).main:
        await _judge(device, Where(main), "main stream: ", verdict)


async def _judge(device: Device, where: Where, which: str, verdict: Verdict) -> None:
    try:
        where.opened  # noqa: B018 - raises StreamFault for what is no address
    except StreamFault as fault:
        place = f"main in [vision.cameras.{device.id!r}] of edge.toml" if which else "its address"
        verdict.wrong(f"{which}{place}, {where.shown!r}: {fault}", next_step(fault.reason, device.id))
        return
    if not where.is_file:
        await _judge_port(device, where, which, verdict)


async def _judge_port(device: Device, where: Where, which: str, verdict: Verdict) -> None:
    """Connected to and left: the running agent has its stream, and a camera gives few."""
    parts = urlsplit(where.address)
    assert parts.scheme in SCHEMES and parts.hostname is not None
    try:
        async with asyncio.timeout(_CONNECT_S):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or _RTSP_PORT)
        writer.close()
    except (OSError, TimeoutError) as error:
        step = f"{next_step('unreachable', device.id)} gatehouse-edge watch {device.id}"
        verdict.wrong(f"{which}{parts.hostname} does not answer: {type(error).__name__}", step)
        return
    verdict.well(f"{which}{parts.hostname} answers")

"""Sixteen substreams and two gate lanes, looked at in children for minutes: cores, memory, and no queue that grows.

The streams are files read in real time: what a network and a camera's own server cost is not in it.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from benchmarks.process import cpu_s, rss_mb
from benchmarks.rows import Row, full, row
from domain.desired_bodies import Device
from edge.transports import vision
from edge.vision import lookers
from tests.edge.link_bench import link_bench, running

_SUBSTREAMS, _LANES, _FPS, _CLIP_S = 16, 2, 15, 30
_SUB, _MAIN = (640, 360), (1_920, 1_080)
_WARM_S, _LONG_S, _SHORT_S, _LOOK_S = 20.0, 600.0, 60.0, 5.0
_MODELS = Path(__file__).parents[1].parent / "shared" / "models"
_ZONE = [[0.1, 0.3], [0.9, 0.3], [0.9, 0.95], [0.1, 0.95]]


async def run(scale: float) -> list[Row]:
    """Ten minutes with FULL=1, one else."""
    seconds = (_LONG_S if full() else _SHORT_S) * scale
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sub = await asyncio.to_thread(_film, folder / "sub.mp4", _SUB, 500_000)
        main = await asyncio.to_thread(_film, folder / "main.mp4", _MAIN, 3_000_000)
        listed = [Device(id=f"camera:sub-{number}", address=str(sub)) for number in range(_SUBSTREAMS)]
        listed += [Device(id=f"camera:lane-{number}", address=str(main)) for number in range(_LANES)]
        settings = {"cameras": {device.id: {"lookers": _lookers(device.id)} for device in listed}}
        async with link_bench(folder, *listed, vision=settings) as here:
            transport = vision.make(here.around)
            async with running(transport):
                return await _measured(transport, seconds)


def _lookers(device: str) -> dict[str, Any]:
    """What this checkout has of them."""
    there = lookers.names()
    if "lane" in device:
        return {"plates": {"profile": "fast"}} if "plates" in there else {}
    rules = [{"kind": "person_in_zone", "zone": "yard"}]
    model = str(_MODELS / "yolox_nano.onnx")
    scene = {"zones": {"yard": _ZONE}, "objects": {"model": model}, "rules": rules}
    return {"scene": scene} if "scene" in there else {}


async def _measured(transport: vision.Vision, seconds: float) -> list[Row]:
    await asyncio.sleep(_WARM_S)
    began_s, began_cpu_s = time.monotonic(), _children_cpu_s()
    waiting: list[float] = []
    most_mb = 0.0
    while time.monotonic() - began_s < seconds:
        await asyncio.sleep(_LOOK_S)
        most_mb = max(most_mb, sum(rss_mb(child) for child in _children()))
        beside = [figures.cameras.get("", {}) for figures in transport.figures.values()]
        waiting.append(sum(each.get("outbox_bytes", 0.0) for each in beside))
    took_s = time.monotonic() - began_s
    cores = (_children_cpu_s() - began_cpu_s) / took_s
    cameras = [one for each in transport.figures.values() for name, one in each.cameras.items() if name]
    looked = sum(one.get("looks", 0.0) for one in cameras)
    passed = sum(one.get("passed_over", 0.0) for one in cameras)
    what = f"{_SUBSTREAMS} substreams and {_LANES} lanes, {took_s:.0f} s, {_said()}"
    return [
        row(what, round(cores, 2), "cores", at_most=1.4, children=len(transport.figures)),
        row("  resident, all children", round(most_mb), "MB", at_most=900),
        row("  words that waited at the end", waiting[-1] / 1024, "kB", at_most=256, most_kb=max(waiting) / 1024),
        row("  frames passed over", round(100 * passed / max(1.0, looked + passed), 2), "%", looks=looked),
    ]


def _said() -> str:
    return "files in real time, lookers " + (", ".join(lookers.names()) or "none but health")


def _children() -> list[int]:
    own = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    return [int(child) for child in own if b"edge.vision.child" in Path(f"/proc/{child}/cmdline").read_bytes()]


def _children_cpu_s() -> float:
    return sum(cpu_s(child) for child in _children())


def _film(path: Path, size: tuple[int, int], bits: int) -> Path:
    """A yard with noise, and things that walk and drive through it a third of the time."""
    width, height = size
    random = np.random.default_rng(4)
    small = random.integers(50, 190, (18, 32, 3), dtype=np.uint8)
    ground = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)
    noises = [random.normal(0, 3, (height, width, 1)).astype(np.int16) for _ in range(5)]
    with av.open(str(path), "w") as made:
        stream: Any = made.add_stream("libx264", rate=_FPS)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = width, height, "yuv420p", bits
        stream.options = {"preset": "veryfast", "bf": "0", "g": str(2 * _FPS)}
        for number in range(_FPS * _CLIP_S):
            picture = _drawn(ground.copy(), number / _FPS)
            noisy = np.clip(picture + noises[number % 5], 0, 255).astype(np.uint8)
            made.mux(stream.encode(av.VideoFrame.from_ndarray(noisy, format="bgr24")))
        made.mux(stream.encode(None))
    return path


def _drawn(picture: Any, second: float) -> Any:
    height, width = picture.shape[:2]
    cv2.putText(picture, f"{second:06.2f}", (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2)
    if second % 30 < 10:
        left, top = int(width * (second % 10) / 10), height // 2
        cv2.rectangle(picture, (left, top), (left + width // 20, top + height // 4), (30, 30, 120), -1)
        cv2.rectangle(
            picture, (width - left, top + 20), (width - left + width // 6, top + height // 6), (200, 200, 60), -1
        )
    return picture

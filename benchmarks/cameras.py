"""Sixteen substreams and two gate lanes from a real RTSP server on loopback, looked at by a real agent's children.

What is counted is the agent with all its children; the server and the making of films are not. MINUTES=10 for the
whole length; FULL=1 is the same.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.camera_films import FPS, lanes, people_are_real, yards
from benchmarks.camera_watch import Sample, Watch
from benchmarks.rows import Row, full, percentile, row
from simulators.processes import Child
from simulators.products import command
from tests.plate_pictures import MODELS, WEIGHTS, ready
from tests.rtsp import RtspServer, serving

_SUBSTREAMS, _LANES = 16, 2
_WARM_S, _LONG_S, _SHORT_S, _LOOK_S = 20.0, 600.0, 45.0, 1.0
_ZONE = [[0.02, 0.1], [0.98, 0.1], [0.98, 0.98], [0.02, 0.98]]
_CORES, _MEMORY_MB, _GROWS = 1.4, 900, 64 * 1024
_LAG_MOST_S = 2.0  # a reader that is later than a second for half a second catches up
_FPS_LEAST = 14.5  # with fewer the box was busy elsewhere, and the cores say nothing


async def run(scale: float) -> list[Row]:
    """As long as MINUTES says; ten with FULL=1, less than one else."""
    ready("fast")
    films = {f"/sub-{number}": yards(number) for number in range(_SUBSTREAMS)}
    films |= {f"/lane-{number}": lanes(number) for number in range(_LANES)}
    with tempfile.TemporaryDirectory() as name, serving(films, fps=FPS) as server:
        agent = _agent(Path(name), server, list(films))
        agent.start()
        try:
            return await _measured(Watch(agent.pid, Path(name) / "data", server.port), _seconds() * scale)
        finally:
            agent.stop(5.0)


def _seconds() -> float:
    minutes = os.environ.get("MINUTES", "")
    return float(minutes) * 60 if minutes else _LONG_S if full() else _SHORT_S


def _agent(folder: Path, server: RtspServer, mounts: list[str]) -> Child:
    settings: dict[str, Any] = {"data": str(folder / "data"), "metrics": {"port": 0}}
    settings["devices"] = [{"id": f"camera:{mount[1:]}", "address": server.address(mount)} for mount in mounts]
    settings["vision"] = {"cameras": {f"camera:{mount[1:]}": {"lookers": _lookers(mount)} for mount in mounts}}
    path = folder / "edge.toml"
    path.write_text("\n".join(f"{name} = {_toml(value)}" for name, value in settings.items()), encoding="utf-8")
    return Child("agent", [command("gatehouse-edge"), "run", "--config", str(path)], folder)


def _lookers(mount: str) -> dict[str, Any]:
    if "lane" in mount:
        return {"plates": {"profile": "fast", "models": str(MODELS)}}
    rules = [{"kind": "person_in_zone", "zone": "yard"}]
    return {"scene": {"zones": {"yard": _ZONE}, "objects": {"model": str(WEIGHTS / "yolox_nano.onnx")}, "rules": rules}}


def _toml(value: Any) -> str:
    """As an inline value."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(str(name))} = {_toml(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return msgspec.json.encode(value).decode()


async def _measured(watch: Watch, seconds: float) -> list[Row]:
    await watch.all_seen(_SUBSTREAMS + _LANES)
    await asyncio.sleep(_WARM_S)
    samples = [watch.look()]
    while samples[-1].at_s - samples[0].at_s < seconds:
        await asyncio.sleep(_LOOK_S)
        samples.append(watch.look())
    return _rows(samples, watch.delays_s())


def _rows(samples: list[Sample], delays_s: dict[str, list[float]]) -> list[Row]:
    first, last = samples[0], samples[-1]
    took_s = last.at_s - first.at_s
    people = "people filmed" if people_are_real() else "people drawn"
    what = f"{_SUBSTREAMS} substreams and {_LANES} lanes over RTSP, {took_s:.0f} s, {people}"
    cores = (last.cpu_s - first.cpu_s) / took_s
    pss_mb, told = [sample.pss_mb for sample in samples], {kind: len(found) for kind, found in delays_s.items()}
    looks, passed, frames = (last.of(one) - first.of(one) for one in ("looks", "passed_over", "frames"))
    broken = last.of("broken_packets")
    fps, share = frames / took_s / (_SUBSTREAMS + _LANES), 100 * passed / max(1.0, looks + passed)
    return [
        row(what, round(cores, 2), "cores", at_most=_CORES, agent=_cores(samples, 0), children=_cores(samples, 1)),
        row("  memory, agent and children, at most", max(pss_mb), "MB", at_most=_MEMORY_MB, rss_mb=_most_rss(samples)),
        row("  memory, how much it grew", round(_growth(pss_mb), 1), "MB", children=last.children_mb),
        row("  pictures that came, a camera a second", round(fps, 2), "1/s", at_least=_FPS_LEAST, broken=broken),
        row("  pictures passed over", round(share, 2), "%", looks=looks, passed=passed),
        _behind(samples),
        _queue("sockets", [sample.socket_bytes for sample in samples]),
        _queue("children", [sample.waiting_bytes for sample in samples]),
        row("  detections and plates told", sum(told.values()), "events", at_least=1, **told),
        *[_delay(kind, found) for kind, found in delays_s.items()],
    ]


def _behind(samples: list[Sample]) -> Row:
    """What waits at the server, which no socket here shows, is as old as the reader is late."""
    late, skipped = (samples[-1].of(one) - samples[0].of(one) for one in ("late", "frames_skipped"))
    lags_s = [sample.most("lag_s") for sample in samples]
    growth_s = round(_growth(lags_s), 2)
    what = "  behind a camera, at most"
    return row(what, round(max(lags_s), 2), "s", at_most=_LAG_MOST_S, growth_s=growth_s, late=late, skipped=skipped)


def _queue(where: str, waiting: list[float]) -> Row:
    return row(f"  waiting in {where}, growth", round(_growth(waiting)), "bytes", at_most=_GROWS, most=max(waiting))


def _delay(kind: str, found: list[float]) -> Row:
    p95 = round(percentile(found, 0.95), 2)
    return row(f"  {kind}: from the picture to the log", round(percentile(found, 0.5), 2), "s", p95=p95)


def _cores(samples: list[Sample], part: int) -> float:
    first, last = samples[0], samples[-1]
    return round((last.cpu_by_part[part] - first.cpu_by_part[part]) / (last.at_s - first.at_s), 3)


def _most_rss(samples: list[Sample]) -> float:
    return max(sample.rss_mb for sample in samples)


def _growth(values: list[float]) -> float:
    """The middle of the last third less that of the first: what comes and goes is no growth."""
    third = max(1, len(values) // 3)
    return statistics.median(values[-third:]) - statistics.median(values[:third])

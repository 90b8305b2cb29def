"""What an agent that looks at cameras uses, holds and tells, seen from outside: its status file, its log, Linux."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.process import cpu_s, rss_mb

_READY_S = 120.0
_KINDS = ("detection", "plate")


class Sample(msgspec.Struct, frozen=True):
    """One moment. ``cpu_by_part``: of the agent, and of its children."""

    at_s: float
    cpu_by_part: tuple[float, float]
    pss_mb: float
    rss_mb: float
    children_mb: list[float]
    socket_bytes: float
    waiting_bytes: float
    cameras: dict[str, dict[str, Any]]

    @property
    def cpu_s(self) -> float:
        return sum(self.cpu_by_part)

    def of(self, figure: str) -> float:
        """Of all cameras together."""
        return sum(camera.get(figure, 0.0) for camera in self.cameras.values())

    def most(self, figure: str) -> float:
        """Of the camera that has most of it."""
        return max((camera.get(figure, 0.0) for camera in self.cameras.values()), default=0.0)


class Watch:
    def __init__(self, agent: int, data: Path, port: int) -> None:
        """``port``: of the server that the cameras' streams come from."""
        self._agent, self._data, self._port = agent, data, port

    async def all_seen(self, cameras: int) -> None:
        async with asyncio.timeout(_READY_S):
            while sum(one["state"] == "ok" for one in self._vision().get("cameras", {}).values()) < cameras:
                await asyncio.sleep(0.2)

    def look(self) -> Sample:
        vision, children = self._vision(), _children(self._agent)
        used_s = cpu_s(self._agent)
        of_children_s = sum(cpu_s(child) for child in children)
        return Sample(
            at_s=time.monotonic(),
            cpu_by_part=(used_s - of_children_s, of_children_s),
            pss_mb=round(sum(_pss_mb(process) for process in (self._agent, *children))),
            rss_mb=rss_mb(self._agent),
            children_mb=[round(_pss_mb(child)) for child in children],
            socket_bytes=_received_and_not_read(self._port),
            waiting_bytes=sum(child.get("outbox_bytes", 0.0) for child in vision["children"]),
            cameras=vision["cameras"],
        )

    def delays_s(self) -> dict[str, list[float]]:
        """By kind, for each event that was told: from when its picture was taken to when it was in the log."""
        found: dict[str, list[float]] = {kind: [] for kind in _KINDS}
        with closing(sqlite3.connect(f"file:{self._data / 'log.db'}?mode=ro", uri=True, timeout=10)) as db:
            events = [msgspec.json.decode(body) for (body,) in db.execute("SELECT body FROM record")]
        for event in events:
            if event["kind"] in found and event.get("phase", "instant") != "update" and event.get("time"):
                delay = datetime.fromisoformat(event["recorded_at"]) - datetime.fromisoformat(event["time"])
                found[event["kind"]].append(delay.total_seconds())
        return {kind: delays for kind, delays in found.items() if delays}

    def _vision(self) -> dict[str, Any]:
        with suppress(OSError, msgspec.DecodeError):
            return msgspec.json.decode((self._data / "status.json").read_bytes()).get("vision", {})
        return {}


def _children(process: int) -> list[int]:
    tasks = Path(f"/proc/{process}/task").iterdir()
    found = [int(child) for task in tasks for child in (task / "children").read_text(encoding="ascii").split()]
    return [child for child in found if b"edge.vision.child" in Path(f"/proc/{child}/cmdline").read_bytes()]


def _pss_mb(process: int) -> float:
    """Its memory, of what it shares with others its part."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _received_and_not_read(port: int) -> float:
    """Of all connections to a port of loopback, what waits in the reader's socket."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return float(sum(int(row[4].split(":")[1], 16) for row in rows if row[2].endswith(f":{port:04X}")))

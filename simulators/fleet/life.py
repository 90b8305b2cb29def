"""What a simulated gateway does all day, as the agent does it: hello, the long poll, its batches."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec
import structlog

from simulators.fleet.box import Box
from simulators.fleet.line import BATCH_TYPE, JSON_TYPE, Away, Line
from simulators.fleet.report import Report
from simulators.fleet.settings import Settings

log = structlog.get_logger()

_WAIT_S, _SILENCE_S = 25.0, 5.0
_FIRST_PAUSE_S, _MOST_PAUSE_S, _ASK_AGAIN_S = 0.5, 30.0, 4.0
_LATE_S = (1.0, 20.0)


class Life:
    """Three tasks for a box. ``some`` rings when it has something to send."""

    def __init__(self, box: Box, line: Line, settings: Settings, report: Report, now: Callable[[], datetime]) -> None:
        self.box, self.line = box, line
        self._settings, self._report, self._now = settings, report, now
        self._chance = random.Random(f"life {settings.seed} {box.number}")
        self._back, self.some = asyncio.Event(), asyncio.Event()
        self._is_down = False
        self._on_after_s = self._chance.uniform(0, settings.spread_s)
        self._refused: dict[str, dict[str, Any]] = {}
        self._upgrade: asyncio.Task[None] | None = None
        self._gather_s = self._routine_after_s = 0.0  # as the centre said; when what is routine is sent again
        self.online = False
        self.served = 0  # batches acknowledged since it last came online
        self.refusals = 0  # answers that were a refusal, since then

    def works(self) -> list[Any]:
        return [self._repeat(self._hello), self._repeat(self._poll), self._repeat(self._push)]

    async def _repeat(self, once: Callable[[], Any]) -> None:
        """For ever; after a failure the pause grows, and ends early when the centre is there again."""
        failures = 0
        await asyncio.sleep(self._on_after_s)
        while True:
            try:
                await self.line.up.wait()
                await once()
                failures = 0
            except Away:
                failures += 1
                await self._pause(once, failures)
            except Exception as error:  # noqa: BLE001 - the edge of a loop: shown, and tried again
                log.error("box_failed", box=self.box.id, error=repr(error))
                await asyncio.sleep(_SILENCE_S)

    async def _pause(self, once: Callable[[], Any], failures: int) -> None:
        self._is_down = True
        if once == self._hello:
            self.online = False
            await asyncio.sleep(self._settings.heartbeat_s * (0.9 + self._chance.random() / 10))
            return
        most_s = _ASK_AGAIN_S if once == self._poll else _MOST_PAUSE_S
        ceiling = min(most_s, _FIRST_PAUSE_S * 2 ** (failures - 1))
        with suppress(TimeoutError):
            await asyncio.wait_for(self._back.wait(), ceiling * (0.5 + self._chance.random() / 2))

    async def _hello(self) -> None:
        if self.box.silent:
            return await asyncio.sleep(_SILENCE_S)
        had = {name: stream.acknowledged for name, stream in self.box.streams.items()}
        said = await self._told("/v1/hello", self.box.hello(self._now()), "hello")
        self._note_time(said)
        if not self.online:
            self.online, self.served = True, 0
        self._note_watermarks(said.get("watermarks", {}), had)
        self._gather_s = float(said.get("gather_s", 0.0))
        await asyncio.sleep(float(said.get("again_s", self._settings.heartbeat_s)))
        return None

    async def _told(self, path: str, content: Any, times: str = "") -> dict[str, Any]:
        """The answer to what must be answered well. Raises Away for a refusal too: it is counted where it is met."""
        status, said = await self.line.send(path, msgspec.json.encode(content), JSON_TYPE, times)
        if status != 200:
            self.refusals += 1
            raise Away(f"{status} {said.get('error')}")
        self._note_back()
        return said

    def _note_back(self) -> None:
        """The first answer after a failure: what else waits to try again need not wait longer."""
        if self._is_down:
            self._is_down = False
            self._back.set()
            self._back.clear()

    def _note_time(self, said: dict[str, Any]) -> None:
        if "server_time" in said:
            off = datetime.fromisoformat(said["server_time"]) - self._now() - self.box.nature.clock_off
            self.box.offset_ms = off.total_seconds() * 1_000

    def _note_watermarks(self, watermarks: dict[str, int], had: dict[str, int]) -> None:
        """``had``: what was acknowledged when it was asked; less than that is a centre that lost its disk."""
        for name, watermark in watermarks.items():
            if watermark < had[name]:
                self._report.happened["centre_lost"] += 1
            self._acknowledge(name, watermark)

    def _acknowledge(self, stream: str, watermark: int) -> None:
        self._report.events["acknowledged"] += self.box.streams[stream].acknowledge(watermark)

    async def _push(self) -> None:
        await self.some.wait()
        self.some.clear()
        try:
            while await self._push_each():
                pass
        except Away:
            self.some.set()
            raise

    async def _push_each(self) -> bool:
        """A batch of each stream that has one, the urgent one first; whether there was any."""
        was = False
        for stream in self.box.streams:
            ready = self.box.next_batch(stream)
            if ready is not None and not self.box.silent and not self._gathers(stream):
                was = True
                await self._send(stream, *ready)
        return was

    def _gathers(self, stream: str) -> bool:
        """Whether it is too early for what is routine; what waits rings when it is time."""
        loop = asyncio.get_running_loop()
        if stream != "routine" or loop.time() >= self._routine_after_s:
            return False
        loop.call_at(self._routine_after_s, self.some.set)
        return True

    async def _send(self, stream: str, count: int, packed: bytes) -> None:
        how = self._chance.random()
        if how < self._settings.late:
            self._report.batches["late"] += 1
            await asyncio.sleep(self._chance.uniform(*_LATE_S))
        watermark = 0
        for _ in range(2 if how > 1 - self._settings.doubled else 1):
            self._report.batches["sent"] += 1
            self._report.events["sent"] += count
            status, said = await self.line.send("/v1/batches", packed, BATCH_TYPE, "batch")
            self._report.outcomes[str(said.get("outcome") or said.get("error"))] += 1
            if status not in (200, 409):
                self.refusals += 1
                raise Away(f"{status} {said.get('error')}")
            watermark = int(said["watermark"])
            self._note_back()
        self._acknowledge(stream, watermark)
        self.served += 1
        if stream == "routine" and not self.box.streams[stream].waiting:
            self._routine_after_s = asyncio.get_running_loop().time() + self._gather_s

    async def _poll(self) -> None:
        applied, refused = self.box.applied, list(self._refused.values())
        known = {**applied, **{kind: refusal["version"] for kind, refusal in self._refused.items()}}
        asked = {"known": known, "applied": applied, "refused": refused, "orders_done": [], "wait_s": _WAIT_S}
        said = await self._told("/v1/desired", asked)
        for document in said["documents"]:
            self._apply(document["kind"], document["version"], document["body"])

    def _apply(self, kind: str, version: int, body: dict[str, Any]) -> None:
        if kind == "release" and self.box.nature.is_old:
            reason = "release: no such kind"
            self._refused[kind] = {"kind": kind, "version": version, "reason": reason}
            return
        self.box.applied[kind] = version
        self._report.happened["documents"] += 1
        if kind == "release" and body["version"] != self.box.version:
            self._upgrade = asyncio.create_task(self._become(body["version"]))

    async def _become(self, version: str) -> None:
        """Another version, after a while; a broken one says nothing more, or is gone again."""
        before = self.box.version
        await asyncio.sleep(self._settings.upgrade_s * (0.5 + self._chance.random()))
        self._report.happened["upgrades"] += 1
        self.box.version = version
        if version in self._settings.broken_versions:
            self.box.silent = True
        if version in self._settings.returning_versions:
            await asyncio.sleep(self._settings.upgrade_s)
            self.box.version, self.box.returned = before, f"returned from {version} to {before}"
            self._report.happened["returns"] += 1

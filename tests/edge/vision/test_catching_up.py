"""Catching up in earnest: a slow reader at a real server, and a camera that is behind is not a camera that is gone."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import av
import numpy as np
import pytest

from edge.devices._camera_words import Told
from edge.vision import watcher as watching
from edge.vision.frames import Luma
from edge.vision.streams import source as reading
from edge.vision.streams.source import How, Source
from edge.vision.streams.where import Where
from edge.vision.watcher import Watcher
from edge.vision.words import Ordered
from tests.edge.vision.clips_made import yard
from tests.rig import until
from tests.rtsp import film, needs_rtsp_server, serving

FPS, BITS, WIDE = 20.0, 9, 32
ROUND = 1 << BITS
_JITTER_S = 3.0  # the first may have been late


def numbered() -> Iterator[Any]:
    """Each picture shows its number, a bar for each bit."""
    for number in range(ROUND):
        bars = [255 if number >> bit & 1 else 0 for bit in range(BITS)]
        row = np.repeat(np.array(bars, np.uint8), WIDE)
        yield np.repeat(np.tile(row, (96, 1))[:, :, None], 3, axis=2)


def number_of(luma: Luma) -> int:
    bars = luma[20:76].reshape(56, BITS, WIDE)[:, :, 8:24].mean(axis=(0, 2))
    return sum(1 << bit for bit in range(BITS) if bars[bit] > 127)


def ages(address: str, late_s: float, seconds: float, cost_s: float) -> tuple[list[float], Counter[str]]:
    """How old each picture was when it was seen, by the number that is in it and the clock on the wall."""
    counts: Counter[str] = Counter()
    source = Source(Where(address), How(late_s=late_s), lambda: datetime.now(UTC), counts)
    found: list[float] = []
    began_s = first = None
    for frame in source.frames():
        now_s, number = time.monotonic(), number_of(frame.luma)
        if began_s is None or first is None:
            began_s, first = now_s, number
        since_s = now_s - began_s
        age_s = since_s - (number - first) % ROUND / FPS
        found.append((age_s + _JITTER_S) % (ROUND / FPS) - _JITTER_S)
        if since_s > seconds:
            break
        time.sleep(cost_s)  # what a loaded box needs for it
    source.close()
    return found, counts


@needs_rtsp_server
def test_a_slow_reader_of_a_real_server_stays_near_and_without_catching_up_falls_behind(tmp_path: Path) -> None:
    with serving({"/yard": [film(tmp_path / "numbers.h264", numbered(), 20)]}, fps=FPS) as server:
        near, counts = ages(server.address("/yard"), 1.0, 9, 0.25)
        far, _ = ages(server.address("/yard"), math.inf, 9, 0.25)
    assert counts["late"] >= 1 and counts["frames_skipped"] > 10
    assert far[-1] > 4, "the control: four of five seconds are behind it"
    assert max(near[1:-1]) < far[-1] / 2
    assert min(near[len(near) // 2 :]) < 1


class Behind:
    """A camera whose pictures come four times slower than their stamps say, and never with another keyframe."""

    def __init__(self, path: Path) -> None:
        self._file = av.open(str(path))
        self.streams = self._file.streams

    def demux(self, stream: Any) -> Iterator[Any]:
        for packet in self._file.demux(stream):
            time.sleep(0.04)
            yield packet

    def close(self) -> None:
        self._file.close()


async def test_a_camera_that_is_caught_up_with_is_not_told_to_be_gone_until_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = yard(tmp_path / "endless.mkv", 6, fps=100, group=10_000, codec="libx264")
    monkeypatch.setattr(reading, "opened", lambda where: Behind(path))
    monkeypatch.setattr(reading, "_BEHIND_AT_MOST_S", 8.0)
    monkeypatch.setattr(watching, "_SILENT_S", 1.0)
    told: list[Any] = []
    seen = Watcher(
        Ordered("camera:a", "rtsp://192.0.2.1/yard"), ZoneInfo("UTC"), lambda: datetime.now(UTC), told.append
    )
    seen.start()
    try:
        await until(lambda: seen.counts["late"] > 0, 60)
        await until(lambda: seen.counts["frames_skipped"] > 60, 60)
        assert seen.counts["stream_late"] == 0 and gone(told) == [], "for two seconds and more it shows nothing"
        assert seen.figures["lag_s"] >= 0 and seen.figures["late"] == 1
        await until(lambda: seen.counts["stream_late"] > 0, 60)
        monkeypatch.setattr(reading, "opened", refuse)
        await until(lambda: gone(told) != [], 60)
    finally:
        seen.stop()


def refuse(where: Where) -> Any:
    raise reading.StreamFault("unreachable")


def gone(told: list[Any]) -> list[str]:
    return [word.fields["reason"] for word in told if isinstance(word, Told) and word.fields.get("state") == "offline"]

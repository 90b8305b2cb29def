"""The figures of cameras that this box looks at itself, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

_NOT_COUNTS = {
    "fps": "Pictures a second that come.",
    "looks_per_s": "Pictures a second that are looked at.",
    "clip_bytes": "Held for clips.",
    "main_bytes": "Held of the large stream.",
    "lag_s": "Seconds for which the newest packet waited before it was read.",
    "main_lag_s": "The same of the large stream.",
}


def of_vision(vision: Mapping[str, Any]) -> Iterator[Metric]:
    """Nothing where no camera is looked at."""
    if vision:
        yield from _of_children(vision["children"])
        yield from _of_cameras(vision["cameras"])


def _of_children(children: Sequence[Mapping[str, Any]]) -> Iterator[Metric]:
    memory = GaugeMetricFamily("gatehouse_vision_memory_bytes", "Resident memory of a child.", labels=["child"])
    waiting = GaugeMetricFamily("gatehouse_vision_waiting_bytes", "Of words that wait in a child.", labels=["child"])
    cpu = CounterMetricFamily("gatehouse_vision_cpu_seconds", "Processor time of a child.", labels=["child"])
    for child in children:
        name = str(child["cameras"][0])
        memory.add_metric([name], child.get("memory_mb", 0.0) * 1024 * 1024)
        waiting.add_metric([name], child.get("outbox_bytes", 0.0))
        cpu.add_metric([name], child.get("cpu_s", 0.0))
    yield from (memory, waiting, cpu)


def _of_cameras(cameras: Mapping[str, Mapping[str, Any]]) -> Iterator[Metric]:
    well = GaugeMetricFamily("gatehouse_camera_well", "Whether a camera sees what it should.", labels=["device"])
    counts = CounterMetricFamily("gatehouse_camera", "What was counted of a camera.", labels=["device", "what"])
    gauges = {
        name: GaugeMetricFamily(f"gatehouse_camera_{name.replace('lag_s', 'lag_seconds')}", said, labels=["device"])
        for name, said in _NOT_COUNTS.items()
    }
    for device, entry in cameras.items():
        well.add_metric([device], float(entry["state"] == "ok"))
        for name, value in entry.items():
            if name in gauges:
                gauges[name].add_metric([device], value)
            elif name != "state":
                counts.add_metric([device, name], value)
    yield from (well, *gauges.values(), counts)

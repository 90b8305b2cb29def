"""What the children that see said of themselves last, as the status shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from edge.transports.vision_groups import Group
from edge.vision.words import Figures


def described(groups: Iterable[Group], figures: Mapping[Group, Figures], deaths: Mapping[Group, int]) -> dict[str, Any]:
    """``children``, one each; ``cameras`` by device, ``unknown`` where its child has said nothing yet."""
    ordered = sorted(groups)
    return {
        "children": [_child(group, figures.get(group), deaths.get(group, 0)) for group in ordered],
        "cameras": {device: _camera(device, figures.get(group)) for group in ordered for device in group},
    }


def _child(group: Group, said: Figures | None, deaths: int) -> dict[str, Any]:
    found: dict[str, Any] = {"cameras": list(group), "deaths": deaths}
    if said is None:
        return found
    return {**found, "memory_mb": round(said.memory_mb, 1), "cpu_s": round(said.cpu_s, 1), **said.cameras.get("", {})}


def _camera(device: str, said: Figures | None) -> dict[str, Any]:
    if said is None:
        return {"state": "unknown"}
    return {"state": said.states.get(device, "unknown"), **said.cameras.get(device, {})}

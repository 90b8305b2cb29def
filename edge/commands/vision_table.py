"""The cameras that this box looks at itself, as a part of the status page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

_CAMERAS_SHOWN = 64


def vision_table(vision: Mapping[str, Any]) -> RenderableType:
    table = Table("camera", "picture", "per second", "behind", "passed over", "broken packets", "told")
    for device, entry in list(vision["cameras"].items())[:_CAMERAS_SHOWN]:
        state = str(entry["state"])
        table.add_row(
            device,
            Text(state, style="" if state == "ok" else "yellow"),
            f"{entry.get('fps', 0.0):.1f}",
            f"{entry.get('lag_s', 0.0):.1f} s, {entry.get('late', 0):.0f} times",
            *(f"{entry.get(name, 0):.0f}" for name in ("passed_over", "broken_packets", "told")),
        )
    return Group(table, _children(vision["children"]))


def _children(children: Sequence[Mapping[str, Any]]) -> Text:
    """Their memory, and whether one died of late."""
    held = ", ".join(f"{child.get('memory_mb', 0.0):.0f} MB" for child in children)
    deaths = sum(child["deaths"] for child in children)
    said = f"{len(children)} children that see: {held}"
    return Text(f"{said}; {deaths} deaths" if deaths else said, style="yellow" if deaths else "")

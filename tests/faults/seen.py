"""What the agent says of itself: on the box, and as it reached the centre."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.rig import Rig


def store_state(rig: Rig) -> str:
    """ok, full, reopening or set_aside, as the agent left it for ``gatehouse-edge status``; "" for not yet."""
    try:
        left = msgspec.json.decode((rig.edge_folder / "data" / "status.json").read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.MsgspecError):
        return ""
    return left.get("store", {}).get("state", "")


def store_state_at_the_centre(rig: Rig) -> str:
    """The same, as its last hello told it."""
    rows = rig.centre_query("SELECT status FROM gateway WHERE status IS NOT NULL")
    said: dict[str, Any] = msgspec.json.decode(rows[0][0]) if rows else {}
    return said.get("store", {}).get("state", "")


def told(rig: Rig, point: str) -> list[dict[str, Any]]:
    """The agent's own events at a point that begins so, at the centre: store/full, let_go/routine, salvaged/…"""
    events = [event for _, event in rig.centre_events() if event["device"] == "gateway"]
    return [event for event in events if event.get("point", "").startswith(point)]

"""A Frigate recorder: tracked objects, reviews, snapshots and availability of its cameras, as it publishes them.

Written from docs/docs/integrations/mqtt.md of blakeblackshear/frigate; default prefix.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from simulators.devices.message import DeviceMessage, encode

PREFIX = "frigate"

Change = Literal["new", "update", "end"]
Availability = Literal["online", "stopped", "offline"]


class Tracked(msgspec.Struct, frozen=True, kw_only=True):
    """An object that a camera follows. Times are the camera's; ``ended_at`` None while it is still there."""

    camera: str
    label: str  # person car bicycle …
    started_at: datetime
    suffix: str  # six letters that make the id unique
    seen_at: datetime | None = None  # of the newest frame; the start where absent
    ended_at: datetime | None = None
    score: float = 0.83
    zones: tuple[str, ...] = ()
    box: tuple[int, int, int, int] = (424, 220, 536, 500)
    plate: str | None = None
    plate_score: float | None = None

    @property
    def id(self) -> str:
        return f"{self.started_at.timestamp():.6f}-{self.suffix}"


def event(change: Change, before: Tracked, after: Tracked) -> DeviceMessage:
    """A tracked object that appeared, changed or left. Raises ValueError where the two are not the same object."""
    if before.id != after.id:
        raise ValueError(f"{before.id} and {after.id} are two objects")
    return _json("events", {"type": change, "before": _object(before), "after": _object(after)})


def review(change: Change, name: str, before: Tracked, after: Tracked) -> DeviceMessage:
    """A review item over one object: a detection first, an alert once it is in a zone."""
    return _json("reviews", {"type": change, "before": _review(name, before), "after": _review(name, after)})


def snapshot(camera: str, label: str, jpeg: bytes) -> DeviceMessage:
    """The best picture of the last object of this label; Frigate publishes it retained."""
    return DeviceMessage(f"{PREFIX}/{camera}/{label}/snapshot", jpeg, retained=True)


def motion(camera: str, on: bool) -> DeviceMessage:
    """Pixels move, whatever they are."""
    return DeviceMessage(f"{PREFIX}/{camera}/motion", b"ON" if on else b"OFF")


def available(state: Availability) -> DeviceMessage:
    """The recorder itself; "offline" is its will."""
    return DeviceMessage(f"{PREFIX}/available", state.encode(), retained=True)


def camera_status(camera: str, role: str, state: str) -> DeviceMessage:
    """One role (detect, record, audio) of a camera: online, offline, disabled."""
    return DeviceMessage(f"{PREFIX}/{camera}/status/{role}", state.encode())


def recognized_plate(tracked: Tracked, plate: str, score: float, at: datetime) -> DeviceMessage:
    """A plate that Frigate read on a tracked car."""
    body = {
        "type": "lpr",
        "id": tracked.id,
        "name": None,
        "plate": plate,
        "score": score,
        "camera": tracked.camera,
        "timestamp": at.timestamp(),
        "plate_box": [917, 487, 1029, 529],
    }
    return _json("tracked_object_update", body)


def _json(topic: str, body: dict[str, Any]) -> DeviceMessage:
    return DeviceMessage(f"{PREFIX}/{topic}", encode(body))


def _object(tracked: Tracked) -> dict[str, Any]:
    seen_s = (tracked.seen_at or tracked.started_at).timestamp()
    left, top, right, bottom = tracked.box
    region = [max(0, left - 160), max(0, top - 50), left + 243, top + 353]
    view = {"box": list(tracked.box), "area": (right - left) * (bottom - top), "region": region}
    return {
        "id": tracked.id,
        "camera": tracked.camera,
        "frame_time": seen_s,
        "snapshot": {"frame_time": seen_s, **view, "score": tracked.score, "attributes": []},
        "label": tracked.label,
        "sub_label": None,
        "top_score": min(1.0, tracked.score + 0.08),
        "false_positive": False,
        "start_time": tracked.started_at.timestamp(),
        "end_time": tracked.ended_at.timestamp() if tracked.ended_at else None,
        "score": tracked.score,
        **view,
        "ratio": round((right - left) / (bottom - top), 2),
        "current_zones": [] if tracked.ended_at else list(tracked.zones),
        "entered_zones": list(tracked.zones),
        "thumbnail": None,
        "has_snapshot": True,
        "has_clip": True,
        "active": tracked.ended_at is None,
        "stationary": False,
        "motionless_count": 0,
        "position_changes": 1,
        "attributes": {},
        "current_attributes": [],
        "current_estimated_speed": 0,
        "average_estimated_speed": 0,
        "velocity_angle": 0,
        "recognized_license_plate": tracked.plate,
        "recognized_license_plate_score": tracked.plate_score,
    }


def _review(name: str, tracked: Tracked) -> dict[str, Any]:
    found: dict[str, Any] = {
        "detections": [tracked.id],
        "objects": [tracked.label],
        "sub_labels": [],
        "zones": list(tracked.zones),
        "audio": [],
    }
    return {
        "id": name,
        "camera": tracked.camera,
        "start_time": tracked.started_at.timestamp(),
        "end_time": tracked.ended_at.timestamp() if tracked.ended_at else None,
        "severity": "alert" if tracked.zones else "detection",
        "thumb_path": f"/media/frigate/clips/review/thumb-{tracked.camera}-{name}.webp",
        "data": found,
    }

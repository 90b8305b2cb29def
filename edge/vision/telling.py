"""From what a looker saw to what the agent is told: its pictures made, its clip asked for."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from edge.devices._camera_words import Shot, Told
from edge.vision.clips.clips import Clip, Clips
from edge.vision.evidence.shots import Evidence
from edge.vision.frames import Seen
from edge.vision.settings import Camera

_BEGINS = frozenset({"start", "instant"})


def clips_for(settings: Camera, counts: Counter[str]) -> Clips | None:
    """None for a camera with masks too: its packets hold what is masked, and they are not encoded anew."""
    if settings.masks or settings.clip_s <= 0 or settings.clip_bytes <= 0:
        return None
    return Clips(settings.clip_s, settings.clip_bytes, counts)


def wants_clip(seen: Seen) -> bool:
    """Of a thing that was seen, when it is first told. A plate has its pictures, a state of the camera no story."""
    fields = seen.fields
    return bool(seen.id) and fields.get("kind") == "detection" and fields.get("phase", "instant") in _BEGINS


def seen_told(device: str, seen: Seen, evidence: Evidence) -> Told:
    fields = {name: value for name, value in seen.fields.items() if name != "rest"}
    rest = bool(seen.fields.get("rest", False))
    if fields["kind"] == "detection" and (below := evidence.below(seen)):
        fields["ext"] = {**fields.get("ext", {}), "below": below}
    return Told(device=device, id=seen.id, at=seen.at, fields=fields, shots=evidence.of(seen), rest=rest)


def clip_told(device: str, clip: Clip, at: datetime) -> Told:
    """An update of what the clip is of: its first telling did not wait for what came after."""
    shot = Shot("clip", "video/mp4", clip.body)
    return Told(device=device, id=clip.of, at=at, fields={**clip.fields, "phase": "update"}, shots=(shot,))

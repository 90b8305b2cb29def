"""Programs that read plates from any camera's stream and push them: Rekor's agent, Plate Recognizer Stream.

Written from OpenALPR's documents of its agent, and guides.platerecognizer.com/docs/stream/results.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from simulators.devices.message import DeviceMessage, encode

_BOUNDARY = b"----gatehouse7f3a"


def rekor_group(camera_id: int, text: str, confidence: float, at: datetime, jpeg: bytes = b"") -> DeviceMessage:
    """A car that passed; ``confidence`` is percent."""
    start_ms = _ms(at)
    best = {"plate": text, "confidence": confidence, "matches_template": 0, "region": "cn", "region_confidence": 90}
    said: dict[str, Any] = {
        "version": 1,
        "data_type": "alpr_group",
        "epoch_start": start_ms,
        "epoch_end": _ms(at + timedelta(seconds=1.2)),
        "camera_id": camera_id,
        "best_uuid": f"east-cam{camera_id}-{start_ms}",
        "best_plate_number": text,
        "best_confidence": confidence,
        "best_plate": best,
        "candidates": [best],
        "travel_direction": 180.0,
        "vehicle_crop_jpeg": b64encode(jpeg).decode(),
    }
    return DeviceMessage("/rekor", encode(said))


def rekor_heartbeat(host: str, camera_id: int, streams: bool) -> DeviceMessage:
    """The agent and its camera, whose address holds a password."""
    address = "rtsp://admin:example@192.0.2.61/stream"  # pragma: allowlist secret
    stream = {"camera_id": camera_id, "is_streaming": streams, "url": address}
    said = {"data_type": "heartbeat", "agent_hostname": host, "system_uptime_seconds": 12345}
    return DeviceMessage("/rekor", encode({**said, "video_streams": [stream]}))


def platerecognizer(
    camera: str, text: str, score: float, at: datetime, zone: ZoneInfo, jpeg: bytes = b""
) -> DeviceMessage:
    """A car in a frame, as the form that Stream sends; ``score`` is a share. Plates are in lower case."""
    name = f"{camera}_screenshots/{at:%y-%m-%d/%H-%M-%S.%f}.jpg"
    box = {"xmin": 460, "ymin": 57, "xmax": 557, "ymax": 82}
    car: dict[str, Any] = {
        "box": box,
        "plate": text.lower(),
        "score": score,
        "dscore": 0.44,
        "direction": 180,
        "candidates": [],
    }
    hook = {"target": "http://192.0.2.1/", "id": camera, "event": "recognition", "filename": name}
    times = {"timestamp": at.isoformat().replace("+00:00", "Z"), "timestamp_local": str(at.astimezone(zone))}
    body = encode({"hook": hook, "data": {"camera_id": camera, "filename": name, **times, "results": [car]}})
    return DeviceMessage("/platerecognizer", _form(body, jpeg))


def _form(body: bytes, jpeg: bytes) -> bytes:
    parts = [b'Content-Disposition: form-data; name="json"\r\n\r\n' + body]
    if jpeg:
        head = b'Content-Disposition: form-data; name="upload"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        parts.append(head + jpeg)
    return b"".join(b"--" + _BOUNDARY + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + _BOUNDARY + b"--\r\n"


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)

"""A camera of the garden that its gateway looks at itself: drawn on, taken, and with something that fired."""

from __future__ import annotations

from typing import Any

from domain.events import Event, Media, encode_event
from domain.wire import pack
from eventlog.log import Record
from server import cameras
from server.audit import Actor
from server.batches import Batch
from server.house import House
from server.projections.detections import Detections
from server.store import desired_rows, device_lists
from server.store.engine import stamp
from tests.server import rows

CAMERA = "camera:north"
ENTRY: dict[str, Any] = {
    "masks": [[[0.75, 0.0], [1.0, 0.0], [1.0, 0.25], [0.75, 0.25]]],
    "zones": {"restricted": [[0.1, 0.5], [0.5, 0.45], [0.6, 0.95], [0.1, 0.95]]},
    "lines": {"gate": [[0.2, 0.8], [0.8, 0.8]]},
    "rules": [
        {"kind": "person_in_zone", "zone": "restricted", "hours": ["22:00-05:00"]},
        {"kind": "line_crossing", "line": "gate", "inward": "left"},
    ],
}


async def list_camera(house: House, address: str = "rtsp://192.0.2.20/s") -> None:
    """In the garden's list of devices."""
    async with house.db.write() as connection:
        listed = (await device_lists.current(connection, rows.GARDEN)).devices
        entries = [device_lists.entry_of(one) for one in listed]
        entries.append({"id": CAMERA, "name": "北门相机", "place": "北门", "address": address})
        await desired_rows.put(connection, rows.GARDEN, "devices", {"devices": entries}, "wang", rows.now())


async def add_camera(house: House) -> None:
    await list_camera(house)
    actor = Actor("wang", "operator")
    await cameras.save(house, actor, rows.GARDEN, CAMERA, {"masks": ENTRY["masks"]}, "遮住邻居的窗户", "")
    was = cameras.digest({"masks": ENTRY["masks"]})
    await cameras.save(house, actor, rows.GARDEN, CAMERA, ENTRY, "夜里北门里面不许进", was)
    picture = await rows.keep_picture(house, body=rows.picture("#2b3b52", "北门"))
    at = rows.ago(hours=9)
    said: dict[str, Any] = {"label": "person", "rule": "person_in_zone-restricted", "zones": ["restricted"]}
    ext = {"track": "t17", "box": [0.3, 0.4, 0.4, 0.8], "below": 0.04}
    media = [Media(role="scene", type="image/jpeg", sha256=picture)]
    times: dict[str, Any] = {"time": at, "recorded_at": at}
    event = Event(kind="detection", device=CAMERA, confidence=0.88, ext=ext, media=media, **times, **said)
    packed = pack("gw-0a1b2c3d4e5f", "routine", "e9", 1, [encode_event(event)])
    batch = Batch(Record(90_001, packed, rows.GARDEN, stamp(at)))
    async with house.db.write() as connection:
        await Detections().fold(connection, [batch])
        applied = {"gateway": "gw-0a1b2c3d4e5f", "kind": "scenes", "version": 1, "applied_at": stamp(rows.now())}
        reason = f"scenes: {CAMERA}: rules: they ask for persons; name a network under [vision] objects_model"
        await desired_rows.save(connection, [applied | {"refused_version": 2, "refused_reason": reason}])

"""The simulated complex: its lanes, doors and cameras, and what each thing that happens makes them send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from simulators import pictures
from simulators.cars import Car
from simulators.devices import frigate, gate, uhppoted, vzenith, zigbee2mqtt
from simulators.devices.message import DeviceMessage
from simulators.truth import CardShown, CarPassed, Direction, DoorMoved, ObjectSeen

ZONE = ZoneInfo("Asia/Shanghai")
EAST_GATE, HOUSE, YARD = "东门", "1号楼", "中心花园"
CONTROLLER = 405419896
DOORS = {1: "1号楼单元门", 2: "1号楼地下室门", 3: "1号楼天台门"}
CAMERAS = {"yard": YARD, "east_gate": EAST_GATE, "lobby": HOUSE}
SMOKE, LEAK = "1号楼/烟感", "1号楼/水浸"  # a friendly name of Zigbee2MQTT may have levels
CAMERA_NAMES = {"yard": "中心花园", "east_gate": "东门全景", "lobby": "1号楼大厅"}
LANE_IN = vzenith.Camera("fe71e106-57263201", "东门入口", "192.0.2.31")
LANE_OUT = vzenith.Camera("fe71e106-57263202", "东门出口", "192.0.2.32", layout="sn_first")
_EPOCH = datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC"))

DeviceRow = dict[str, str]
Picture = Literal["yard", "forced", "walking", "none"]


def device_list() -> list[DeviceRow]:
    """The installer's list: rows of id, name, place, lane, direction, zone."""
    return [
        _row(f"vzenith:{LANE_IN.sn}", LANE_IN.name, EAST_GATE, lane="1", direction="in"),
        _row(f"vzenith:{LANE_OUT.sn}", LANE_OUT.name, EAST_GATE, lane="2", direction="out"),
        _row(f"uhppoted:{CONTROLLER}", DOORS[1], HOUSE),
        _row("frigate:yard", CAMERA_NAMES["yard"], YARD, zone="restricted"),
        _row("frigate:east_gate", CAMERA_NAMES["east_gate"], EAST_GATE, zone="public"),
        _row("frigate:lobby", CAMERA_NAMES["lobby"], HOUSE, zone="private"),
        _row(f"z2m:{SMOKE}", "1号楼电表间烟感", HOUSE),
        _row(f"z2m:{LEAK}", "1号楼地下室水浸", HOUSE),
    ]


def lanes_document() -> dict[str, Any]:
    """The lanes as the centre would wish them: desired state of kind ``lanes``."""
    return {"lanes": [gate.lane(LANE_IN, "east-in", "in"), gate.lane(LANE_OUT, "east-out", "out")]}


def _row(identity: str, name: str, place: str, lane: str = "", direction: str = "unknown", zone: str = "") -> DeviceRow:
    return {"id": identity, "name": name, "place": place, "lane": lane, "direction": direction, "zone": zone}


@dataclass(frozen=True)
class Sighting:
    """A camera follows an object; ``picture`` is drawn when its snapshot is sent."""

    camera: str
    label: str
    zone: str
    x: int
    score: float
    suffix: str
    picture: Picture


class Estate:
    """Builds messages and numbers what its devices number. Without ``drawn`` pictures are left out, for speed."""

    def __init__(self, started_at: datetime, cards: frozenset[int], drawn: bool = True) -> None:
        # Numbers go on over runs, as a real controller's do: a lower number would be a repeat.
        first = max(1, int((started_at - _EPOCH).total_seconds()) * 10)
        self.controller = uhppoted.Controller(CONTROLLER, ZONE, first_event=first, cards=cards)
        self.zigbee = zigbee2mqtt.Bridge()
        self._plate_number = first
        self._drawn = drawn

    def car(
        self, direction: Direction, car: Car, read: str | None, at: datetime, sent_at: datetime | None = None
    ) -> tuple[list[DeviceMessage], CarPassed]:
        """A car through a lane, read as ``read``; with ``sent_at`` as a record that the camera kept till then."""
        camera = LANE_IN if direction == "in" else LANE_OUT
        self._plate_number += 1
        scene, close_up = self._car_pictures(camera.name, car, at)
        plate = vzenith.Plate(text=read, color=car.color, scene=scene, close_up=close_up)
        message = vzenith.plate(camera, plate, self._plate_number, at, sent_at)
        device = f"vzenith:{camera.sn}"
        return [message], CarPassed(device, direction, car.plate, read, car.color, at, kept=sent_at is not None)

    def _car_pictures(self, camera: str, car: Car, at: datetime) -> tuple[bytes, bytes]:
        if not self._drawn:
            return b"", b""
        local = at.astimezone(ZONE)
        night = not 7 <= local.hour < 19
        scene = pictures.gate_scene(camera, local, car.plate, car.color, car.paint, night)
        return scene, pictures.plate_close_up(car.plate, car.color) if car.plate else b""

    def swipe(
        self, door: int, card: int, direction: Direction, at: datetime, granted: bool = True
    ) -> tuple[list[DeviceMessage], CardShown]:
        """A card at a door."""
        reason = uhppoted.SWIPE_OK if granted else uhppoted.NO_RIGHTS
        way = uhppoted.IN if direction == "in" else uhppoted.OUT
        return self.controller.swipe(door, card, way, at, reason), CardShown(door, card, granted, direction, at)

    def door(
        self, door: int, state: Literal["open", "closed", "forced_open"], at: datetime
    ) -> tuple[list[DeviceMessage], DoorMoved]:
        """A door that moved, or was forced."""
        fact = DoorMoved(door, state, at)
        if state == "forced_open":
            return self.controller.alarm(door, uhppoted.FORCED_OPEN, at), fact
        return self.controller.door(door, uhppoted.DOOR_OPENED if state == "open" else uhppoted.DOOR_CLOSED, at), fact

    def sensors(self) -> list[DeviceMessage]:
        """Smoke and water, at rest: each says all that was ever heard of it."""
        said = [self.zigbee.says(SMOKE, smoke=False, test=False, battery_low=False, battery=92)]
        return [*said, self.zigbee.says(LEAK, water_leak=False, tamper=False, battery_low=False, battery=81)]

    def seen(self, sighting: Sighting, at: datetime) -> tuple[list[DeviceMessage], ObjectSeen]:
        """An object appears before a camera."""
        tracked = _tracked(sighting, at)
        messages = [frigate.motion(sighting.camera, True), frigate.event("new", tracked, tracked)]
        return messages, ObjectSeen(sighting.camera, sighting.label, at)

    def confirmed(self, sighting: Sighting, started_at: datetime, at: datetime) -> list[DeviceMessage]:
        """It is in a zone now: a picture, an update, a review item."""
        before = _tracked(sighting, started_at)
        after = msgspec.structs.replace(before, seen_at=at, zones=(sighting.zone,))
        review = _review_name(before)
        return [
            *self._snapshot(sighting, at),
            frigate.event("update", before, after),
            frigate.review("new", review, after, after),
        ]

    def gone(self, sighting: Sighting, started_at: datetime, at: datetime) -> list[DeviceMessage]:
        """It has left."""
        before = msgspec.structs.replace(_tracked(sighting, started_at), zones=(sighting.zone,))
        after = msgspec.structs.replace(before, seen_at=at, ended_at=at)
        return [
            frigate.event("end", before, after),
            frigate.review("end", _review_name(before), before, after),
            frigate.motion(sighting.camera, False),
        ]

    def _snapshot(self, sighting: Sighting, at: datetime) -> list[DeviceMessage]:
        if not self._drawn or sighting.picture == "none":
            return []
        local, name = at.astimezone(ZONE), CAMERA_NAMES[sighting.camera]
        if sighting.picture == "yard":
            body = pictures.yard_scene(name, local, sighting.x, sighting.score)
        else:
            body = pictures.door_scene(name, local, DOORS[1], sighting.picture == "forced", sighting.score)
        return [frigate.snapshot(sighting.camera, sighting.label, body)]


def sighting(camera: str, zone: str, picture: Picture, chance: Random, label: str = "person") -> Sighting:
    """Somebody, or something, somewhere in a camera's view."""
    suffix = "".join(chance.choices("abcdefghjkmnpqrstuvwxyz", k=6))
    x, score = chance.randrange(330, 660), round(chance.uniform(0.78, 0.94), 3)
    return Sighting(camera, label, zone, x, score, suffix, picture)


def _tracked(sighting: Sighting, started_at: datetime) -> frigate.Tracked:
    left = sighting.x - 62
    return frigate.Tracked(
        camera=sighting.camera,
        label=sighting.label,
        started_at=started_at,
        suffix=sighting.suffix,
        score=sighting.score,
        box=(left, 206, left + 128, 466),
    )


def _review_name(tracked: frigate.Tracked) -> str:
    return f"{tracked.started_at.timestamp():.6f}-r{tracked.suffix[:5]}"

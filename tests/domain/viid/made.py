"""Events, devices and pictures of one gate, for the tests of what is sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

import domain.viid
from domain.events import Event, Media, Subject
from domain.viid.mapping import Made, Record, Shown, made, rule_for
from domain.viid.profile import Profile, profile_of
from domain.viid.serials import Issued
from domain.viid.sources import Coded

AT = datetime(2026, 11, 22, 8, 5, tzinfo=UTC)
CAMERA, GATE = "33010600011190000001", "33010600011210000001"
CODED = Coded(CAMERA, name="东门", tollgate=GATE, lane=2, direction="3", extra={"CommunityID": "33010600012160000001"})
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF"
FIXTURES = Path(__file__).parents[2] / "fixtures"
TEXTS = {file.stem: file.read_text() for file in (Path(domain.viid.__file__).parent / "profiles").glob("*.toml")}
SCENE = Media(role="scene", type="image/jpeg", bytes=9, sha256="a" * 64)
PLATE = Media(role="plate", type="image/jpeg", bytes=9, sha256="b" * 64)
FACE = Media(role="face", type="image/jpeg", bytes=9, sha256="c" * 64)


def standard(name: str = "standard", **texts: str) -> Profile:
    return profile_of(name, {**TEXTS, **texts})


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text())


def event(kind: str, media: tuple[Media, ...] = (), **rest: Any) -> Event:
    return Event(kind=kind, device="vzenith:1", time=AT, source_event_id="1", media=list(media), **rest)


def car(plate: str | None = "浙A00000", **subject: Any) -> Event:
    said = {"plate_color": "blue", "plate_status": "read" if plate else "no_plate", **subject}
    return event("plate", (SCENE, PLATE), subject=Subject(type="plate", id=plate, **said), confidence=0.97)


EVENTS = {
    "car": car(),
    "car without a plate": car(None),
    "new energy": car("浙AF12345", plate_color="green"),
    "large new energy": car("浙A12345D", plate_color="yellow_green"),
    "suspect": car(plate_status="suspect_fake"),
    "car without pictures": event("plate", subject=Subject(type="plate", id="浙A00000", plate_color="blue")),
    "fast car": event("plate", metrics={"speed_kmh": 31.5}, raw_codes={"VehicleColor": "2", "VehicleClass": "K33"}),
    "car at no lane": event("detection", (SCENE,), label="motor_vehicle", subject=Subject(type="plate", id="浙A00000")),
    "car at no lane, unread": event("detection", label="motor_vehicle"),
    "two-wheeler": event("detection", (SCENE,), label="non_motor_vehicle"),
    "two-wheeler with a plate": event("detection", label="non_motor_vehicle", subject=Subject(type="plate", id="浙1")),
    "person": event("detection", (SCENE, FACE), label="person"),
    "face": event("detection", (FACE, SCENE), label="face"),
    "passage": event("access", (SCENE, FACE), result="granted", method="card", subject=Subject(type="card", id="7")),
    "intrusion": event("alarm", (SCENE,), alarm="intrusion", place="东门"),
    "object left": event("detection", (SCENE,), label="object_left"),
    "fire": event("alarm", (SCENE,), alarm="fire"),
    "camera offline": event("availability", state="offline"),
}


def pictures(of: Event) -> list[Shown]:
    return [Shown(media.role, JPEG, 1920, 1080, place) for place, media in enumerate(of.media)]


def record(of: Event, coded: Coded = CODED, *, identity: bool = False) -> Record:
    return Record(of, coded, Issued(AT, 1), pictures(of), identity)


def as_told(said: Any) -> Any:
    """As the far end reads it."""
    return json.loads(msgspec.json.encode(said))


def sent(of: Event, profile: Profile, coded: Coded = CODED, *, identity: bool = False) -> Made:
    return made(record(of, coded, identity=identity), rule_for(of, coded, profile), profile)

"""What a lower library pushes, as facts: what was seen, by which device, when; who it is stays where it was."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import msgspec

from domain.events import Event, Media, Subject
from domain.ids import content_name
from domain.plates import classify, normalise
from domain.viid.capture import DOUBTS, LABELS, MOST_PICTURES, NO_PLATE, RAW_CODES, TIMES
from domain.viid.codes import IS_ONLINE, ROLES, plate_color
from domain.viid.envelopes import Fields, Sent, sub_images
from domain.viid.ids import BadId, checked_code, parse
from domain.viid.times import read_time

KIND = "gat1400"  # of devices: the same as where a camera pushes to its gateway, so that a record is one fact
_LATE, _AHEAD = timedelta(minutes=10), timedelta(minutes=2)
_NOT_READ = frozenset({"无车牌", "无牌", "无牌车", "未识别", "unknown"})
_HEADS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png"}


class BadObject(ValueError):
    """An object that cannot be taken: which, and why."""


class Shown(msgspec.Struct, frozen=True):
    """A picture that came with an object, by the name of its content."""

    media: Media
    body: bytes


class Seen(msgspec.Struct, frozen=True):
    """A fact, and its pictures."""

    event: Event
    pictures: tuple[Shown, ...] = ()


def read_seen(sent: Sent, caller: str, received_at: datetime) -> Seen:
    """What an object states. ``caller``: the code of who pushed it. Raises BadObject."""
    reader = _READERS.get(sent.name)
    if reader is None:
        raise BadObject(f"{sent.name}: such objects are not taken here")
    return reader(sent, caller, received_at)


def _seen(sent: Sent, caller: str, received_at: datetime) -> Seen:
    label, times = LABELS[sent.name], TIMES[sent.name]
    said = _inner(sent)
    number, device = _number(sent, said), _device(said, caller)
    time, quality, as_sent = _time(said, times, received_at)
    pictures = _pictures(sent)
    event = Event(
        kind="detection",
        device=f"{KIND}:{device}",
        time=time,
        time_quality=quality,
        device_time=as_sent,
        recorded_at=received_at,
        source_event_id=number,
        label=label,
        subject=_plate(said) if sent.name in ("MotorVehicle", "NonMotorVehicle") and _speaks_of_plate(said) else None,
        confidence=_share(said.get("PlateReliability")),
        media=[one.media for one in pictures],
        raw_codes={name: str(said[name]) for name in RAW_CODES if said.get(name) not in (None, "")},
        ext={"by": caller},
    )
    return Seen(event, pictures)


def _status(sent: Sent, caller: str, received_at: datetime) -> Seen:
    """A device behind the library, as that has it. Its password, which some write beside it, is not read."""
    state = IS_ONLINE.get(_whole(sent.said.get("IsOnline")), "unknown")
    event = Event(
        kind="availability",
        device=f"{KIND}:{_code(sent.said.get('ApeID'), 'ApeID')}",
        time_quality="gateway",
        recorded_at=received_at,
        point="listed",
        state=state,
        ext={"by": caller},
    )
    return Seen(event)


def _inner(sent: Sent) -> Fields:
    info = sent.said.get(f"{sent.name}Info")
    return {**sent.said, **info} if isinstance(info, dict) else sent.said  # pyright: ignore[reportUnknownVariableType]


def _number(sent: Sent, said: Fields) -> str:
    """Its own id: 48 digits of its kind, or a picture's 41."""
    number = str(said.get(f"{sent.name}ID") or "").strip()
    try:
        parsed = parse(number)
    except BadId as error:
        raise BadObject(f"{sent.name}ID: {error}") from error
    if parsed.name != sent.name or len(number) != (41 if sent.name == "Image" else 48):
        raise BadObject(f"{sent.name}ID {number} is the number of a {parsed.name}")
    return number


def _device(said: Fields, caller: str) -> str:
    return _code(said.get("DeviceID") or caller, "DeviceID")


def _code(value: object, name: str) -> str:
    try:
        return checked_code(str(value or "").strip(), name)
    except BadId as error:
        raise BadObject(str(error)) from error


def _time(said: Fields, names: tuple[str, ...], received_at: datetime) -> tuple[datetime | None, str, str | None]:
    """The first of the named times that is one; what is late was kept while nobody answered, and never acts."""
    sent = [str(said[name]) for name in names if said.get(name) not in (None, "")]
    found = next(((time, text) for text in sent if (time := read_time(text)) is not None), None)
    if found is None:
        return None, "device_clock_bad" if sent else "gateway", sent[0][:64] if sent else None
    time, text = found
    if time > received_at + _AHEAD:
        return None, "device_clock_bad", text
    return time, "replay" if received_at - time > _LATE else "assumed_zone", text


def _speaks_of_plate(said: Fields) -> bool:
    return any(said.get(name) not in (None, "") for name in ("PlateNo", "HasPlate"))


def _plate(said: Fields) -> Subject:
    """A dash stands for a sign that could not be read: what is left is no plate to go by."""
    color = _color(said)
    text = str(said.get("PlateNo") or "").strip()
    plate = "" if text.lower() in _NOT_READ or "-" in text else normalise(text)
    if not plate:
        has_none = str(said.get("HasPlate", "")).strip().lower() in NO_PLATE or text in ("无车牌", "无牌", "无牌车")
        return Subject(type="plate", plate_color=color, plate_status="no_plate" if has_none else "unreadable")
    doubted = any(str(said.get(name, "")).lower() in ("1", "true") for name in DOUBTS)
    status = "suspect_fake" if doubted else "read"
    return Subject(type="plate", id=plate, plate_color=color, plate_status=status, valid=classify(plate) is not None)


def _color(said: Fields) -> str:
    return plate_color(str(said.get("PlateClass") or ""), _whole(said.get("PlateColor")))


def _whole(value: object) -> int:
    """A small whole number, however it was written; -1 for anything else."""
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else -1


def _share(value: object) -> float | None:
    percent = _whole(value)
    return round(percent / 100, 4) if 0 <= percent <= 100 else None


def _pictures(sent: Sent) -> tuple[Shown, ...]:
    if sent.name == "Image":
        parts = [{"Data": sent.said.get("Data"), "Type": "14"}]
    else:
        parts = sub_images(sent.said.get("SubImageList"))
    found = [one for part in parts[:MOST_PICTURES] if (one := _shown(part)) is not None]
    return tuple({one.media.sha256: one for one in found}.values())


def _shown(part: Mapping[str, Any]) -> Shown | None:
    """A picture; None where there is none, or what is there is none. Raises BadObject for a base64 that is broken."""
    text = part.get("Data")
    if not isinstance(text, str) or not text:
        return None
    try:
        body = base64.b64decode(text.rpartition(",")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadObject(f"Data of a picture is no base64: {error}") from error
    kind = next((kind for head, kind in _HEADS.items() if body.startswith(head)), None)
    if kind is None:
        return None
    role = ROLES.get(_whole(part.get("Type")), "scene")
    return Shown(Media(role=role, type=kind, bytes=len(body), sha256=content_name(body)), body)


_READERS: Mapping[str, Callable[[Sent, str, datetime], Seen]] = MappingProxyType(
    {**dict.fromkeys(LABELS, _seen), "APE": _status, "APEStatus": _status}
)
READ = frozenset(_READERS)

"""A Vzenith PlateResult, which its MQTT, HTTP and TCP protocols share, as a plate event with its pictures."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec

from domain.events import Event, Media, Subject
from edge.devices._fields import (
    base64_bytes,
    fields,
    flag,
    media_type,
    number_in,
    plain_or_base64,
    text_in,
    whole,
    without_secrets,
)
from edge.devices._plates import encrypted_subject, looks_like_plate, plate_subject
from edge.devices._times import epoch, epoch_and_microseconds, judged
from edge.devices._vzenith_tables import COLORS, TRAVELS, TRIGGERS, TYPE_COLORS, TYPE_FAKE, TYPE_NO_PLATE
from edge.devices.driver import Message, Picture, Reading, Site, picture

_WORD = re.compile(r"[\w .-]+")
_BASE64_ONLY = re.compile("[=+/]")  # in no plate anywhere


class PlateResult(msgspec.Struct):
    """The fields we read. Clones drop and retype them, so none is required and none has a fixed type."""

    license: Any = None
    confidence: Any = None
    type: Any = None
    colorType: Any = None
    direction: Any = None
    triggerType: Any = None
    is_fake_plate: Any = None
    is_encrypted: Any = None
    isoffline: Any = None
    unique_id: Any = None
    plateid: Any = None
    start_time: Any = None  # ms
    begin_time: Any = None  # s
    timeStamp: Any = None  # {"Timeval": {"sec", "usec", and the local clock}}
    imagePath: Any = None
    imageFragmentPath: Any = None
    full_image_content: Any = None  # base64, MQTT
    small_image_content: Any = None
    imageFile: Any = None  # base64, HTTP
    imageFragmentFile: Any = None


class Camera(msgspec.Struct, frozen=True):
    """Where a PlateResult came from, and what the message around it says."""

    device: str
    channel: str | None = None
    timestamp: object = None
    base64_texts: bool = True  # MQTT wraps texts in base64, HTTP and TCP do not
    replay: bool = False


def read_plate(result: PlateResult, camera: Camera, message: Message, site: Site) -> Reading:
    """The plate event that a result says, and its pictures."""
    time, sent = _time(result, camera)
    when = judged(time, sent, message, site, replay=camera.replay or flag(result.isoffline))
    media, pictures = _pictures(result)
    number = text_in(result.unique_id)
    direction, trigger = whole(result.direction), whole(result.triggerType)
    event = Event(
        kind="plate",
        device=camera.device,
        time=when.time,
        time_quality=when.time_quality,
        device_time=when.device_time,
        retained=message.retained,
        channel=camera.channel,
        source_event_id=number or text_in(result.plateid),
        counter_restarts=number is None and result.plateid is not None,
        subject=_subject(result, camera),
        confidence=_confidence(result.confidence),
        travel=TRAVELS.get(direction) if direction is not None else None,
        trigger=TRIGGERS.get(trigger) if trigger is not None else None,
        media=media,
        raw_codes=_raw_codes(result),
    )
    return Reading([event], pictures)


def read_license(license: object, *, base64_texts: bool) -> str | None:
    """The text of a licence, wrapped in base64 or not; None where there is none, or none that can be unwrapped.

    Some plain licences are base64 by their letters too. What unwraps to a Chinese character was wrapped; otherwise a
    plain text that is a plate stays one, and what unwraps to a word was wrapped.
    """
    text = text_in(license)
    if text is None or not base64_texts or not text.isascii():
        return text
    unwrapped = plain_or_base64(text)
    if unwrapped is text:
        return _wrapped_gbk(text) or (None if _BASE64_ONLY.search(text) else text)
    if unwrapped.isascii() and (looks_like_plate(text) or not _WORD.fullmatch(unwrapped)):
        return text
    return unwrapped


def _wrapped_gbk(text: str) -> str | None:
    """Older firmware wraps GB2312; believed only where a plate comes out, since most bytes are some GB2312 text."""
    try:
        unwrapped = base64_bytes(text).decode("gb18030")
    except UnicodeDecodeError:
        return None
    return unwrapped if looks_like_plate(unwrapped) else None


def _subject(result: PlateResult, camera: Camera) -> Subject:
    kind, number = whole(result.type), whole(result.colorType)
    color = COLORS.get(number, "unknown") if number is not None else TYPE_COLORS.get(kind or 0, "unknown")
    if flag(result.is_encrypted):
        return encrypted_subject(color)
    return plate_subject(
        read_license(result.license, base64_texts=camera.base64_texts),
        color,
        none_seen=kind == TYPE_NO_PLATE,
        fake=kind == TYPE_FAKE or flag(result.is_fake_plate),
    )


def _confidence(value: object) -> float | None:
    """Percent as a share; a fraction below one is a share already (clones)."""
    number = number_in(value)
    if number is None or not 0 <= number <= 100:
        return None
    return float(number) if 0 < number < 1 else round(number / 100, 4)


def _time(result: PlateResult, camera: Camera) -> tuple[datetime | None, object]:
    """The most trusted time there is, and the field as it was sent."""
    timeval = fields(fields(result.timeStamp).get("Timeval"))
    sent = [value for value in (result.start_time, result.begin_time) if value not in (None, "", 0)]
    for value in sent:
        if time := epoch(value):
            return time, value
    if time := epoch_and_microseconds(timeval.get("sec"), timeval.get("usec")):
        return time, timeval["sec"]
    sent += [value for value in (timeval.get("sec"), camera.timestamp) if value not in (None, "", 0)]
    return epoch(camera.timestamp), sent[0] if sent else None


def _pictures(result: PlateResult) -> tuple[list[Media], list[Picture]]:
    """Pictures inside the message; a path where there is only a path. What is no picture is left out: the car came."""
    media: list[Media] = []
    pictures: list[Picture] = []
    for role, content, path in (
        ("scene", result.full_image_content or result.imageFile, result.imagePath),
        ("plate", result.small_image_content or result.imageFragmentFile, result.imageFragmentPath),
    ):
        body = base64_bytes(content) if content else b""
        if body and (kind := media_type(body)):
            entry, kept = picture(role, body, kind)
            media.append(entry)
            pictures.append(kept)
        elif reference := text_in(path):
            media.append(Media(role=role, ref=without_secrets(plain_or_base64(reference))))
    return media, pictures


def _raw_codes(result: PlateResult) -> dict[str, Any]:
    """The type of plate, which has no word of ours, and numbers our tables do not know."""
    found = {"type": whole(result.type)}
    tables = (("colorType", COLORS), ("direction", TRAVELS), ("triggerType", TRIGGERS))
    for name, table in tables:
        number = whole(getattr(result, name))
        if number is not None and number not in table:
            found[name] = number
    return {name: number for name, number in found.items() if number is not None}

"""Plate Recognizer Stream: its webhook, a form with a part ``json`` and a picture, or the JSON alone.

Written from guides.platerecognizer.com/docs/stream/results and the receivers in parkpow/deep-license-plate-recognition.
"""

from __future__ import annotations

from datetime import UTC
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from domain.events import Event, Media
from edge.devices._fields import codes, decode_json, fields, items, keep_raw, media_type, number_in, text_in
from edge.devices._plates import plate_subject
from edge.devices._times import epoch, iso_8601, judged
from edge.devices.driver import (
    Answer,
    BadMessage,
    Driver,
    JudgedTime,
    Message,
    Picture,
    Reading,
    Site,
    picture,
)
from edge.multipart import is_multipart, parts_of

KIND = FAMILY = "platerecognizer"
_MAX_RESULTS = 100
_JSON = "json"
_MAX_FIELDS = 50
_STATES = MappingProxyType(
    {
        "running": "online",
        "online": "online",
        "up": "online",
        "offline": "offline",
        "down": "offline",
        "stopped": "offline",
    }
)
_HEARTBEAT, _OTHER_SIGNS = "heartbeat", ("status", "health")

_decode = msgspec.json.Decoder(dict[str, Any]).decode

Said = dict[str, Any]


def decode(message: Message, site: Site) -> Reading:
    """What Stream says. Raises BadMessage."""
    body, pictures = _open(message.payload)
    said = decode_json(_decode, body, "not a webhook of Plate Recognizer")
    hook, told = fields(said.get("hook")), fields(said.get("data")) or said
    word = (text_in(hook.get("event")) or ("recognition" if "results" in told else "")).lower()
    device = f"{KIND}:{_camera(hook, told)}"
    if word == "recognition":
        return _recognised(told, device, pictures, message, site)
    when = _when(told, message, site)
    state = _STATES.get((text_in(told.get("status")) or "online").lower())
    if state is not None and (_HEARTBEAT in word or any(sign in word for sign in _OTHER_SIGNS)):
        point = None if _HEARTBEAT in word else "stream"  # what is said once is no sign of life that comes again
        return Reading([_event("availability", device, message, when, point=point, state=state)])
    if not word:
        raise BadMessage("neither hook.event nor results")
    raw, kept = keep_raw(msgspec.structs.replace(message, payload=body), "json")
    return Reading([_event("unknown", device, message, when, code=word, raw=raw, raw_codes=codes(told))], kept)


def _open(payload: bytes) -> tuple[bytes, list[bytes]]:
    """The JSON, and the pictures beside it. Raises BadMessage for a form without one."""
    if is_multipart(payload):
        parts = parts_of(payload)
        body = next((part.body for part in parts if part.name == _JSON), None)
        if body is None:
            raise BadMessage("a form without a part named json")
        return body, [part.body for part in parts if part.name != _JSON and media_type(part.body)]
    if payload.startswith(b"json="):
        return _urlencoded(payload), []
    return payload, []


def _urlencoded(payload: bytes) -> bytes:
    """Raises BadMessage."""
    try:
        return dict(parse_qsl(payload.decode("ascii"), max_num_fields=_MAX_FIELDS)).get(_JSON, "").encode()
    except ValueError as error:  # UnicodeDecodeError is one
        raise BadMessage(f"not a urlencoded form: {error}") from error


def _camera(hook: Said, told: Said) -> str:
    """Raises BadMessage."""
    camera = text_in(told.get("camera_id")) or text_in(hook.get("id"))
    if camera is None:
        raise BadMessage("neither data.camera_id nor hook.id")
    return camera


def _recognised(told: Said, device: str, bodies: list[bytes], message: Message, site: Site) -> Reading:
    """An event for each car in the picture, which is the same for all."""
    when = _when(told, message, site)
    cars = [found for car in items(told.get("results"))[:_MAX_RESULTS] if (found := fields(car))]
    media, pictures = _pictures(bodies) if cars else ([], [])
    name = text_in(told.get("filename"))
    events = [_car(car, device, message, when, list(media), _number(name, index)) for index, car in enumerate(cars)]
    return Reading(events, pictures)


def _number(name: str | None, index: int) -> str | None:
    """The name of the saved frame, unique by its microseconds, is sent again when a delivery is."""
    return f"{name}/{index}" if name else None


def _car(car: Said, device: str, message: Message, when: JudgedTime, media: list[Media], number: str | None) -> Event:
    text, score = _plate(car)
    degrees = number_in(car.get("direction"))
    return _event(
        "plate",
        device,
        message,
        when,
        source_event_id=number,
        subject=plate_subject(text),
        confidence=score,
        media=media,
        ext={} if degrees is None else {"travel_degrees": degrees},
    )


def _plate(car: Said) -> tuple[str | None, float | None]:
    """The reading and its score; newer versions box them, with the likeliest first, and a car may have no plate."""
    boxed = fields(car.get("plate"))
    if not boxed:
        return text_in(car.get("plate")), _share(car.get("score"))
    readings = items(fields(boxed.get("props")).get("plate"))
    best = fields(readings[0]) if readings else {}
    return text_in(best.get("value")), _share(best.get("score", boxed.get("score")))


def _share(value: object) -> float | None:
    number = number_in(value)
    return float(number) if number is not None and 0 <= number <= 1 else None


def _when(told: Said, message: Message, site: Site) -> JudgedTime:
    """``timestamp`` is UTC, whether it says so or not; ``timestamp_local`` has its offset."""
    sent, local = text_in(told.get("timestamp")), text_in(told.get("timestamp_local"))
    time = iso_8601(sent, UTC)
    if time is None and (fallback := iso_8601(local, site.zone)):
        return judged(fallback, local, message, site)
    return judged(time or epoch(sent), sent, message, site)


def _pictures(bodies: list[bytes]) -> tuple[list[Media], list[Picture]]:
    """The first is the frame, a second one the plate; each once."""
    roles = zip(("scene", "plate"), bodies, strict=False)
    made = [picture(role, body, media_type(body) or "image/jpeg") for role, body in roles]
    return [entry for entry, _ in made], list({kept.sha256: kept for _, kept in made}.values())


def _event(kind: str, device: str, message: Message, when: JudgedTime, **rest: Any) -> Event:
    return Event(
        kind=kind,
        device=device,
        time=when.time,
        time_quality=when.time_quality,
        device_time=when.device_time,
        retained=message.retained,
        **rest,
    )


def _answer(message: Message, site: Site) -> Answer:
    """Any 2xx; anything else is sent again."""
    return Answer(b"OK", "text/plain")


DRIVER = Driver(
    kind=KIND,
    families=(FAMILY,),
    decode=decode,
    transports=("http_push",),
    paths=MappingProxyType({"/platerecognizer/**": FAMILY}),
    answer=_answer,
    page="platerecognizer.md",
)

"""OpenALPR and Rekor Scout: cars by groups or by single frames, heart-beats of the agent and its cameras.

Written from the public documents of OpenALPR's agent. The same JSON comes by HTTP or over MQTT; the reply is any 200.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from types import MappingProxyType
from typing import Any

import msgspec

from domain.events import Event, Media
from edge.devices._fields import (
    base64_bytes,
    codes,
    decode_json,
    fields,
    flag,
    items,
    keep_raw,
    media_type,
    number_in,
    text_in,
)
from edge.devices._plates import plate_subject
from edge.devices._times import epoch, judged
from edge.devices.driver import (
    Answer,
    BadMessage,
    BrokerUser,
    Driver,
    JudgedTime,
    Message,
    Picture,
    Reading,
    Site,
    picture,
)

KIND = "rekor"
FAMILY = "openalpr-rekor"
_MAX_RESULTS = 100
_PICTURES = (("scene", "vehicle_crop_jpeg"), ("plate", "plate_crop_jpeg"))

_decode = msgspec.json.Decoder(dict[str, Any]).decode

Said = dict[str, Any]


def decode(message: Message, site: Site) -> Reading:
    """What the agent says. Raises BadMessage."""
    said = decode_json(_decode, message.payload, "not a message of OpenALPR's agent")
    kind = text_in(said.get("data_type"))
    if kind is None:
        raise BadMessage("no data_type")
    return _READERS.get(kind, _unknown)(said, message, site)


def _device(said: Said) -> str:
    """A camera by its number; what concerns the agent itself, by its host. Raises BadMessage."""
    for name in ("camera_id", "agent_hostname", "agent_uid", "company_id"):
        value = text_in(said.get(name))
        if value is not None:
            return f"{KIND}:{value}"
    raise BadMessage("no camera_id, agent_hostname or agent_uid")


def _group(said: Said, message: Message, site: Site) -> Reading:
    """A car that passed: what its frames say together. Its time is the first frame's, its end the last one's."""
    best = fields(said.get("best_plate"))
    text = text_in(best.get("plate")) or text_in(said.get("best_plate_number"))
    confidence = _confidence(best.get("confidence", said.get("best_confidence")))
    if not best and "best_plate_number" not in said:
        raise BadMessage("alpr_group without best_plate and best_plate_number")
    when = _when(said.get("epoch_start"), message, site)
    media, pictures = _pictures({**best, **said})
    event = _event(
        "plate",
        _device(said),
        message,
        when,
        source_event_id=_number(said),
        subject=plate_subject(text),
        confidence=confidence,
        ended_at=_end(said, when),
        media=media,
        ext=_further(said),
    )
    return Reading([event], pictures)


def _number(said: Said) -> str | None:
    """Its best frame names a group; in older versions its first."""
    uuids = items(said.get("uuids"))
    return text_in(said.get("best_uuid")) or (text_in(uuids[0]) if uuids else None)


def _end(said: Said, when: JudgedTime) -> datetime | None:
    """The end, corrected as the beginning was; none where the clock is not believed."""
    start, end = epoch(said.get("epoch_start")), epoch(said.get("epoch_end"))
    if start is None or end is None or when.time is None or end < start:
        return None
    return end + (when.time - start)


def _further(said: Said) -> dict[str, Any]:
    """Degrees in the picture: what they mean for the lane only the site knows."""
    degrees = number_in(said.get("travel_direction"))
    return {} if degrees is None else {"travel_degrees": degrees}


def _results(said: Said, message: Message, site: Site) -> Reading:
    """What one frame shows. Each reading is a plate; readings of a minute are one passage."""
    found = [fields(one) for one in items(said.get("results"))][:_MAX_RESULTS]
    device, uuid = _device(said), text_in(said.get("uuid"))
    when = _when(said.get("epoch_time"), message, site)
    events = [
        _event(
            "plate",
            device,
            message,
            when,
            source_event_id=f"{uuid}/{index}" if uuid else None,
            subject=plate_subject(text_in(one.get("plate"))),
            confidence=_confidence(one.get("confidence")),
        )
        for index, one in enumerate(found)
        if one
    ]
    return Reading(events)


def _heartbeat(said: Said, message: Message, site: Site) -> Reading:
    """The agent, and each of its cameras where it lists them. Their addresses hold passwords and are not read."""
    sent = said.get("timestamp")
    when = _when(sent, message, site)
    events = [_event("availability", _agent(said), message, when, state="online")]
    events += [_event("availability", device, message, when, state=state) for device, state in _streams(said)]
    return Reading(events)


def _agent(said: Said) -> str:
    return _device({key: value for key, value in said.items() if key != "camera_id"})


def _streams(said: Said) -> Iterator[tuple[str, str]]:
    for stream in items(said.get("video_streams"))[:_MAX_RESULTS]:
        camera = text_in(fields(stream).get("camera_id"))
        streams = fields(stream).get("is_streaming")
        if camera is not None and isinstance(streams, bool | int):
            yield f"{KIND}:{camera}", "online" if flag(streams) else "offline"


def _vehicle(said: Said, message: Message, site: Site) -> Reading:
    """A vehicle without a plate that could be read: seen, and no passage."""
    when = _when(said.get("epoch_start"), message, site)
    number = _number(said)
    event = _event("detection", _device(said), message, when, source_event_id=number, label="vehicle")
    return Reading([event])


def _unknown(said: Said, message: Message, site: Site) -> Reading:
    raw, kept = keep_raw(message, "json")
    sent = said.get("epoch_time") or said.get("epoch_start")
    when = _when(sent, message, site)
    code = text_in(said.get("data_type"))
    return Reading([_event("unknown", _device(said), message, when, code=code, raw=raw, raw_codes=codes(said))], kept)


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


def _when(sent: object, message: Message, site: Site) -> JudgedTime:
    return judged(epoch(sent), sent, message, site)


def _confidence(value: object) -> float | None:
    """Percent as a share."""
    number = number_in(value)
    return round(number / 100, 8) if number is not None and 0 <= number <= 100 else None


def _pictures(said: Said) -> tuple[list[Media], list[Picture]]:
    media: list[Media] = []
    pictures: list[Picture] = []
    for role, name in _PICTURES:
        body = base64_bytes(said.get(name))
        if body and (kind := media_type(body)):
            entry, kept = picture(role, body, kind)
            media.append(entry)
            pictures.append(kept)
    return media, pictures


def _answer(message: Message, site: Site) -> Answer:
    return Answer(b"OK", "text/plain")


def _user(identity: str) -> BrokerUser:
    """The agent is at the broker, for all of its cameras."""
    return BrokerUser(KIND, tuple(_TOPICS))


_READERS: MappingProxyType[str, Callable[[Said, Message, Site], Reading]] = MappingProxyType(
    {"alpr_group": _group, "alpr_results": _results, "heartbeat": _heartbeat, "vehicle": _vehicle}
)
_TOPICS = MappingProxyType({"rekor/#": FAMILY, "alprd/#": FAMILY, "openalpr/#": FAMILY})

DRIVER = Driver(
    kind=KIND,
    families=(FAMILY,),
    decode=decode,
    topics=_TOPICS,
    transports=("http_push",),
    paths=MappingProxyType({"/rekor/**": FAMILY, "/openalpr/**": FAMILY}),
    answer=_answer,
    broker_user=_user,
    page="openalpr-rekor.md",
)

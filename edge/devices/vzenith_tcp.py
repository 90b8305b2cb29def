"""Vzenith 臻识 plate cameras over their own TCP port 8131: we connect, subscribe, and read what was missed."""

from __future__ import annotations

from typing import Any

import msgspec

from domain.events import Event, Media
from edge.devices import _vzenith_frame as frames
from edge.devices import _vzenith_tcp_commands as commands
from edge.devices._fields import base64_bytes, codes, decode_json, keep_raw, media_type, text_in, whole
from edge.devices._times import epoch, wall_clock
from edge.devices._vzenith_envelope import KIND
from edge.devices._vzenith_plate import Camera, PlateResult, read_plate
from edge.devices.driver import BadMessage, Driver, Message, Picture, Reading, Site, picture
from edge.devices.question import Told
from edge.devices.tcp_line import Line, OwnLog

FAMILY = "vzenith-tcp"
STORED = "stored"  # a header that the transport sets: the record was read back, nobody stands at the barrier now
_PORT = 8131
_DONE = frozenset({"200", "ok", "succeed", "success"})
_NO_SERIAL = frozenset({"", "unknown"})


class _Said(msgspec.Struct):
    """Fields of the messages we read. None is required and none has a fixed type: clones drop and retype them."""

    cmd: Any = None
    PlateResult: PlateResult | None = None
    id: Any = None
    timeString: Any = None
    fullImgSize: Any = None
    clipImgSize: Any = None
    value: Any = None
    max_id: Any = None
    timestamp: Any = None
    gpio: Any = None
    state: Any = None
    state_code: Any = None
    response: Any = None
    subcmd: Any = None
    data: Any = None
    comm: Any = None


_decode_said = msgspec.json.Decoder(_Said).decode
_decode_any = msgspec.json.Decoder().decode


def decode(message: Message, site: Site) -> Reading:
    """What a camera says. No message of it names it: the connection does. Raises BadMessage."""
    frame = frames.opened(message.payload)
    if frame.type == frames.HEARTBEAT:
        return Reading([_event(message, "availability", state="online")])
    if frame.type == frames.BINARY:
        return _unknown(message, "binary", {})
    text, rest = frames.text_and_rest(frame.body)
    said = decode_json(_decode_said, text, "not a message of a Vzenith camera")
    if said.PlateResult is not None:
        return _plate(said, rest, message, site)
    name = text_in(said.cmd)
    if name is None:
        raise BadMessage("a message without cmd and without PlateResult")
    known = _known(name, said, message)
    return Reading([known]) if known else _unknown(message, name, codes(_decode_any(text)))


def device_of(message: Message) -> str:
    """The camera that the connection vouches for; the family where nobody does."""
    return f"{KIND}:{message.sender}" if message.sender else FAMILY


def _event(message: Message, kind: str, **rest: Any) -> Event:
    return Event(kind=kind, device=device_of(message), time_quality="gateway", **rest)


def _plate(said: _Said, rest: bytes, message: Message, site: Site) -> Reading:
    """The record's number names it, with its time: a camera that was reset counts from 1 again."""
    result = said.PlateResult or PlateResult()
    number = whole(said.id)
    result.plateid = number or None  # some firmware sends 0 for all
    clock = wall_clock(text_in(said.timeString) or "", site.zone)
    replay = bool(message.headers.get(STORED)) or said.cmd == "get_record"
    camera = Camera(device_of(message), None, clock and clock.timestamp(), base64_texts=False, replay=replay)
    reading = read_plate(result, camera, message, site)
    (event,) = reading.events
    media, pictures = _pictures(whole(said.fullImgSize) or 0, whole(said.clipImgSize) or 0, rest)
    event.media = media or event.media
    return Reading([event], pictures or reading.pictures)


def _pictures(scene_bytes: int, plate_bytes: int, rest: bytes) -> tuple[list[Media], list[Picture]]:
    """The pictures back to back behind the text. What is cut off or is no picture is left out: the car came."""
    media: list[Media] = []
    pictures: list[Picture] = []
    begin = 0
    for role, size in (("scene", scene_bytes), ("plate", plate_bytes)):
        body, begin = rest[begin : begin + max(size, 0)], begin + max(size, 0)
        if body and len(body) == size and (kind := media_type(body)):
            entry, kept = picture(role, body, kind)
            media.append(entry)
            pictures.append(kept)
    return media, pictures


def _known(name: str, said: _Said, message: Message) -> Event | None:
    """An answer or a state that has a meaning of ours; None for any other."""
    if name == "get_gpio_value":
        source, value = whole(said.gpio), whole(said.value)
        return None if source is None else _event(message, "input", point=f"input/{source}", value=value)
    if name == "ttransmission" and said.response is None and text_in(said.data):
        return _serial(said, message)
    if name == "getsn":
        serial = text_in(said.value) or ""
        known = serial not in _NO_SERIAL
        return _result(name, message, ok=known, serial=serial if known else None)
    if name == "get_max_rec_id":
        return _result(name, message, ok=whole(said.max_id) is not None, value=whole(said.max_id))
    if name == "get_device_timestamp":
        return _result(name, message, ok=True, value=whole(said.timestamp))
    word = next((text_in(word) for word in (said.state_code, said.state, said.response) if word is not None), None)
    return None if word is None else _result(name, message, ok=word.lower() in _DONE, code=word)


def _result(name: str, message: Message, **rest: Any) -> Event:
    return _event(message, "command_result", label=name, request_id=message.request_id or None, **rest)


def _serial(said: _Said, message: Message) -> Event:
    """What came over the camera's serial line."""
    data, port = text_in(said.data) or "", text_in(said.comm) or "rs485-1"
    return _event(message, "passthrough", point=f"serial/{port}", bytes=len(base64_bytes(data)), ext={"base64": data})


def _unknown(message: Message, name: str, found: dict[str, Any]) -> Reading:
    raw, kept = keep_raw(message, "binary")
    return Reading([_event(message, "unknown", code=name, raw=raw, raw_codes=found)], kept)


def _said_in(frame: bytes) -> _Said | None:
    """A frame's text, for the line; None where it has none. Never raises."""
    try:
        opened = frames.opened(frame)
        return _decode_said(frames.text_and_rest(opened.body)[0]) if opened.type == frames.JSON else None
    except (BadMessage, msgspec.DecodeError, RecursionError):
        return None


def _identity_of(frame: bytes) -> str | None:
    said = _said_in(frame) if b"getsn" in frame[:256] else None
    serial = text_in(said.value) if said and said.cmd == "getsn" else None
    return None if serial in _NO_SERIAL else serial


def _newest_in(frame: bytes) -> int | None:
    said = _said_in(frame) if b"max_id" in frame[:256] else None
    return whole(said.max_id) if said else None


def _number_in(frame: bytes) -> int | None:
    said = _said_in(frame)
    return (whole(said.id) or None) if said and said.PlateResult is not None else None


def _told(frame: bytes) -> Told:
    """Its serial number, or its clock."""
    said, identity = _said_in(frame), _identity_of(frame)
    clock = epoch(said.timestamp) if said and said.cmd == "get_device_timestamp" else None
    return Told((identity,) if identity else (), clock=clock)


DRIVER = Driver(
    kind=KIND,
    families=(FAMILY,),
    decode=decode,
    encode=commands.encode,
    transports=("tcp",),
    lines=(
        Line(
            family=FAMILY,
            role="connect",
            port=_PORT,
            cut=frames.cut,
            max_frame_bytes=frames.MAX_FRAME_BYTES,
            identity_of=_identity_of,
            token_of=frames.sequence_of,
            greeting=(commands.GET_SERIAL, commands.SUBSCRIBE),
            heartbeat=commands.BEAT,
            questions=(commands.GET_SERIAL, commands.GET_CLOCK),
            told=_told,
            log=OwnLog(
                newest=commands.newest,
                newest_in=_newest_in,
                read=commands.record,
                first_token=commands.FIRST_FREE_SEQUENCE,
                number_in=_number_in,
                stored=STORED,
            ),
        ),
    ),
    page="vzenith-tcp",
)

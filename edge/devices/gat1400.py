"""GA/T 1400 (视图库): what nearly every Chinese camera can push over HTTP, with the answers that it waits for.

Written from GA/T 1400.1-2017 and public implementations of parts 3 and 4. There is no command: nothing opens by it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from domain.viid.envelopes import MEDIA_TYPE, Sent
from domain.viid.statuses import BAD_CONTENT, BAD_JSON, OK, several, single, status
from edge.devices._fields import decode_json, fields, text_in
from edge.devices._viid_events import read_object
from edge.devices._viid_objects import KIND, device_of, objects_in
from edge.devices.driver import Answer, BadMessage, Driver, HttpSession, Message, Picture, Reading, Site

FAMILY = "gat1400"
_MEDIA_TYPE = MEDIA_TYPE.partition(";")[0]
_TIME_PATH = "/viid/system/time"
_SESSION = frozenset({"Register", "Keepalive", "UnRegister"})

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def decode(message: Message, site: Site) -> Reading:
    """What a camera pushed; nothing for a question. Raises BadMessage."""
    if _asks_time(message):
        return Reading([])
    readings = [read_object(sent, message, site) for sent in objects_in(_body(message))]
    pictures: dict[str, Picture] = {kept.sha256: kept for reading in readings for kept in reading.pictures}
    return Reading([event for reading in readings for event in reading.events], list(pictures.values()))


def _asks_time(message: Message) -> bool:
    return message.topic.casefold().rstrip("/") == _TIME_PATH


def _body(message: Message) -> dict[str, Any]:
    """Raises BadMessage. UTF-8 by the standard; what is none is read as GB18030, which old firmware writes."""
    payload = message.payload.removeprefix(b"\xef\xbb\xbf")
    return decode_json(_decode, payload if _is_utf8(payload) else _from_chinese(payload), "not a message of GA/T 1400")


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def _from_chinese(payload: bytes) -> bytes:
    """The same in UTF-8; as it came where it is no GB18030 either."""
    try:
        return payload.decode("gb18030").encode()
    except UnicodeDecodeError:
        return payload


def _answer(message: Message, site: Site) -> Answer:
    """A status for each object, under its own number; one alone where the message is about the session."""
    if _asks_time(message):
        return _json({"SystemTimeObject": _time(message, site)})
    try:
        body = _body(message)
    except BadMessage:
        return _json(single(_status(message, site, None, BAD_JSON)))
    try:
        sent = objects_in(body, opened=False)
    except BadMessage:
        return _json(single(_status(message, site, None, BAD_CONTENT)))
    statuses = [_status(message, site, _id(one), _judgement(one, message)) for one in sent]
    if sent[0].name in _SESSION:
        return _json(single(statuses[0]))
    return _json(several(statuses))


def _judgement(sent: Sent, message: Message) -> int:
    try:
        device_of(sent.said, message)
    except BadMessage:
        return BAD_CONTENT
    return OK


def _id(sent: Sent) -> str | None:
    if sent.name in _SESSION:
        return text_in(sent.said.get("DeviceID"))
    names = (f"{sent.name}ID", "ApeID", "ImageID", "NotificationID")
    inner = fields(sent.said.get(f"{sent.name}Info")) or sent.said
    return next((found for name in names if (found := text_in(inner.get(name))) is not None), None)


def _status(message: Message, site: Site, number: str | None, code: int) -> dict[str, Any]:
    """The code as text: that is how most cameras' own examples have it. The clock is the site's."""
    at = message.received_at or datetime.fromtimestamp(0, UTC)
    said = status(message.topic, code, number or "", at, as_text=True)
    return {**said, "LocalTime": _local(at, site.zone)}


def _time(message: Message, site: Site) -> dict[str, Any]:
    """Ours, for cameras that set their clock by whom they push to; mode 2 is the network's."""
    local = _local(message.received_at, site.zone)
    return {"VIIDServerID": "", "TimeMode": "2", "LocalTime": local, "TimeZone": site.zone.key}


def _local(time: datetime | None, zone: ZoneInfo) -> str:
    return f"{(time or datetime.fromtimestamp(0, UTC)).astimezone(zone):%Y%m%d%H%M%S}"


def _json(body: dict[str, Any]) -> Answer:
    return Answer(msgspec.json.encode(body), _MEDIA_TYPE)


DRIVER = Driver(
    kind=KIND,
    families=(FAMILY,),
    decode=decode,
    transports=("http_push",),
    paths=MappingProxyType({"/VIID/**": FAMILY}),
    answer=_answer,
    session=HttpSession(opened_by="/VIID/System/Register", closed_by="/VIID/System/UnRegister"),
)

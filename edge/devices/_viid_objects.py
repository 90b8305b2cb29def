"""The envelopes, times and pictures of GA/T 1400 (视图库), as cameras really send them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import msgspec

from domain.events import Media
from edge.devices._fields import base64_bytes, fields, items, media_type, text_in, without_secrets
from edge.devices._times import epoch, in_assumed_zone, iso_8601, iso_time, judged
from edge.devices.driver import BadMessage, JudgedTime, Message, Picture, Site, picture

Fields = dict[str, Any]

KIND = "gat1400"
_NOTIFICATION = "SubscribeNotification"
_MAX_DEPTH = 2
_MAX_OBJECTS = 500
_MAX_PICTURES = 20
_BACKLOG_FROM, _BACKLOG_UNTIL = timedelta(minutes=10), timedelta(days=7)
_SHIFT_TOLERANCE = timedelta(minutes=10)
_STAMP, _STAMP_DIGITS, _STAMP_MS_DIGITS = "%Y%m%d%H%M%S", 14, 17
_FIRST_YEAR, _LAST_YEAR = 1970, 9000

# Type of a picture -> our role; others show the scene. Some devices leave out the zero.
_ROLES = MappingProxyType({2: "plate", 3: "plate", 4: "face", 5: "face", 11: "face"})
_URLS = (("scene", "StorageUrl1"), ("plate", "StorageUrl2"))


class Sent(msgspec.Struct, frozen=True):
    """One object out of an envelope: what it is, such as ``MotorVehicle``, and its fields."""

    name: str
    said: Fields


def objects_in(body: Fields, *, opened: bool = True) -> list[Sent]:
    """Every object of a message, in its order; ``opened``: of notifications, what they bring. Raises BadMessage."""
    found = list(_objects(body, opened=opened))
    if not found:
        raise BadMessage(f"no object of GA/T 1400 in {', '.join(body)[:100] or 'an empty message'}")
    if len(found) > _MAX_OBJECTS:
        raise BadMessage(f"{len(found)} objects in one message; at most {_MAX_OBJECTS}")
    return found


def _objects(body: Fields, *, opened: bool, depth: int = 0) -> Iterator[Sent]:
    """``XListObject.XObject[]``; in notifications the words are turned round; some send one for several, or it bare."""
    for key, value in body.items():
        name = _name(key)
        if name == _NOTIFICATION and opened and depth < _MAX_DEPTH:
            for inner in _elements(value):
                yield from _objects(inner, opened=opened, depth=depth + 1)
        elif name is not None:
            yield from (Sent(name, one) for one in _elements(value))


def _name(key: str) -> str | None:
    """``MotorVehicle`` of MotorVehicleListObject, …ObjectList and …Object; None for a plain field."""
    if key in ("DeviceList", "DeviceStatusList"):
        return "APE" if key == "DeviceList" else "APEStatus"
    for end in ("ListObject", "ObjectList", "Object"):
        if key.endswith(end) and len(key) > len(end):
            return key.removesuffix(end)
    return None


def _elements(value: object) -> Iterator[Fields]:
    """The objects below a list, which stand one level deeper under a key of their own, or do not."""
    for part in items(value):
        named = fields(part)
        below = [inner for key, inner in named.items() if _is_element(key, inner)]
        if len(named) == len(below) == 1:
            yield from (one for one in map(fields, items(below[0])) if one)
        elif named:
            yield named


def _is_element(key: str, inner: object) -> bool:
    return (key.endswith("Object") or key in ("Image", "File", "VideoSlice")) and isinstance(inner, dict | list)


def device_of(said: Fields, message: Message) -> str:
    """Whose object it is: its own word, else who the request says to come from. Raises BadMessage."""
    caller = next((value for name, value in message.headers.items() if name.lower() == "user-identify"), None)
    names = (said.get("DeviceID"), said.get("ApeID"), caller, message.sender or None)
    found = next((text for text in map(text_in, names) if text is not None), None)
    if found is None:
        raise BadMessage("no DeviceID, and no User-Identify with the request")
    return f"{KIND}:{found}"


def time_of(said: Fields, names: tuple[str, ...], message: Message, site: Site) -> JudgedTime:
    """The first of the named times that is one, held against the receipt. None names a zone: the site's is assumed.

    What is older than a camera's clock may be wrong was kept while nobody answered: it is a replay, and never acts.
    """
    sent = [text for text in (text_in(said.get(name)) for name in names) if text is not None]
    found = next(((time, text) for text in sent if (time := _time(text, site)) is not None), None)
    if found is None:
        return judged(None, sent[0] if sent else None, message, site)
    time, text = found
    when = judged(time, text, message, site, replay=_is_backlog(time, message, site))
    return in_assumed_zone(when, text) if _lacks_zone(text, site) else when


def _is_backlog(time: datetime, message: Message, site: Site) -> bool:
    if message.received_at is None:
        return False
    age = message.received_at - time
    offset = abs(message.received_at.astimezone(site.zone).utcoffset() or timedelta())
    is_other_zone = bool(offset) and abs(age - offset) <= _SHIFT_TOLERANCE
    return _BACKLOG_FROM < age <= _BACKLOG_UNTIL and not is_other_zone


def _lacks_zone(text: str, site: Site) -> bool:
    return _is_stamp(text) if text.isdigit() else iso_time(text, site.zone)[1]


def _is_stamp(text: str) -> bool:
    return len(text) in (_STAMP_DIGITS, _STAMP_MS_DIGITS)


def _time(text: str, site: Site) -> datetime | None:
    """``yyyyMMddHHmmss`` on the site's clocks, with milliseconds or not; ISO 8601; seconds since 1970."""
    if not text.isdigit():
        return iso_8601(text, site.zone)
    if not _is_stamp(text):
        return epoch(text)
    try:
        local = datetime.strptime(text[:_STAMP_DIGITS], _STAMP).replace(tzinfo=site.zone)
        milliseconds = int(text[_STAMP_DIGITS:] or 0)
    except ValueError:
        return None
    return local + timedelta(milliseconds=milliseconds) if _FIRST_YEAR < local.year <= _LAST_YEAR else None


def pictures_in(said: Fields) -> tuple[list[Media], list[Picture]]:
    """The pictures of an object, or where they are; where it has none, the addresses beside them."""
    media: list[Media] = []
    pictures: list[Picture] = []
    for part in _sub_images(said.get("SubImageList"))[:_MAX_PICTURES]:
        role, body = _role(part.get("Type")), base64_bytes(part.get("Data"))
        if body and (kind := media_type(body)):
            entry, kept = picture(role, body, kind)
            media.append(entry)
            pictures.append(kept)
        elif path := text_in(part.get("StoragePath")):
            media.append(Media(role=role, ref=without_secrets(path)))
    return media or _addresses(said), pictures


def _sub_images(value: object) -> list[Fields]:
    inner = fields(value).get("SubImageInfoObject", value)
    return [part for part in map(fields, items(inner)) if part]


def _role(value: object) -> str:
    word = text_in(value) or ""
    return _ROLES.get(int(word), "scene") if word.isdecimal() and len(word) < 4 else "scene"


def _addresses(said: Fields) -> list[Media]:
    found = ((role, text_in(said.get(name))) for role, name in _URLS)
    return [Media(role=role, ref=without_secrets(url)) for role, url in found if url]

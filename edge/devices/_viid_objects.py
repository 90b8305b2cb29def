"""Whose object of GA/T 1400 (视图库) it is, when it was, and its pictures, as cameras really send them."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.events import Media
from domain.viid import envelopes
from domain.viid.capture import MOST_PICTURES
from domain.viid.codes import ROLES
from domain.viid.envelopes import Fields, Sent, sub_images
from edge.devices._fields import base64_bytes, media_type, text_in, without_secrets
from edge.devices._times import epoch, in_assumed_zone, iso_8601, iso_time, judged
from edge.devices.driver import BadMessage, JudgedTime, Message, Picture, Site, picture

KIND = "gat1400"
_BACKLOG_FROM, _BACKLOG_UNTIL = timedelta(minutes=10), timedelta(days=7)
_SHIFT_TOLERANCE = timedelta(minutes=10)
_STAMP, _STAMP_DIGITS, _STAMP_MS_DIGITS = "%Y%m%d%H%M%S", 14, 17
_FIRST_YEAR, _LAST_YEAR = 1970, 9000

_URLS = (("scene", "StorageUrl1"), ("plate", "StorageUrl2"))


def objects_in(body: Fields, *, opened: bool = True) -> list[Sent]:
    """Every object of a message, in its order; ``opened``: of notifications, what they bring. Raises BadMessage."""
    try:
        return envelopes.objects_in(body, opened=opened)
    except envelopes.BadEnvelope as error:
        raise BadMessage(str(error)) from error


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
    for part in sub_images(said.get("SubImageList"))[:MOST_PICTURES]:
        role, body = _role(part.get("Type")), base64_bytes(part.get("Data"))
        if body and (kind := media_type(body)):
            entry, kept = picture(role, body, kind)
            media.append(entry)
            pictures.append(kept)
        elif path := text_in(part.get("StoragePath")):
            media.append(Media(role=role, ref=without_secrets(path)))
    return media or _addresses(said), pictures


def _role(value: object) -> str:
    word = text_in(value) or ""
    return ROLES.get(int(word), "scene") if word.isdecimal() and len(word) < 4 else "scene"


def _addresses(said: Fields) -> list[Media]:
    found = ((role, text_in(said.get(name))) for role, name in _URLS)
    return [Media(role=role, ref=without_secrets(url)) for role, url in found if url]

"""Events become objects, as a city's profile says. What has no object there is told so, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import msgspec

from domain.events import Event
from domain.viid.enumerations import fits
from domain.viid.envelopes import Fields, element, number_field, path
from domain.viid.fields import Field, field_of
from domain.viid.ids import basic_id, object_id
from domain.viid.profile import Profile, Rule, Take
from domain.viid.serials import Issued
from domain.viid.sources import Coded, Sources
from domain.viid.times import stamp

_WITH_ID = frozenset({"MotorVehicle", "NonMotorVehicle", "Person", "Face"})
_EXTENSION = Field("", "any")


class NotSent(ValueError):
    """An event that becomes no object of a profile: why."""


class Shown(msgspec.Struct, frozen=True):
    """A picture as it goes out: its role, its bytes, its size. ``place``: among the event's own pictures."""

    role: str
    body: bytes
    width: int
    height: int
    place: int = 0
    format: str = "Jpeg"


class Record(msgspec.Struct, frozen=True):
    """An event with all that its object is made of. ``identity``: whether the basis covers who somebody is."""

    event: Event
    coded: Coded
    issued: Issued
    pictures: Sequence[Shown] = ()
    identity: bool = False

    def with_pictures(self, pictures: Sequence[Shown]) -> Record:
        return msgspec.structs.replace(self, pictures=pictures)

    @property
    def image(self) -> str:
        """The id of the picture that it was seen in."""
        return self.image_at(0)

    def image_at(self, place: int) -> str:
        return basic_id(self.coded.code, "Image", self.issued.at, self.issued.first + place)


class Made(msgspec.Struct, frozen=True):
    """An object on its way: where it is posted, in which envelope, and the id that it is judged by.

    Pictures stand in it as bytes: what writes it as JSON makes base64 of them in the same pass.
    """

    rule: Rule
    number: str
    said: Fields

    @property
    def path(self) -> str:
        return self.rule.path or path(self.rule.object)

    @property
    def where(self) -> tuple[str, str, str, str]:
        """What shares it can travel in one message."""
        return self.rule.method, self.path, self.envelope, self.element

    @property
    def envelope(self) -> str:
        return self.rule.envelope or f"{self.rule.object}ListObject"

    @property
    def element(self) -> str:
        return self.rule.element or element(self.rule.object)


def rule_for(event: Event, coded: Coded, profile: Profile) -> Rule:
    """The first rule that is for an event; one that is off lets no later one take it. Raises NotSent."""
    there = Sources(event, coded)
    rule = next((rule for rule in profile.rules.values() if _holds(rule.when, there)), None)
    if rule is None:
        what = f"{event.kind} {event.alarm or event.label or event.state or ''}".strip()
        raise NotSent(f"profile {profile.name} has no object for {what}")
    if not rule.is_on:
        raise NotSent(f"{rule.name} is switched off in profile {profile.name}")
    return rule


def serials_needed(event: Event) -> int:
    """How many serials an event takes: one for itself, one for each picture behind the first."""
    return max(1, len(event.media))


def made(record: Record, rule: Rule, profile: Profile) -> Made:
    """The object. The same event with the same serials is the same object, whenever it is made. Raises NotSent."""
    pictures = [shown for shown in record.pictures if shown.role in rule.pictures]
    if rule.needs_picture and not pictures:
        raise NotSent(f"{rule.name} is nothing without a picture, and there is none")
    there = Sources(record.event, record.coded, identity=record.identity)
    said = {**_head(rule, record), **_taken(rule, profile, there), **rule.constants, **profile.constants}
    flags, codes = profile.peer.flags, profile.peer.codes
    said = {name: _telling(rule.object, name, flags, codes)(value) for name, value in said.items() if value is not None}
    if rule.object == "Image":
        said = _as_image(said, pictures[0])
    elif field_of(rule.object, "SubImageList"):
        said["SubImageList"] = {"SubImageInfoObject": [_sub_image(shown, rule, record) for shown in pictures]}
    return Made(rule, _number(rule, said), said)


def _head(rule: Rule, record: Record) -> Fields:
    """The ids, the kind of capture, and the box, which no device of ours gives: zeros stand for that."""
    code = record.coded.code
    if rule.object == "Image":
        shot = stamp(record.event.occurred_at)
        found = {"ImageID": record.image, "InfoKind": 1, "EventSort": rule.event_sort, "DeviceID": code}
        return {**found, "FileFormat": "Jpeg", "ShotTime": shot}
    number = rule.number or number_field(rule.object)
    if rule.object not in _WITH_ID:
        return {number: code}
    box = dict.fromkeys(("LeftTopX", "LeftTopY", "RightBtmX", "RightBtmY"), 0)
    image = record.image
    return {number: object_id(image, rule.object), "InfoKind": 1, "SourceID": image, "DeviceID": code, **box}


def _taken(rule: Rule, profile: Profile, there: Sources) -> Fields:
    return {name: _value(name, take, profile, there) for name, take in rule.fields.items()}


def _value(name: str, take: str | Take, profile: Profile, there: Sources) -> Any:
    """A city's own code table is its own word; what a camera or a sheet calls a code must be one of the standard's."""
    if isinstance(take, str):
        return _code(name, there.get(take))
    found = there.get(take.source)
    if found is not None:
        found = profile.codes[take.codes].get(str(found)) if take.codes else _code(name, found)
    return take.otherwise if found is None or found == "" else found


def _code(name: str, value: Any) -> Any:
    return value if value is None or fits(name, value) else None


@cache
def _telling(object_: str, name: str, flags: str, codes: str) -> Callable[[Any], Any]:
    """How a value is told: as the field's type wants it, and by the peer's habits."""
    row = field_of(object_, name) or field_of("ImageInfo", name) or _EXTENSION
    if row.type == "bool" and flags != "bool":
        return (lambda value: str(int(bool(value)))) if flags == "text" else (lambda value: int(bool(value)))
    if row.type in ("int", "float"):
        return int if row.type == "int" else float
    if row.type.startswith("str"):
        is_code = codes == "number" and name.endswith(("Color", "Class", "Direction"))
        return partial(_as_text, int(row.type[3:]), is_code)
    return lambda value: value


def _as_text(most: int, is_code: bool, value: Any) -> Any:
    if isinstance(value, bool):
        return value
    text = str(value)[:most]
    return int(text) if is_code and text.isdecimal() else text


def _as_image(said: Fields, shown: Shown) -> Fields:
    info = {**said, "Width": shown.width, "Height": shown.height, "FileSize": len(shown.body)}
    return {"ImageInfo": {**info, "FileFormat": shown.format}, "Data": shown.body}


def _sub_image(shown: Shown, rule: Rule, record: Record) -> Fields:
    return {
        "ImageID": record.image_at(shown.place),
        "EventSort": rule.event_sort,
        "DeviceID": record.coded.code,
        "StoragePath": "",
        "Type": rule.pictures[shown.role],
        "FileFormat": shown.format,
        "ShotTime": stamp(record.event.occurred_at),
        "Width": shown.width,
        "Height": shown.height,
        "Data": shown.body,
    }


def _number(rule: Rule, said: Fields) -> str:
    inner: Fields = said.get("ImageInfo") or said
    return str(inner[rule.number or number_field(rule.object)])


def _holds(when: Mapping[str, Sequence[str]], there: Sources) -> bool:
    return all(_fits(there.get(name), words) for name, words in when.items())


def _fits(value: object, words: Sequence[str]) -> bool:
    return value is not None and ("*" in words or str(value) in words)

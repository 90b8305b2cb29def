"""One device as people write it, in a form or a row of a sheet: words into an entry of the list, and back."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence

import msgspec

from domain.desired_bodies import Device, Door

FIELDS = ("id", "name", "place", "lane", "direction", "zone", "address", "doors", "decides", "keeps_cards")
_TEXTS = ("name", "place", "lane", "address")
MOST_SIGNS, _MOST_DOORS = 200, 200
_IDENTITY = re.compile(r"[^\s:]+:\S.*")
_PART = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^"；;，,、][^；;，,、]*))\s*(?:[；;，,、]|$)')
_PLAIN = re.compile(r'[^\s"；;，,、-]|[^\s"；;，,、][^"；;，,、]*[^\s"；;，,、]')
NO_POINT = "-"  # a door whose events name no point

# What people may write -> what the list says. The first of each is what we write, in Chinese and in English.
DIRECTIONS = {
    "进": "in",
    "in": "in",
    "入": "in",
    "出": "out",
    "out": "out",
    "": "unknown",
    "unknown": "unknown",
    "不分": "unknown",
}
ZONES = {
    "": "",
    "公共": "public",
    "public": "public",
    "私人": "private",
    "private": "private",
    "限入": "restricted",
    "restricted": "restricted",
}
DECIDES = {"设备": "device", "device": "device", "网关": "gateway", "gateway": "gateway"}
YES_NO = {
    "是": True,
    "yes": True,
    "true": True,
    "1": True,
    "否": False,
    "no": False,
    "false": False,
    "0": False,
    "": False,
}
_CHOICES = {"direction": DIRECTIONS, "zone": ZONES}

_NONE = Device("\0")  # what is not in the list yet: no text that is printable is its name
Said = Mapping[str, str]  # by field; a field that is not there stays as it is
Wrong = list[tuple[str, str]]  # field, and why by a stable word


class BadPart(ValueError):
    """A field that cannot be; the message is the stable word of why."""


def read_entry(said: Said, known: Device | None, kinds: Container[str]) -> tuple[Device | None, Wrong]:
    """The entry that somebody wrote, or what is wrong with it. ``kinds`` empty: nobody knows which there are."""
    before = known or _NONE
    wrong: Wrong = []
    changed: dict[str, object] = {}
    for name in FIELDS:
        if name in said and name != "decides":
            try:
                changed[name] = _read(name, said, before)
            except BadPart as error:
                wrong.append((name, str(error)))
    doors = changed.get("doors", before.doors)
    if "decides" in said and not any(name == "doors" for name, _ in wrong):
        try:
            changed["doors"] = _deciding(said["decides"], doors)  # type: ignore[arg-type]
        except BadPart as error:
            wrong.append(("decides", str(error)))
    if known is None and not any(name == "id" for name, _ in wrong):
        wrong += _kind_is_known(said.get("id", ""), kinds)
    return (None, wrong) if wrong else _made(before, changed)


def _made(before: Device, changed: Mapping[str, object]) -> tuple[Device | None, Wrong]:
    """By the list's own checks in the end: what they refuse is no entry, whatever was looked at before."""
    try:
        made = msgspec.structs.replace(before, **changed)
        return msgspec.convert(msgspec.to_builtins(made), Device), []
    except msgspec.ValidationError as error:
        at = re.search(r"\$\.(\w+)", str(error))
        return None, [(at[1] if at and at[1] in FIELDS else "doors", "bad_device")]


def _read(name: str, said: Said, before: Device) -> object:
    text = said[name]
    if name != "doors" and len(text) > MOST_SIGNS:
        raise BadPart("too_long")
    if not text.isprintable():
        raise BadPart("not_printable")
    if name in _CHOICES:
        return _chosen(_CHOICES[name], text, f"bad_{name}")
    if name == "keeps_cards":
        return _chosen(YES_NO, text, "bad_yes_no")
    if name == "doors":
        return _doors(text, before)
    return _identity(text, before) if name == "id" else _same_or(text, getattr(before, name))


def _identity(text: str, before: Device) -> str:
    """One that is in the list already is not judged: whoever wrote it there may."""
    if not text:
        raise BadPart("empty")
    if text != before.id and not _IDENTITY.fullmatch(text):
        raise BadPart("bad_device_id")
    return text


def _same_or(text: str, before: str) -> str:
    """A sheet keeps single spaces: what differs by nothing else is what it was."""
    return before if _spaced(text) == _spaced(before) else text


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _chosen(words: Mapping[str, object], text: str, reason: str) -> object:
    if text.lower() not in words:
        raise BadPart(reason)
    return words[text.lower()]


def _kind_is_known(identity: str, kinds: Container[str]) -> Wrong:
    return [("id", "no_kind")] if kinds and identity.partition(":")[0] not in kinds else []


# --- doors ---


def _doors(text: str, before: Device) -> tuple[Door, ...]:
    """Points, each with what the device's door of that point had beside it."""
    if _spaced(text) == _spaced(points_text(before.doors)):
        return before.doors
    points = read_points(text.strip())
    if len(set(points)) < len(points):
        raise BadPart("door_twice")
    if len(points) > _MOST_DOORS:
        raise BadPart("too_many_doors")
    known = {door.point: door for door in before.doors}
    return tuple(known.get(point, Door(point)) for point in points)


def read_points(text: str) -> list[str]:
    """Raises BadPart."""
    found: list[str] = []
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None or part.end() == at:
            raise BadPart("bad_doors")
        quoted, plain = part[1], (part[2] or "").strip()
        point = quoted.replace('""', '"') if quoted is not None else "" if plain == NO_POINT else plain
        if len(point) > MOST_SIGNS:
            raise BadPart("bad_doors")
        found.append(point)
        at = part.end()
    return found


def points_text(doors: Sequence[Door]) -> str:
    """As ``read_points`` reads it."""
    return "; ".join(_quoted(door.point) for door in doors)


def _quoted(point: str) -> str:
    if not point:
        return NO_POINT
    return point if _PLAIN.fullmatch(point) else '"' + point.replace('"', '""') + '"'


def _deciding(text: str, doors: tuple[Door, ...]) -> tuple[Door, ...]:
    """One word for all doors, or one for each, in their order."""
    words = [_chosen(DECIDES, word.strip(), "bad_decides") for word in re.split("[;；,，、]", text) if word.strip()]
    if not doors and "gateway" in words:
        raise BadPart("decides_no_door")
    if not words or not doors:
        words = ["device"]
    if len(words) not in (1, len(doors)):
        raise BadPart("decides_each")
    each = words * len(doors) if len(words) == 1 else words
    return tuple(msgspec.structs.replace(door, decides=word) for door, word in zip(doors, each, strict=False))


# --- and back ---


def texts(device: Device, *, is_english: bool = False) -> dict[str, str]:
    """As ``read_entry`` reads it."""
    return {
        "id": device.id,
        **{name: getattr(device, name) for name in _TEXTS},
        "direction": ""
        if device.direction == "unknown"
        else _word(DIRECTIONS, device.direction, is_english=is_english),
        "zone": _word(ZONES, device.zone, is_english=is_english),
        "doors": points_text(device.doors),
        "decides": _decides(device, is_english=is_english),
        "keeps_cards": _word(YES_NO, device.keeps_cards, is_english=is_english) if device.keeps_cards else "",
    }


def _decides(device: Device, *, is_english: bool) -> str:
    words = [_word(DECIDES, door.decides, is_english=is_english) for door in device.doors]
    return "; ".join(words if len(set(words)) > 1 else words[:1])


def _word(words: Mapping[str, object], value: object, *, is_english: bool) -> str:
    fitting = [word for word, meaning in words.items() if meaning == value]
    return next((word for word in fitting if word.isascii() == is_english), fitting[0])

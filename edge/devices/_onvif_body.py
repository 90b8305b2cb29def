"""The JSON that cameras make of ONVIF's XML: attributes as ``@x`` or ``x``, text as ``#text``, one thing or a list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from edge.devices._fields import fields, items, number_in, text_in

Fields = dict[str, Any]

_MAX_DEPTH = 6
_MAX_OBJECTS = 50


class Seen(msgspec.Struct, frozen=True):
    """An object in a scene: its number, its likeliest class, and its plate where the camera read one."""

    number: str | None = None
    label: str | None = None
    confidence: float | None = None
    plate: str | None = None
    plate_confidence: float | None = None


def simple_items(value: object) -> Fields:
    """Name to value, whether written so, or as a list of ``SimpleItem`` with ``Name`` and ``Value``."""
    found: Fields = {}
    for part in items(value):
        for name, inner in fields(part).items():
            if name.rpartition(":")[2] in ("SimpleItem", "SimpleItemDescription"):
                found.update(_named(inner))
            else:
                found[name] = inner
    return found


def _named(value: object) -> Iterator[tuple[str, Any]]:
    for item in items(value):
        name = text_in(attribute(item, "Name"))
        if name is not None:
            yield name, attribute(item, "Value")


def attribute(value: object, name: str) -> Any:
    """A field, written as an attribute or as an element."""
    named = fields(value)
    return named.get(name, named.get(f"@{name}"))


def plain(value: object) -> str | None:
    """The text of an element; of the first, where there are several."""
    first = _first(value)
    return text_in(fields(first).get("#text", first))


def likelihood(value: object) -> float | None:
    """A share from 0 to 1, from an element's attribute."""
    number = number_in(attribute(value, "Likelihood"))
    return float(number) if number is not None and 0 <= number <= 1 else None


def objects_in(value: object) -> list[Seen]:
    """The objects below ``Object``, which may be boxed twice, or be several."""
    return [_seen(one) for one in _objects(value, 0)][:_MAX_OBJECTS]


def _objects(value: object, depth: int) -> Iterator[Fields]:
    for part in items(value):
        named = fields(part)
        if attribute(named, "ObjectId") is not None or "Appearance" in named:
            yield named
        elif depth < _MAX_DEPTH:
            for name in ("Object", "VideoAnalytics", "Frame"):
                yield from _objects(named.get(name), depth + 1)


def _seen(value: Fields) -> Seen:
    looks = fields(_first(value.get("Appearance")))
    label, confidence = _class(looks.get("Class"))
    number = fields(_first(looks.get("LicensePlateInfo"))).get("PlateNumber")
    first = _first(number)
    plate_confidence = likelihood(first)
    return Seen(text_in(attribute(value, "ObjectId")), label, confidence, plain(number), plate_confidence)


def _class(value: object) -> tuple[str | None, float | None]:
    """The likeliest of its types, or of the candidates of older schemes."""
    named = fields(_first(value))
    typed = named.get("Type")
    found = [(plain(one), likelihood(one)) for one in (items(typed) or [typed])]
    for one in items(named.get("ClassCandidate")):
        found.append((plain(fields(one).get("Type")), _share(fields(one).get("Likelihood"))))
    said = [(label, confidence) for label, confidence in found if label is not None]
    if not said:
        return None, None
    label, confidence = max(said, key=lambda pair: pair[1] or 0.0)
    return label, confidence


def _share(value: object) -> float | None:
    number = number_in(plain(value))
    return float(number) if number is not None and 0 <= number <= 1 else None


def _first(value: object) -> Any:
    several = items(value)
    return several[0] if several else value

"""A JSON schema of every message, made from the field tables: strict for what we send, as tables go for what comes.

Unknown fields are kept by the standard's users, so an object may have more; what we send has none but a profile's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from domain.viid.enumerations import fits, form_of
from domain.viid.envelopes import element
from domain.viid.fields import TABLES, Field

_SESSION = ("Register", "UnRegister", "Keepalive", "SystemTime")
_INNER = ("SubImageList", "SubImageInfo", "ImageInfo")
_MOST_CODE = 1_000  # no table has longer ones
_NUMBER_TEXT = r"^-?\d*(\.\d+)?$"
_DIGITS = re.compile(r"(id|str)(\d+)")
# A flag is true, "1" or 1 in the wild; 2 is "unknown".
_FLAG: Mapping[str, Any] = MappingProxyType({"enum": [True, False, 0, 1, 2, "0", "1", "2", "true", "false"]})
_STRICT: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "int": {"type": "integer"},
        "float": {"type": "number"},
        "bool": _FLAG,
        "time": {"type": "string", "pattern": r"^\d{14}$"},
        "base64": {"type": "string", "pattern": "^[A-Za-z0-9+/]*={0,2}$"},
        "any": {},
    }
)
_AS_MET: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        **_STRICT,
        "int": {"type": ["integer", "string"], "pattern": _NUMBER_TEXT},
        "float": {"type": ["number", "string"], "pattern": _NUMBER_TEXT},
        "time": {"type": "string", "pattern": r"^(\d{14}(\d{3})?)?$"},
    }
)


def message_schema(*, strict: bool = False) -> dict[str, Any]:
    """Of a whole message: an envelope with its objects. ``strict``: with all that a capture must have."""
    whole = [name for name in TABLES if name not in _INNER]
    envelopes: dict[str, Any] = {f"{name}Object": {"$ref": f"#/$defs/{name}"} for name in whole}
    envelopes |= {f"{name}ListObject": _wrapped(name) for name in whole if name not in _SESSION}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": envelopes,
        "additionalProperties": False,
        "$defs": {name: _object(rows, strict=strict) for name, rows in TABLES.items()},
    }


def object_schema(name: str, *, strict: bool = False) -> dict[str, Any]:
    """Of one object by its name."""
    return {**message_schema(strict=strict), **_ANY_ENVELOPE, "$ref": f"#/$defs/{name}"}


_ANY_ENVELOPE: Mapping[str, Any] = MappingProxyType(
    {"minProperties": 0, "maxProperties": 200, "properties": {}, "additionalProperties": True}
)


def _object(rows: tuple[Field, ...], *, strict: bool) -> dict[str, Any]:
    needed = ("R", "C") if strict else ("R",)
    return {
        "type": "object",
        "required": [row.name for row in rows if row.need in needed],
        "properties": {row.name: _of_field(row, strict=strict) for row in rows},
    }


def _of_field(row: Field, *, strict: bool) -> dict[str, Any]:
    """Its type; in what we send also what the code tables allow."""
    found, form = _type(row.type, strict=strict), form_of(row.name)
    if not strict or form is None:
        return found
    if row.type == "int":
        return {**found, "enum": [number for number in range(_MOST_CODE) if fits(row.name, number)]}
    return {**found, "pattern": form}


def _type(word: str, *, strict: bool) -> dict[str, Any]:
    known = (_STRICT if strict else _AS_MET).get(word)
    if known is not None:
        return dict(known)
    if word.endswith("[]"):
        return {"type": "array", "items": {"$ref": f"#/$defs/{word[:-2]}"}}
    if word.endswith("{}"):
        return _wrapped(word[:-2])
    sized = _DIGITS.fullmatch(word)
    return {"$ref": f"#/$defs/{word}"} if sized is None else _text(sized[1], int(sized[2]), strict=strict)


def _text(word: str, size: int, *, strict: bool) -> dict[str, Any]:
    if word == "id":
        return {"type": "string", "pattern": rf"^\d{{{size}}}$"}
    return {"type": "string" if strict else ["string", "number"], "maxLength": size}


def _wrapped(name: str) -> dict[str, Any]:
    inner = element(name)
    return {
        "type": "object",
        "required": [inner],
        "properties": {inner: {"type": "array", "items": {"$ref": f"#/$defs/{name}"}}},
        "additionalProperties": False,
    }

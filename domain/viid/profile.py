"""A city's profile: which events become which objects, field by field and code by code, and how its platform behaves.

It is data (profiles/*.toml): a new city is a file. A profile extends another and says only what differs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta

from domain.viid.fields import NEVER_SENT, TABLES

_MOST_DEPTH = 4
_PATH = r"^$|^/VIID/[A-Za-z0-9/]+$"


class BadProfile(ValueError):
    """A profile that cannot be used: which, where, and what is wrong."""


class Take(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"source": "from"}):
    """Where a field's value comes from: a source, through a code table; or what stands where it is absent."""

    source: str
    codes: str = ""
    otherwise: str | int | float | bool | None = None


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events for which all of ``when`` holds become this object. A word of ``when`` is a source; ``*``: any value."""

    name: str
    when: dict[str, list[str]]
    object: str  # of the field tables: types and needs are checked by it
    path: Annotated[str, Meta(pattern=_PATH)] = ""
    method: Literal["POST", "PUT"] = "POST"
    envelope: str = ""  # where it is not the standard's …ListObject
    element: str = ""
    number: str = ""  # the field of its own id, where it is not the standard's
    fields: dict[str, str | Take] = {}
    constants: dict[str, Any] = {}
    pictures: dict[str, str] = {}  # role of a picture -> its Type
    needs_picture: bool = False
    event_sort: int = 0
    is_on: bool = True


class Peer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a platform behaves, and what it can take."""

    max_batch: Annotated[int, Meta(ge=1, le=500)] = 1  # some read the first element alone
    max_body_bytes: Annotated[int, Meta(ge=10_000, le=100_000_000)] = 8_000_000
    scene_bytes: Annotated[int, Meta(ge=1_000)] = 1_000_000
    crop_bytes: Annotated[int, Meta(ge=1_000)] = 300_000
    connections: Annotated[int, Meta(ge=1, le=32)] = 4
    keepalive_s: Annotated[float, Meta(ge=1, le=600)] = 30
    timeout_s: Annotated[float, Meta(ge=1, le=120)] = 10
    silence_is_yes: bool = False  # an empty 200 is an acceptance
    flags: Literal["bool", "text", "number"] = "bool"
    codes: Literal["text", "number"] = "text"
    absolute_uri: bool = False  # the digest's uri as a whole URL
    time_method: Literal["GET", "POST"] = "GET"
    media_type: str = "application/VIID+JSON;charset=UTF-8"
    directory: bool = True  # tell it of cameras, gates and lanes


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One city's."""

    name: str
    rules: dict[str, Rule]
    codes: dict[str, dict[str, str | int]] = {}
    peer: Peer = Peer()
    constants: dict[str, Any] = {}  # in every object
    about: str = ""


def profile_of(name: str, texts: Mapping[str, str]) -> Profile:
    """The profile ``name`` of those given as TOML. Raises BadProfile."""
    merged = _merged(name, texts, 0)
    rules = cast("dict[str, dict[str, Any]]", merged.get("rules", {}))
    merged["rules"] = {key: {"name": key, **rule} for key, rule in rules.items()}
    try:
        profile = msgspec.convert({**merged, "name": name}, Profile)
    except msgspec.ValidationError as error:
        raise BadProfile(f"profile {name}: {error}") from error
    for rule in profile.rules.values():
        _check(profile, rule)
    return profile


def switched(profile: Profile, on: Collection[str]) -> Profile:
    """The profile with these rules on that are off by themselves, such as ``face``. Raises BadProfile."""
    unknown = set(on) - profile.rules.keys()
    if unknown:
        raise BadProfile(f"profile {profile.name}: no rule {', '.join(sorted(unknown))}")
    changed = {name: msgspec.structs.replace(profile.rules[name], is_on=True) for name in on}
    return msgspec.structs.replace(profile, rules={**profile.rules, **changed})


def _merged(name: str, texts: Mapping[str, str], depth: int) -> dict[str, Any]:
    if name not in texts:
        raise BadProfile(f"no profile {name!r}; there are: {', '.join(sorted(texts))}")
    if depth == _MOST_DEPTH:
        raise BadProfile(f"profile {name}: extends more than {_MOST_DEPTH} others, or itself")
    try:
        own = msgspec.toml.decode(texts[name].encode(), type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise BadProfile(f"profile {name}: {error}") from error
    base = own.pop("extends", None)
    return own if base is None else _over(_merged(str(base), texts, depth + 1), own)


def _over(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Tables are merged key by key; anything else replaces what was there."""
    both = dict(base)
    for key, value in own.items():
        known = both.get(key)
        is_table = isinstance(value, dict) and isinstance(known, dict) and key != "when"
        both[key] = _over(cast("dict[str, Any]", known), cast("dict[str, Any]", value)) if is_table else value
    return both


def _check(profile: Profile, rule: Rule) -> None:
    where = f"profile {profile.name}, rule {rule.name}"
    if rule.object not in TABLES:
        raise BadProfile(f"{where}: no object {rule.object!r}; there are: {', '.join(TABLES)}")
    for field, take in rule.fields.items():
        if isinstance(take, Take) and take.codes and take.codes not in profile.codes:
            raise BadProfile(f"{where}, field {field}: no code table {take.codes!r}")
    secret = NEVER_SENT & {*rule.fields, *rule.constants, *profile.constants}
    if secret:
        raise BadProfile(f"{where}: {', '.join(sorted(secret))} is never sent")

"""Desired state: versioned documents that come down to a gateway, each kind with its own checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

import msgspec

from domain.alerts.document import BadRules, published_rules
from domain.alerts.rules import RuleSet
from domain.desired_bodies import (
    Coupons,
    Credentials,
    Devices,
    Erasures,
    Passes,
    Policy,
    Release,
    passes_in_form_1,
)
from domain.doors import older
from domain.doors.rules import Doors
from domain.guards import Guards
from domain.lanes.register import PlateLists
from domain.lanes.settings import Lanes
from domain.scenes.rules.rule import SceneMistake
from domain.scenes.wishes import Scenes, read_scenes
from domain.tariff import BadTariff, Tariff, read_tariff
from domain.watch import listed
from domain.watch.listed import WatchLists

Kind = Literal[
    "devices",
    "credentials",
    "doors",
    "passes",
    "tariffs",
    "watch_lists",
    "policy",
    "erasures",
    "release",
    "lanes",
    "plate_lists",
    "guards",
    "coupons",
    "scenes",
    "alert_rules",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_VERSION = 2**31 - 1
Version = Annotated[int, msgspec.Meta(ge=1, le=MAX_VERSION)]
# The form of a kind's document that this program reads, where that is not the first. A gateway says which it reads.
FORMS: Mapping[str, int] = MappingProxyType(
    {"credentials": older.FORM, "passes": 2, "watch_lists": listed.FORM, "alert_rules": 1}
)
# What a gateway does without as well: it is told to those alone that say which form of it they read.
OPTIONAL: frozenset[str] = frozenset({"alert_rules"})
# What nobody is told of: not that there is such a document, nor its version. Only its own page knows it.
CONFIDENTIAL: frozenset[str] = frozenset({"watch_lists"})
_OLDER: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = MappingProxyType(
    {"credentials": older.in_form_1, "passes": passes_in_form_1, "watch_lists": listed.in_form_1}
)
Parking = Passes | Tariff | WatchLists | Lanes | PlateLists | Coupons | Guards
Body = Devices | Credentials | Doors | Policy | Erasures | Release | Scenes | RuleSet | Parking


class BadDesired(Exception):
    """A document that cannot be applied; the message begins with its kind and says where and what."""


class Document(msgspec.Struct, frozen=True):
    """One kind's wishes for one complex. ``version`` rises per complex and kind; ``body`` is JSON, not yet checked."""

    kind: str
    version: Version
    body: dict[str, Any]


class Refusal(msgspec.Struct, frozen=True):
    """A document that a gateway did not apply, and why."""

    kind: str
    version: Version
    reason: Annotated[str, msgspec.Meta(max_length=2_000)]


def as_read_by(document: Document, forms: Mapping[str, int]) -> Document:
    """The document in the form that a gateway reads: to an older program it says less, never more."""
    if forms.get(document.kind, 1) >= FORMS.get(document.kind, 1):
        return document
    return msgspec.structs.replace(document, body=_OLDER[document.kind](document.body))


def unread(forms: Mapping[str, int]) -> dict[str, int]:
    """Kinds that are not for a gateway that reads these forms, each with a version that none is above."""
    return dict.fromkeys(OPTIONAL - forms.keys(), MAX_VERSION)


def read_body(kind: str, body: object) -> Body:
    """The typed body of a document. Raises BadDesired for a kind that is not known, and for the first wrong entry.

    A key that is not known is refused: it may be a restriction, and a door must not open for want of reading it.
    """
    read = _READERS.get(kind)
    if read is None:
        raise BadDesired(f"{kind}: no such kind; there are {', '.join(KINDS)}")
    try:
        return read(body)
    except (msgspec.ValidationError, BadTariff, BadRules, SceneMistake) as error:
        raise BadDesired(f"{kind}: {error}") from error


def _typed(struct: type[Any]) -> Callable[[object], Any]:
    return lambda body: msgspec.convert(body, struct)


_READERS: Mapping[str, Callable[[object], Body]] = MappingProxyType(
    {
        "devices": _typed(Devices),
        "credentials": _typed(Credentials),
        "doors": _typed(Doors),
        "passes": _typed(Passes),
        "tariffs": read_tariff,
        "watch_lists": _typed(WatchLists),
        "policy": _typed(Policy),
        "erasures": _typed(Erasures),
        "release": _typed(Release),
        "lanes": _typed(Lanes),
        "plate_lists": _typed(PlateLists),
        "guards": _typed(Guards),
        "coupons": _typed(Coupons),
        "scenes": read_scenes,
        "alert_rules": published_rules,
    }
)

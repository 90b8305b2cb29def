"""Fields of what a library above asks of ours, read for subscriptions and orders alike; what cannot be says which."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from domain.viid.envelopes import Fields
from domain.viid.ids import BadId, parse
from domain.viid.times import read_time

_IS_AN_END = "1"  # OperateType: cancelled, withdrawn


class BadAsked(ValueError):
    """What cannot be taken: which field, and why. It never repeats whom an order is about."""


def number_of(value: object, field: str, name: str) -> str:
    """The number of 33 digits of such an object, as it is. Raises BadAsked."""
    try:
        parsed = parse(str(value or ""))
    except BadId as error:
        raise BadAsked(f"{field}: {error}") from error
    if parsed.name not in (name, "other"):
        raise BadAsked(f"{field} {value} is the number of a {parsed.name}")
    return str(value)


def is_an_end(said: Fields) -> bool:
    """Whether it takes back what was asked for."""
    return str(said.get("OperateType", "0")).strip() == _IS_AN_END


def one_line(value: object, most: int) -> str:
    """Any text, tidied and cut."""
    return " ".join(str(value or "").split())[:most]


def time_of(said: Fields, field: str) -> datetime:
    """Raises BadAsked."""
    found = read_time(said.get(field))
    if found is None:
        fault = f"{str(said[field])[:40]!r} is no time" if said.get(field) else "is missing"
        raise BadAsked(f"{field}: {fault}; yyyyMMddHHmmss is wanted")
    return found


def begins_with(code: str, districts: Collection[str]) -> bool:
    """Whether a code lies in one of these districts, or centres."""
    return any(code.startswith(district) for district in districts)

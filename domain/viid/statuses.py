"""Answers of GA/T 1400: statuses made, and whatever a peer answers judged object by object."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, cast

import msgspec

from domain.viid.times import stamp

OK, OTHER, BUSY, DEVICE_ERROR, INVALID_OPERATION, BAD_JSON, BAD_CONTENT, REBOOT = 0, 1, 2, 3, 4, 7, 8, 9
TEXTS: Mapping[int, str] = MappingProxyType(
    {
        0: "OK",
        1: "OtherError",
        2: "Device Busy",
        3: "Device Error",
        4: "Invalid Operation",
        5: "Invalid XML Format",
        6: "Invalid XML Content",
        7: "Invalid JSON Format",
        8: "Invalid JSON Content",
        9: "Reboot",
    }
)
_OF_CONTENT = frozenset({5, 6, 7, 8})
_KEYS = ("ResponseStatusListObject", "ResponseStatusObject", "ResponseStatusList", "ResponseStatus")
_THERE = re.compile(r"already\s+exist|duplicat|已存在|已经存在|重复", re.IGNORECASE)

Judgement = Literal["accepted", "refused", "ill", "doubtful", "session_lost"]


class Status(msgspec.Struct, frozen=True):
    """What a peer says of one object; ``code`` None: it says none that can be read."""

    code: int | None
    text: str = ""
    id: str = ""

    @property
    def judgement(self) -> Judgement:
        """``ill``: come again later. ``doubtful``: an error without a name, that may pass or may not."""
        if self.code == OK or _THERE.search(self.text):
            return "accepted"
        if self.code in _OF_CONTENT:
            return "refused"
        if self.code in (BUSY, REBOOT):
            return "ill"
        return "session_lost" if self.code in (DEVICE_ERROR, INVALID_OPERATION) else "doubtful"

    def __str__(self) -> str:
        return f"StatusCode {self.code} {self.text or TEXTS.get(self.code or 0, '')}".strip()


MISSING = Status(None, "the answer says nothing of it")


def status(url: str, code: int, number: str, at: datetime, text: str = "", *, as_text: bool = False) -> dict[str, Any]:
    """A ResponseStatusObject's fields. ``as_text``: the code as a string, as some peers want it."""
    return {
        "RequestURL": url,
        "StatusCode": str(code) if as_text else code,
        "StatusString": text or TEXTS.get(code, TEXTS[OTHER]),
        "Id": number,
        "LocalTime": stamp(at),
    }


def single(said: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to what is about the session, or one object."""
    return {"ResponseStatusObject": dict(said)}


def several(said: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The answer to a list: a status for each object sent."""
    return {"ResponseStatusListObject": {"ResponseStatusObject": [dict(one) for one in said]}}


def statuses_in(body: bytes) -> list[Status]:
    """Every status in an answer, however it is wrapped; none where the body is empty or no JSON."""
    try:
        return list(_found(msgspec.json.decode(body), 0))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []


def judged(numbers: Sequence[str], said: Sequence[Status], *, silence_is_yes: bool = False) -> list[Status]:
    """One status for each object sent: by its id, else by its place, else the one that was said for all.

    An answer that says nothing accepts nothing, unless the peer is known to answer so.
    """
    if not said:
        return [Status(OK) if silence_is_yes else MISSING] * len(numbers)
    by_id = {one.id: one for one in said if one.id}
    if any(number in by_id for number in numbers):
        return [by_id.get(number, MISSING) for number in numbers]
    if len(said) == len(numbers):
        return list(said)
    return [_of_all(said)] * len(numbers)


def _of_all(said: Sequence[Status]) -> Status:
    """The worst: a peer that cannot say of which object it speaks has taken all, or none for sure."""
    return next((one for one in said if one.judgement != "accepted"), said[0])


def _found(value: object, depth: int) -> Iterator[Status]:
    if isinstance(value, list):
        for part in cast("list[object]", value):
            yield from _found(part, depth)
    elif isinstance(value, dict):
        yield from _in_object(cast("dict[str, Any]", value), depth)


def _in_object(said: dict[str, Any], depth: int) -> Iterator[Status]:
    if "StatusCode" in said:
        yield _status(said)
    elif depth < len(_KEYS):
        for key in _KEYS:
            yield from _found(said.get(key), depth + 1)


def _status(said: dict[str, Any]) -> Status:
    number = said.get("Id", said.get("ID", said.get("id")))
    return Status(
        _code(said.get("StatusCode")), str(said.get("StatusString") or ""), "" if number is None else str(number)
    )


def _code(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None

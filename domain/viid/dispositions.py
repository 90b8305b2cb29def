"""What an upper library orders to be looked for (DispositionObject), judged; the notification that tells of a hit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, cast

import msgspec

from domain.plates import canonical, classify
from domain.viid.asked import BadAsked, number_of, one_line, time_of
from domain.viid.envelopes import Fields, listed
from domain.viid.times import stamp

NAME = "DispositionNotification"
_OF_CARS = "3"  # DispositionCategory; faces and people are not looked for here
_TOLLGATES = "1"
_MOST_SIGNS, _MOST_NAME_SIGNS, _MOST_CODES = 200, 50, 500
_BETWEEN = re.compile(r"[\s,;:，；：、=|/\"'{}\[\]()（）]+")


State = Literal["active", "withdrawn", "over"]
_STATUS: Mapping[State, int] = {"active": 0, "withdrawn": 1, "over": 2}


class Disposition(msgspec.Struct, frozen=True, kw_only=True):
    """An order about one car. ``gates`` and ``areas``: codes that narrow where; both empty: everywhere."""

    id: str
    title: str
    plate: str
    unit: str
    document: str
    purpose: str
    begins_at: datetime | None  # None: at once
    ends_at: datetime
    gates: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    receive_at: str = ""
    applicant: str = ""

    def __repr__(self) -> str:
        return f"Disposition({self.id})"  # a traceback must not tell who is looked for


def disposition_id(value: object) -> str:
    """A DispositionID, as it is. Raises BadAsked."""
    return number_of(value, "DispositionID", "Disposition")


def read_disposition(said: Fields, document_field: str) -> Disposition:
    """``document_field``: where the office writes the number of its document. Raises BadAsked."""
    number = disposition_id(said.get("DispositionID"))
    if str(said.get("DispositionCategory", "")).strip() != _OF_CARS:
        raise BadAsked("DispositionCategory: only motor vehicles (3) are looked for here")
    by_gate = str(said.get("DispositionRange", "")).strip() == _TOLLGATES
    gates = _codes(said.get("TollgateList")) if by_gate else ()
    if by_gate and not gates:
        raise BadAsked("TollgateList: is missing, and DispositionRange 1 goes by it")
    return Disposition(
        id=number,
        title=one_line(said.get("Title"), _MOST_SIGNS),
        applicant=one_line(said.get("ApplicantName"), _MOST_NAME_SIGNS),
        plate=_plate(said),
        unit=_needed(said, "ApplicantOrg", "the unit that approved it"),
        document=_needed(said, document_field, "the number of its document"),
        purpose=_needed(said, "Reason", "its purpose"),
        begins_at=time_of(said, "BeginTime") if said.get("BeginTime") else None,
        ends_at=time_of(said, "EndTime"),
        gates=gates,
        areas=() if by_gate else _codes(said.get("DispositionArea")),
        receive_at=one_line(said.get("ReceiveAddr"), 256),
    )


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is still known of an order; its words are gone once it has ended."""

    id: str
    state: State
    begins_at: datetime
    ends_at: datetime
    title: str = ""
    applicant: str = ""
    plate: str = ""
    unit: str = ""
    document: str = ""
    purpose: str = ""
    receive_at: str = ""

    def __repr__(self) -> str:
        return f"Known({self.id})"


def as_told(one: Known, document_field: str) -> Fields:
    """A DispositionObject, for who asks what it ordered."""
    words = {"TargetFeature": one.plate, document_field: one.document, "Reason": one.purpose}
    return {
        "DispositionID": one.id,
        "Title": one.title,
        "DispositionCategory": _OF_CARS,
        "ApplicantName": one.applicant,
        "ApplicantOrg": one.unit,
        "BeginTime": stamp(one.begins_at),
        "EndTime": stamp(one.ends_at),
        "OperateType": 1 if one.state == "withdrawn" else 0,
        "DispositionStatus": _STATUS[one.state],
        **{name: text for name, text in {**words, "ReceiveAddr": one.receive_at}.items() if text},
    }


def hit_notification(
    number: str, disposition: str, title: str, triggered: str, named: tuple[str, str, Fields]
) -> Fields:
    """The message that tells of one hit. ``named``: what hit, its number and its fields."""
    name, hit, said = named
    told = {"NotificationID": number, "DispositionID": disposition, "Title": title, "TriggerTime": triggered}
    return listed(NAME, [{**told, "CntObjectID": hit, f"{name}Object": said}])


def _plate(said: Fields) -> str:
    """The one whole plate that it names, in the standard's field or as vendors write it."""
    inner = said.get("MotorVehicleObject")
    named = cast("Fields", inner) if isinstance(inner, dict) else {}
    texts = [str(value) for value in (said.get("TargetFeature"), said.get("PlateNo"), named.get("PlateNo")) if value]
    words = (canonical(word) for text in texts for word in _BETWEEN.split(text[:1_000]) if word)
    found = {word for word in words if classify(word) is not None}
    if len(found) != 1:
        raise BadAsked(f"TargetFeature: one whole number plate is wanted, there are {len(found)}")
    return found.pop()


def _codes(value: object) -> tuple[str, ...]:
    """A comma list, or one of objects that have a TollgateID."""
    found = sorted({word for text in _texts(value) for word in re.split(r"[\s,;]+", text) if word})
    if len(found) > _MOST_CODES:
        raise BadAsked(f"more than {_MOST_CODES} codes in its range")
    if strange := [code for code in found if not (code.isascii() and code.isdigit() and len(code) <= 20)]:
        raise BadAsked(f"{strange[0][:40]!r} in its range is no code")
    return tuple(found)


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        inner = cast("Mapping[str, Any]", value)
        return [text for one in inner.values() for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in cast("list[Any]", value) for text in _texts(one)]
    return [str(value)] if value not in (None, "") else []


def _needed(said: Fields, name: str, what: str) -> str:
    found = one_line(said.get(name), _MOST_SIGNS)
    if not found:
        raise BadAsked(f"{name}: {what} is missing")
    return found

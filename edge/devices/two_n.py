"""2N intercoms and access units by their HTTP API: the log is pulled, switches are triggered."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import msgspec

from domain.events import Event, Subject
from edge.devices._arguments import words
from edge.devices._fields import codes, decode_json, fields, flag, items, keep_raw, text_in, whole
from edge.devices._http_answers import command_result, is_answer
from edge.devices._plates import plate_subject
from edge.devices._times import epoch, judged
from edge.devices._two_n_questions import QUESTIONS
from edge.devices.announced import Announced, Known
from edge.devices.driver import BadMessage, CannotEncode, Command, Driver, Message, Poll, Reading, Request, Site

KIND = FAMILY = "2n"
_NOBODY = "?"
_DOORS = MappingProxyType({"opened": "open", "open": "open", "closed": "closed"})
_DIRECTIONS = MappingProxyType({"in": "in", "out": "out"})
# What the reader of each kind of credential reports. A code is a secret: only that one was entered is told.
_CREDENTIALS = MappingProxyType(
    {"CardEntered": "card", "FingerEntered": "fingerprint", "CodeEntered": "pin", "MobKeyEntered": "remote"}
)
_LASTING = MappingProxyType({"TamperSwitchActivated": "tamper", "SilentAlarm": "duress"})
_FORCED = MappingProxyType({"UnauthorizedDoorOpen": "forced_open", "DoorOpenTooLong": "held_open"})
_SECRET = frozenset({"KeyPressed", "KeyReleased"})  # digit by digit what somebody types
_PULL_S, _SILENCE_S, _CHANNEL_S = 20, 45.0, 3600
_MOST_MISSED_S = 7 * 24 * 3600
_OVERLAP_S = 5  # the log's times are whole seconds, and a question takes time; what comes twice is known by its number
_LAST_SWITCH = 8
_decode_any = msgspec.json.Decoder().decode


class _Heard(msgspec.Struct, frozen=True):
    """One entry of the log."""

    message: Message
    site: Site
    name: str
    entry: dict[str, Any]

    @property
    def params(self) -> dict[str, Any]:
        return fields(self.entry.get("params"))

    def event(self, kind: str, **rest: Any) -> Event:
        """Its number begins again when the device does."""
        sent, number = self.entry.get("utcTime"), text_in(self.entry.get("id"))
        when = judged(epoch(sent), sent, self.message, self.site)
        return Event(
            kind=kind,
            device=f"{KIND}:{self.message.sender or _NOBODY}",
            time=when.time,
            time_quality=when.time_quality,
            device_time=when.device_time,
            source_event_id=number,
            counter_restarts=number is not None,
            retained=self.message.retained,
            **rest,
        )


def decode(message: Message, site: Site) -> Reading:
    """An answer of the device: entries of its log, or what became of a command. Raises BadMessage."""
    if is_answer(message):
        return Reading([_result(message)])
    answer = fields(decode_json(_decode_any, message.payload, "not an answer of the 2N HTTP API"))
    if not flag(answer.get("success")):
        raise BadMessage(f"the device refused: {_reason(answer) or 'no success in its answer'}")
    result = fields(answer.get("result"))
    if "events" not in result:
        if "id" in result:
            return Reading([])  # a channel to the log was opened
        raise BadMessage("an answer without events")
    found = [_entry(message, site, entry) for entry in items(result["events"])]
    readings = [_reader(heard.name)(heard) for heard in found if heard.name not in _SECRET]
    kept = {picture.sha256: picture for reading in readings for picture in reading.pictures}
    return Reading([event for reading in readings for event in reading.events], list(kept.values()))


def _entry(message: Message, site: Site, entry: object) -> _Heard:
    name = text_in(fields(entry).get("event"))
    if name is None:
        raise BadMessage("an entry of the log without event")
    return _Heard(message, site, name, fields(entry))


def _reader(name: str) -> Callable[[_Heard], Reading]:
    if name in _CREDENTIALS:
        return _credential
    if name in _FORCED:
        return _forced
    if name in _LASTING:
        return _alarm
    return _READERS.get(name, _unknown)


def _is_over(heard: _Heard) -> bool:
    """``in`` and ``out``: something begins, or is over."""
    return (text_in(heard.params.get("state")) or "in").lower() in ("out", "off", "0")


def _door(heard: _Heard) -> Reading:
    said = (text_in(heard.params.get("state")) or "").lower()
    return Reading([heard.event("door", state=_DOORS.get(said, "unknown"), state_code=said or None)])


def _forced(heard: _Heard) -> Reading:
    """Its end says that the alarm is over; where the door is, DoorStateChanged says."""
    return Reading([] if _is_over(heard) else [heard.event("door", state=_FORCED[heard.name])])


def _alarm(heard: _Heard) -> Reading:
    state = "cleared" if _is_over(heard) else "active"
    return Reading([heard.event("alarm", alarm=_LASTING[heard.name], state=state, reason_code=heard.name)])


def _credential(heard: _Heard) -> Reading:
    params, method = heard.params, _CREDENTIALS[heard.name]
    uid = text_in(params.get("uid")) if method == "card" else None
    subject = Subject(type="card", id=uid) if uid else Subject(type="pin") if method == "pin" else None
    valid = params.get("valid")
    reader = text_in(params.get("reader")) or text_in(params.get("ap"))
    event = heard.event(
        "access",
        point=f"reader/{reader}" if reader else None,
        result="unknown" if valid is None else "granted" if flag(valid) else "denied",
        method=method,
        reason=None if valid is None or flag(valid) else "unknown_credential",
        direction=_direction(params),
        subject=subject,
        reason_code=heard.name,
    )
    return Reading([event])


def _direction(params: dict[str, Any]) -> str | None:
    return _DIRECTIONS.get((text_in(params.get("direction")) or "").lower())


def _person(heard: _Heard) -> Reading:
    """Whom the device took somebody for, or that it let nobody in."""
    params, granted = heard.params, heard.name == "UserAuthenticated"
    person, name = text_in(params.get("uuid")), text_in(params.get("name"))
    event = heard.event(
        "access",
        result="granted" if granted else "denied",
        subject=Subject(type="person", id=person, name=name) if person or name else None,
        direction=_direction(params),
        reason=None if granted else text_in(params.get("reason")),
        reason_code=heard.name,
    )
    return Reading([event])


def _button(heard: _Heard) -> Reading:
    return Reading([heard.event("access", result="granted", method="button", reason_code=heard.name)])


def _switch(heard: _Heard) -> Reading:
    """A lock hangs at a switch: on is unlocked."""
    number, on = text_in(heard.params.get("switch")), flag(heard.params.get("state"))
    point = f"switch/{number}" if number else None
    return Reading([heard.event("door", point=point, state="unlocked" if on else "locked")])


def _input(heard: _Heard) -> Reading:
    port = text_in(heard.params.get("port"))
    point = f"input/{port}" if port else None
    return Reading([heard.event("input", point=point, value=int(flag(heard.params.get("state"))))])


def _motion(heard: _Heard) -> Reading:
    label = {"MotionDetected": "motion", "NoiseDetected": "sound"}[heard.name]
    return Reading([heard.event("detection", label=label, phase="end" if _is_over(heard) else "start")])


def _plate(heard: _Heard) -> Reading:
    said = (text_in(heard.params.get(name)) for name in ("licensePlate", "plateText", "plate"))
    number = next((text for text in said if text), None)
    return Reading([heard.event("plate", subject=plate_subject(number), travel="unknown")])


def _started(heard: _Heard) -> Reading:
    if (text_in(heard.params.get("state")) or "").lower() != "startup":
        return _unknown(heard)
    return Reading([heard.event("availability", state="online", reason="power_on")])


def _unknown(heard: _Heard) -> Reading:
    raw, kept = keep_raw(heard.message, "json")
    return Reading([heard.event("unknown", code=heard.name, raw=raw, raw_codes=codes(heard.params))], kept)


_READERS: MappingProxyType[str, Callable[[_Heard], Reading]] = MappingProxyType(
    {
        "DoorStateChanged": _door,
        "UserAuthenticated": _person,
        "UserRejected": _person,
        "RexActivated": _button,
        "SwitchStateChanged": _switch,
        "InputChanged": _input,
        "MotionDetected": _motion,
        "NoiseDetected": _motion,
        "LicensePlateRecognized": _plate,
        "DeviceState": _started,
    }
)


# --- what is asked of it ---


def _first(missed_s: float) -> str:
    """A channel that begins before we last heard; the device keeps its log until it restarts."""
    since = min(_MOST_MISSED_S, int(missed_s) + _OVERLAP_S)
    return f"/api/log/subscribe?include=-{since}&duration={_CHANNEL_S}"


def _following(path: str, answer: bytes) -> str | None:
    """The next part of the log; a channel that ended is opened anew."""
    try:
        said = fields(_decode_any(answer))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not flag(said.get("success")):
        return None
    channel = whole(fields(said.get("result")).get("id"))
    return path if channel is None else f"/api/log/pull?id={channel}&timeout={_PULL_S}"


def encode(command: Command, site: Site, topic_hint: str) -> Request:
    """``point``: door/1 or switch/1, the switch that the lock hangs at. Raises CannotEncode."""
    if command.name != "door.open":
        raise CannotEncode(f"2N devices have no {command.name!r}; they have door.open")
    switch = whole(words(command, "point", "switch/1").rpartition("/")[2])
    if switch is None or not 1 <= switch <= _LAST_SWITCH:
        raise CannotEncode(f"{command.name} needs point, switch/1 to switch/{_LAST_SWITCH}")
    return Request("GET", f"/api/switch/ctrl?switch={switch}&action=trigger", request_id=command.request_id)


def _result(message: Message) -> Event:
    device = f"{KIND}:{message.sender or _NOBODY}"
    try:
        said = fields(_decode_any(message.payload))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return command_result(message, device, ok=False)
    return command_result(message, device, ok=flag(said.get("success")), text=_reason(said))


def _reason(answer: dict[str, Any]) -> str | None:
    error = fields(answer.get("error"))
    return text_in(error.get("description")) or text_in(error.get("code"))


def _claims(announced: Announced) -> Known | None:
    """Named as one likes, for the address in the list says who it is: by its MAC address here."""
    identity = announced.mac or announced.node
    if not announced.is_by("2n") or not identity or not announced.host:
        return None
    address = f"http://{announced.host}"
    return Known(f"{KIND}:{identity}", address, announced.host, announced.name, announced.model, exact=False)


DRIVER = Driver(
    kind=KIND,
    families=(FAMILY,),
    decode=decode,
    encode=encode,
    transports=("http_pull",),
    pulls=(Poll(FAMILY, _first, _following, silence_s=_SILENCE_S),),
    claims=_claims,
    questions=QUESTIONS,
)

"""esp-rfid door boards (ESP8266, RC522 and Wiegand readers) over MQTT: cards, doors, heart-beats.

Written from src/mqtt.esp and README-ADDON.md of esprfid/esp-rfid at several versions. Its topic alone names a board.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import msgspec

from domain.events import Event, Subject
from edge.devices._fields import codes, decode_json, flag, items, keep_raw, text_in
from edge.devices._times import epoch, judged
from edge.devices.driver import (
    BadMessage,
    BrokerUser,
    CannotEncode,
    Command,
    Driver,
    JudgedTime,
    Message,
    Publish,
    Reading,
    Site,
)

KIND = FAMILY = "esp-rfid"
# What stands behind the configured topic: nothing in the first versions, then one of these.
_ENDS = ("send", "sync", "tag", "avty", "accesslist")
_FIRST_YEAR = 2015  # before its clock was set by NTP a board counts from 1970
# What it says of a card: the result and why. Any other word is no opening.
_ANSWERS = MappingProxyType(
    {
        "always": ("granted", None),
        "admin": ("granted", "admin"),
        "expired": ("denied", "expired"),
        "disabled": ("denied", "disabled"),
        "denied": ("denied", "unknown_credential"),
    }
)
_DOOR_WORDS = MappingProxyType({"door open": "open", "door closed": "closed"})
_REMOTE = "MQTT"  # the name that a door opened over MQTT is entered under
_NOBODY = "unknown"

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def decode(message: Message, site: Site) -> Reading:
    """What a board says. Raises BadMessage."""
    topic, end = _address(message.topic)
    if end == "cmd":
        return Reading([])  # what it is told
    if end == "avty" or end.startswith("io/"):
        return Reading([_word(message, topic, end)])
    said = decode_json(_decode, message.payload, "not a message of esp-rfid")
    kind = (text_in(said.get("type")) or ("access" if end == "tag" else "")).lower()
    if kind == "access":
        return Reading(list(_accesses(said, message, site, topic)))
    if kind in ("boot", "heartbeat"):
        return Reading([_event("availability", said, message, site, topic, point=None, state="online", reason=kind)])
    if kind in ("info", "warn", "error"):
        return Reading(_logged(said, message, site, topic))
    if not kind and text_in(said.get("command")) == "userfile":
        return Reading([])  # its list of users, for whoever asked
    if not kind:
        raise BadMessage("no type")
    raw, kept = keep_raw(message, "json")
    return Reading([_event("unknown", said, message, site, topic, code=kind, raw=raw, raw_codes=codes(said))], kept)


def _address(topic: str) -> tuple[str, str]:
    """The configured topic, by which a board is known, and what follows it. Raises BadMessage."""
    head, _, end = topic.rpartition("/")
    above, _, beside = head.rpartition("/")
    if beside == "io" and above:
        return above, f"io/{end}"
    found = (head, end) if head and end in (*_ENDS, "cmd") else (topic, "")
    if not found[0].strip("/"):
        raise BadMessage(f"a board is known by its topic, and {topic!r} names none")
    return found


def _event(kind: str, said: dict[str, Any], message: Message, site: Site, topic: str, **rest: Any) -> Event:
    when = _when(said.get("time"), message, site)
    return Event(
        kind=kind,
        device=f"{KIND}:{topic}",
        time=when.time,
        time_quality=when.time_quality,
        device_time=when.device_time,
        retained=message.retained,
        **(_which(said) | rest),
    )


def _which(said: dict[str, Any]) -> dict[str, Any]:
    """Boards that share a topic are told apart by their names."""
    return {"point": text_in(said.get("door")) or text_in(said.get("hostname"))}


def _when(sent: object, message: Message, site: Site) -> JudgedTime:
    time = epoch(sent)
    return judged(_set(time), sent, message, site)


def _set(time: datetime | None) -> datetime | None:
    return time if time is not None and time.year >= _FIRST_YEAR else None


def _accesses(said: dict[str, Any], message: Message, site: Site, topic: str) -> Iterator[Event]:
    """One card at one door; boards with several doors send a list of answers, and their names beside it."""
    answers, names = said.get("access"), items(said.get("doorName"))
    several = [answers] if text_in(answers) is not None else items(answers)
    if not several or isinstance(answers, dict):
        raise BadMessage("an access without an answer")
    for index, answer in enumerate(several):
        name = text_in(names[index]) if index < len(names) else None
        point = {"point": name or f"door/{index + 1}"} if isinstance(answers, list) else {}
        yield _access(said, answer, message, site, topic, point)


def _access(
    said: dict[str, Any], answer: object, message: Message, site: Site, topic: str, point: dict[str, str]
) -> Event:
    word = text_in(answer) or ""
    result, reason = _ANSWERS.get(word.lower(), ("unknown", None))
    if result == "granted" and _is_unknown(said):
        result, reason = "unknown", None  # it contradicts itself
    number, name = text_in(said.get("uid")), text_in(said.get("username"))
    remote = number is None and name == _REMOTE
    person = None if name is None or name.lower() == _NOBODY else name
    return _event(
        "access",
        said,
        message,
        site,
        topic,
        result=result,
        reason=reason,
        reason_code=word or None,
        method="remote" if remote else "card",
        subject=None if remote or number is None else Subject(type="card", id=number, name=person),
        **point,
    )


def _is_unknown(said: dict[str, Any]) -> bool:
    known = said.get("isKnown", said.get("isknown"))
    return known is not None and not flag(known)


def _logged(said: dict[str, Any], message: Message, site: Site, topic: str) -> list[Event]:
    """Its log, where it sends that: doors and bells; nothing of the rest."""
    source, words = text_in(said.get("src")) or "", (text_in(said.get("desc")) or "").lower()
    if source == "door" and words in _DOOR_WORDS:
        return [_event("door", said, message, site, topic, state=_DOOR_WORDS[words])]
    if source == "doorbell":
        return [_event("input", said, message, site, topic, point="doorbell", value=1, phase="instant")]
    return []


def _word(message: Message, topic: str, end: str) -> Event:
    """A plain word under ``avty`` or ``io/…``, without a time: what Home Assistant is told."""
    try:
        word = message.payload.decode().strip().upper()
    except UnicodeDecodeError as error:
        raise BadMessage(f"{message.topic}: not text: {error}") from error
    known = {"avty": ("ONLINE", "OFFLINE"), "io/door": ("ON", "OFF"), "io/tamper": ("ON", "OFF")}
    if end == "avty" and word in known[end]:
        return _plain("availability", message, topic, state=word.lower())
    if end == "io/door" and word in known[end]:
        return _plain("door", message, topic, state="open" if word == "ON" else "closed")
    if end == "io/tamper" and word in known[end]:
        state, phase = ("active", "start") if word == "ON" else ("cleared", "end")
        return _plain("alarm", message, topic, alarm="tamper", state=state, phase=phase)
    if word in ("ON", "OFF", "LOCKED", "UNLOCKED"):
        return _plain("input", message, topic, point=end.removeprefix("io/"), state=word.lower())
    raise BadMessage(f"{message.topic}: {word[:40]!r} is no state")


def _plain(kind: str, message: Message, topic: str, **rest: Any) -> Event:
    return Event(kind=kind, device=f"{KIND}:{topic}", time_quality="gateway", retained=message.retained, **rest)


def encode(command: Command, site: Site, topic_hint: str) -> Publish:
    """``door.open``, with ``doorip`` (the board's own address), which all but the mode of Home Assistant ask for.

    Raises CannotEncode. The first versions listen to nobody: they are known by sending to their bare topic.
    """
    topic = command.device.partition(":")[2]
    if command.name != "door.open":
        raise CannotEncode(f"esp-rfid has no {command.name!r}; it has door.open")
    if not topic.strip("/") or not frozenset("+#\0").isdisjoint(topic):
        raise CannotEncode(f"{command.device!r} names no topic of a board")
    if topic_hint and topic_hint == topic:
        raise CannotEncode(f"{command.device}: its firmware takes no commands over MQTT; a newer one does")
    address = text_in(command.args.get("doorip"))
    if address is None and not topic_hint.startswith((f"{topic}/tag", f"{topic}/avty", f"{topic}/io/")):
        raise CannotEncode("door.open needs doorip, the address of the board: it ignores what does not name it")
    order = {"cmd": "opendoor"} if address is None else {"cmd": "opendoor", "doorip": address}
    return Publish(f"{topic}/cmd", msgspec.json.encode(order))


def _user(topic: str) -> BrokerUser:
    """A board may write under its own topic, but for what it is told there."""
    own = (topic, *(f"{topic}/{end}" for end in _ENDS), f"{topic}/io/+")
    return BrokerUser(f"{KIND}.{quote(topic, safe='')}", own, (f"{topic}/cmd",))


DRIVER = Driver(
    kind=KIND,
    families=(FAMILY,),
    decode=decode,
    encode=encode,
    topics=MappingProxyType({"/rfid/#": FAMILY, "rfid/#": FAMILY, "esp-rfid/#": FAMILY, "/esp-rfid/#": FAMILY}),
    broker_user=_user,
    identity_is_path=True,
    silence_s=600.0,
    page="esp-rfid.md",
)

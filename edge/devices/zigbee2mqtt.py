"""Zigbee2MQTT: contacts, smoke, water, motion, buttons, plugs and sirens behind a Zigbee stick.

Written from Koenkk/zigbee2mqtt and payloads that zigbee-herdsman-converters makes. Friendly names may hold slashes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

import msgspec

from domain.events import Event
from edge.devices._arguments import whole_in
from edge.devices._fields import codes, decode_json, fields, keep_raw, text_in
from edge.devices._times import epoch, iso_8601, judged
from edge.devices._zigbee_state import read_state
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

KIND, BRIDGE = "z2m", "z2m-bridge"
FAMILY = "zigbee2mqtt"
_BASE = "zigbee2mqtt"
_MAX_SECONDS = 1800
_MAX_WORD = 64
_STATES = MappingProxyType({"online": "online", "offline": "offline"})
# bridge/event: what becomes of a device's membership.
_JOINS = MappingProxyType({"device_joined": "online", "device_announce": "online", "device_leave": "offline"})
_NOT_IN_NAMES = frozenset("+#\0")

_decode_any = msgspec.json.Decoder().decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


def decode(message: Message, site: Site) -> Reading:
    """What the bridge says of itself or of a device. Raises BadMessage."""
    base, *rest = message.topic.split("/")
    match rest:
        case []:
            raise BadMessage("Zigbee2MQTT's messages are told apart by topic, and this one has none")
        case ["bridge", "state"]:
            return _availability(message, BRIDGE, "" if base == _BASE else base)
        case ["bridge", "event"]:
            return _membership(message)
        case ["bridge", "response", *_]:
            return _response(message)
        case ["bridge", *_]:
            return Reading([])  # lists, settings with the network's key in them, its log
        case [_, *_, "set" | "get"] | [_, *_, "set" | "get", _]:
            return Reading([])  # what devices are told
        case [*name, "availability"] if name:
            return _availability(message, f"{KIND}:{'/'.join(name)}")
        case _:
            return _state(message, site, "/".join(rest))


def _availability(message: Message, device: str, point: str = "") -> Reading:
    """``{"state": "online"}``, or the plain word of older versions; empty where it was cleared."""
    if not message.payload.strip():
        return Reading([])
    word = text_in(_said(message.payload))
    state = _STATES.get((word or "").lower())
    if state is None:
        raise BadMessage(f"{message.topic}: {str(word)[:_MAX_WORD]!r} is neither online nor offline")
    return Reading([_plain("availability", message, device, point=point or None, state=state)])


def _said(payload: bytes) -> object:
    if payload.lstrip()[:1] == b"{":
        return fields(decode_json(_decode_any, payload, "availability")).get("state")
    try:
        return payload.decode().strip().strip('"')
    except UnicodeDecodeError as error:
        raise BadMessage(f"availability is not text: {error}") from error


def _plain(kind: str, message: Message, device: str, **rest: Any) -> Event:
    return Event(kind=kind, device=device, time_quality="gateway", retained=message.retained, **rest)


def _object(message: Message) -> dict[str, Any]:
    return decode_json(_decode_object, message.payload, f"{message.topic}: not an object")


def _membership(message: Message) -> Reading:
    """A device joined, came back, or left the network; what an interview says is kept as it is."""
    said = _object(message)
    kind, about = text_in(said.get("type")), fields(said.get("data"))
    name = text_in(about.get("friendly_name")) or text_in(about.get("ieee_address"))
    if kind is None or name is None:
        raise BadMessage("an event of the bridge without a type, or of no device")
    device = f"{KIND}:{name}"
    if kind in _JOINS:
        return Reading([_plain("availability", message, device, state=_JOINS[kind], reason=kind)])
    return Reading([_plain("unknown", message, device, code=kind, raw_codes=codes({"status": about.get("status")}))])


def _response(message: Message) -> Reading:
    said = _object(message)
    status = text_in(said.get("status"))
    if status is None:
        raise BadMessage("an answer of the bridge without a status")
    label = message.topic.partition("/bridge/response/")[2][:_MAX_WORD]
    request = text_in(said.get("transaction"))
    reason = text_in(said.get("error"))
    ok = status == "ok"
    return Reading([_plain("command_result", message, BRIDGE, request_id=request, ok=ok, label=label, text=reason)])


def _state(message: Message, site: Site, name: str) -> Reading:
    """A device's state as an object. A single field below it (``output: attribute``) is read as one."""
    if not message.payload.strip():
        return Reading([])  # a device that was removed
    said = _decoded(message)
    if isinstance(said, dict):
        return _told(fields(cast("object", said)), message, site, name)
    return _attribute(message, site, name, said)


def _decoded(message: Message) -> object:
    """JSON; or, below a device's name, a bare word. Raises BadMessage."""
    try:
        return _decode_any(message.payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        word = message.payload[: _MAX_WORD + 1].decode("utf-8", "replace")
        if len(word) <= _MAX_WORD and word.isidentifier():
            return word
        raise BadMessage(f"{message.topic}: not JSON: {error}") from error


def _attribute(message: Message, site: Site, name: str, value: object) -> Reading:
    """What stands below a device's name: believed for a field we know, and nothing else.

    ``action`` is left out: for Home Assistant it is repeated so beside the object that has it.
    """
    device, _, field = name.rpartition("/")
    told = read_state({field: value})
    if not device or isinstance(value, list):
        raise BadMessage(f"{message.topic}: no object")
    if field == "action" or not (told.facts or told.at_rest):
        return Reading([])
    return _told({field: value}, message, site, device)


def _told(state: dict[str, Any], message: Message, site: Site, name: str) -> Reading:
    if not state:
        raise BadMessage(f"{message.topic}: an empty state")
    when = _when(state.get("last_seen"), message, site)
    told = read_state(state)
    events, at_rest = ([_event(one, name, message, when) for one in those] for those in (told.facts, told.at_rest))
    if not told.unknown:
        return Reading(events, at_rest=at_rest)
    raw, kept = keep_raw(message, "json")
    return Reading(
        [_event({"kind": "unknown", "raw": raw, "raw_codes": codes(told.unknown)}, name, message, when)], kept
    )


def _event(said: Mapping[str, Any], name: str, message: Message, when: JudgedTime) -> Event:
    return Event(
        device=f"{KIND}:{name}",
        time=when.time,
        time_quality=when.time_quality,
        device_time=when.device_time,
        retained=message.retained,
        **said,
    )


def _when(sent: object, message: Message, site: Site) -> JudgedTime:
    """``last_seen``, where that is set: milliseconds, or ISO 8601 with or without a zone."""
    if isinstance(sent, str) and not sent.strip().isdigit():
        return judged(iso_8601(sent, site.zone), sent, message, site)
    return judged(epoch(sent), sent, message, site)


def encode(command: Command, site: Site, topic_hint: str) -> Publish:
    """``switch.on``, ``switch.off`` (``endpoint``), ``siren.on`` (``seconds``), ``siren.off``. Raises CannotEncode."""
    name = command.device.partition(":")[2]
    if not name or not _NOT_IN_NAMES.isdisjoint(name):
        raise CannotEncode(f"{command.device!r} names no device of Zigbee2MQTT")
    base = topic_hint.partition("/")[0] or _BASE
    return Publish(f"{base}/{name}/set", msgspec.json.encode(_order(command)))


def _order(command: Command) -> dict[str, Any]:
    match command.name:
        case "switch.on" | "switch.off":
            endpoint = text_in(command.args.get("endpoint"))
            return {f"state_{endpoint}" if endpoint else "state": command.name.partition(".")[2].upper()}
        case "siren.on":
            seconds = whole_in(command, "seconds", 1, _MAX_SECONDS, 30)
            return {"warning": {"mode": "emergency", "level": "high", "strobe": True, "duration": seconds}}
        case "siren.off":
            return {"warning": {"mode": "stop", "level": "low", "strobe": False, "duration": 1}}
        case other:
            raise CannotEncode(f"Zigbee2MQTT has no {other!r}; it has siren.off, siren.on, switch.off, switch.on")


def _user(name: str) -> BrokerUser:
    """The bridge alone is at the broker, for all its devices; it is told under each one's name."""
    return BrokerUser(FAMILY, (f"{_BASE}/#",), (f"{_BASE}/{name}/set",))


DRIVER = Driver(
    kind=KIND,
    families=(FAMILY,),
    decode=decode,
    encode=encode,
    topics=MappingProxyType({f"{_BASE}/#": FAMILY}),
    broker_user=_user,
    identity_is_path=True,
    page="zigbee2mqtt.md",
)

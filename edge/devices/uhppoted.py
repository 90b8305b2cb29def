"""UHPPOTE door controllers behind uhppoted-mqtt: events, the daemon's own state, answers to requests."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import msgspec

from domain.events import Event
from edge.devices._fields import codes, decode_json, fields, flag, items, keep_raw, text_in, whole
from edge.devices._uhppoted_commands import encode
from edge.devices._uhppoted_record import KIND, Record, read_record
from edge.devices.driver import BadMessage, BrokerUser, Driver, Message, Reading, Site

FAMILY = "uhppoted-mqtt"
DAEMON = "uhppoted-mqtt"  # its own device: it speaks for controllers and has no number
# What a request changed, by the names of its answers; false: it did not.
_DONE = ("opened", "deleted", "updated", "cleared", "granted", "revoked", "reset")


class _EventBox(Record):
    """The record is in an inner event; daemons of other versions leave the box out."""

    event: Record | None = None


class _Body(msgspec.Struct):
    event: _EventBox | str | None = None
    reply: Any = None
    error: Any = None
    system: Any = None


class _Envelope(msgspec.Struct):
    message: _Body


_decode_envelope = msgspec.json.Decoder(_Envelope).decode


def decode(message: Message, site: Site) -> Reading:
    """What the daemon says. Raises BadMessage."""
    body = decode_json(_decode_envelope, message.payload, "not a message of uhppoted-mqtt").message
    if any(isinstance(part, str) for part in (body.event, body.reply, body.error, body.system)):
        raise BadMessage("encrypted: set mqtt.security.outgoing.encrypt = false in uhppoted.conf")
    if isinstance(body.event, _EventBox):
        live = not message.topic.endswith("/events")
        return Reading(read_record(body.event.event or body.event, message, site, live=live))
    if body.reply is not None or body.error is not None:
        return Reading(_answer(fields(body.reply), fields(body.error), message, site))
    if body.system is not None:
        return _system(fields(body.system), message)
    raise BadMessage("neither event nor reply, error or system in the message")


def _answer(reply: dict[str, Any], error: dict[str, Any], message: Message, site: Site) -> list[Event]:
    """The result of a request, and the records it fetched."""
    response, failure = fields(reply.get("response")), fields(error.get("error"))
    controller, door = whole(response.get("device-id")), whole(response.get("door"))
    request = reply or error
    result = _daemon_event(
        "command_result",
        message,
        device=DAEMON if controller is None else f"{KIND}:{controller}",
        point=f"door/{door}" if door else None,
        request_id=text_in(request.get("request-id")),
        ok=not error and all(flag(response[name]) for name in _DONE if name in response),
        label=text_in(request.get("method")),
        code=text_in(failure.get("code")),
        text=text_in(failure.get("message")),
        raw_codes=codes({key: value for key, value in response.items() if key not in ("event", "events")}),
    )
    return [result, *_fetched(response, message, site)]


def _fetched(response: dict[str, Any], message: Message, site: Site) -> list[Event]:
    """Records of get-event and get-events: what the feed missed."""
    records = items(response.get("event")) + items(response.get("events"))
    found = (msgspec.convert(record, Record) for record in records if isinstance(record, dict))
    return [event for record in found for event in read_record(record, message, site, live=False)]


def _system(system: dict[str, Any], message: Message) -> Reading:
    """Alive once a minute; the daemon sets no will, so that silence alone says it is gone."""
    alive, alert = fields(system.get("alive")), fields(system.get("alert"))
    if alive or "alive" in system:
        return Reading([_daemon_event("availability", message, state="online", reason=text_in(alive.get("subsystem")))])
    raw, kept = keep_raw(message, "json")
    code = "alert" if alert else "system"
    said = text_in(alert.get("message"))
    return Reading([_daemon_event("unknown", message, code=code, text=said, raw=raw, raw_codes=codes(system))], kept)


def _daemon_event(kind: str, message: Message, device: str = DAEMON, **rest: Any) -> Event:
    """The daemon dates nothing but its controllers' events."""
    return Event(kind=kind, device=device, time_quality="gateway", retained=message.retained, **rest)


_TOPICS = MappingProxyType(
    {
        "uhppoted/gateway/events": FAMILY,
        "uhppoted/gateway/events/live": FAMILY,
        "uhppoted/gateway/system": FAMILY,
        "uhppoted/gateway/replies/#": FAMILY,
        "uhppoted/reply/#": FAMILY,
    }
)


def _user(controller: str) -> BrokerUser:
    """Controllers speak UDP to the daemon; it alone is at the broker, for all of them."""
    return BrokerUser(DAEMON, tuple(_TOPICS), ("uhppoted/gateway/requests/#",))


DRIVER = Driver(
    kind=KIND,
    families=(FAMILY,),
    decode=decode,
    encode=encode,
    topics=_TOPICS,
    broker_user=_user,
    page="uhppoted.md",
)

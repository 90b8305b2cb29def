"""The envelope of Vzenith's MQTT protocol: whose message it is, what it is called, when it was sent."""

from __future__ import annotations

from typing import Any

import msgspec

from domain.events import Event
from edge.devices._fields import decode_json, fields, text_in
from edge.devices._times import epoch, judged
from edge.devices.driver import BadMessage, Message, Site

KIND = "vzenith"
_PADDING = b"\0 \t\r\n"  # keep_alive may begin with a NUL


class Envelope(msgspec.Struct):
    """What stands around every payload, as sent."""

    id: Any = None
    sn: Any = None
    name: Any = None
    timestamp: Any = None
    code: Any = None  # in replies only
    payload: msgspec.Raw = msgspec.Raw(b"null")


_decode_envelope = msgspec.json.Decoder(Envelope).decode
_decode_any = msgspec.json.Decoder().decode


class Heard(msgspec.Struct, frozen=True):
    """A message with its envelope opened."""

    message: Message
    site: Site
    envelope: Envelope
    device: str
    name: str
    is_reply: bool
    base64_texts: bool = True  # over HTTP they are plain

    def event(self, kind: str, sent_at: object = None, **rest: Any) -> Event:
        """An event at the time of the envelope, or at ``sent_at`` where the payload has a time of its own."""
        sent = sent_at or self.envelope.timestamp
        when = judged(epoch(sent), sent, self.message, self.site)
        return Event(
            kind=kind,
            device=self.device,
            time=when.time,
            time_quality=when.time_quality,
            device_time=when.device_time,
            retained=self.message.retained,
            **rest,
        )

    def numbered_event(self, kind: str, index: int = 0, **rest: Any) -> Event:
        """An event named by the number of its message, where its time in seconds would not tell it from the next.

        ``index`` is its place in the message. The time joins the name: no source says how long the numbers last.
        """
        number = text_in(self.envelope.id)
        event = self.event(kind, **rest)
        event.source_event_id = f"{number}/{index}" if number and index else number
        event.counter_restarts = number is not None
        return event

    @property
    def payload(self) -> Any:
        """The payload as plain JSON. Raises BadMessage."""
        return decode_json(_decode_any, bytes(self.envelope.payload), f"payload of {self.name}")

    @property
    def body(self) -> dict[str, Any]:
        """The payload's inner object; some firmware leaves it out."""
        payload = fields(self.payload)
        return fields(payload.get("body")) or payload


def open_envelope(message: Message, site: Site) -> Heard:
    """Raises BadMessage where the bytes are no envelope, or it is nobody's."""
    payload = message.payload if message.payload[:1] == b"{" else message.payload.strip(_PADDING)
    envelope = decode_json(_decode_envelope, payload, "not an envelope of Vzenith's MQTT protocol")
    serial, name, is_reply = _address(envelope, message.topic)
    return Heard(message, site, envelope, f"{KIND}:{serial}", name, is_reply)


def _address(envelope: Envelope, topic: str) -> tuple[str, str, bool]:
    """Serial number, name of the message, whether it is a reply: as the envelope says, else as the topic does."""
    head, at, tail = topic.partition("/message/")
    ends, names = head.split("/"), tail.split("/")
    serial = text_in(envelope.sn) or (text_in(ends[0] if ends[-1] == "device" else ends[-1]) if at else None)
    name = text_in(envelope.name) or (text_in(names[1]) if len(names) > 1 else None)
    if serial is None or name is None:
        missing = "sn" if serial is None else "name"
        raise BadMessage(f"no {missing} in the envelope, and none in the topic {topic!r}")
    return serial, name, names[-1] == "reply" if at else envelope.code is not None

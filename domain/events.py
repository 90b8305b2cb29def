"""The canonical event: what every driver makes of its device's messages, and which stream it travels in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal, get_args

import msgspec

Kind = Literal[
    "access",
    "door",
    "plate",
    "barrier",
    "detection",
    "alarm",
    "input",
    "measurement",
    "charging",
    "availability",
    "command_result",
    "passthrough",
    "unknown",
]
Stream = Literal["urgent", "money", "routine"]
TimeQuality = Literal["ok", "assumed_zone", "gateway", "replay", "device_clock_bad", "unsynced"]
Phase = Literal["instant", "start", "update", "end"]
Direction = Literal["in", "out", "unknown"]

KINDS: tuple[str, ...] = get_args(Kind)
STREAMS: tuple[Stream, ...] = get_args(Stream)

# A plate that is looked for was read. It is for whoever looks for it, so it is no kind that people choose from.
WATCH_HIT = "watch_hit"
CONFIDENTIAL = frozenset({WATCH_HIT})  # what no view, rule or feed ever gets unless it is made for it
_OLD_HIT = "plate_watched"  # the alarm by which gateways once told it to everybody

_MONEY_KINDS = frozenset({"plate", "barrier", "charging"})
_URGENT_DOOR_STATES = frozenset({"forced_open", "held_open"})


class Subject(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """Whom or what an event is about."""

    type: str  # plate | card | person | pin | qr | object
    id: str | None = None  # the normalised plate, the card number; None where it was not read
    name: str | None = None
    plate_color: str | None = None  # blue yellow white black green yellow_green unknown
    plate_status: str | None = None  # read | no_plate | unreadable | encrypted | suspect_fake
    facility: int | None = None  # the two halves of a card's number, where its format has them
    number: int | None = None
    valid: bool | None = None  # whether a read plate fits the grammar of domain/plates
    person_id: str | None = None  # the device's own number of the person whose card it is


class Media(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """A picture named by its content, or a device's own reference to one; never the picture itself."""

    role: str  # scene | plate | face | thumbnail | clip
    type: str | None = None  # media type, "image/jpeg"
    bytes: int | None = None  # size
    sha256: str | None = None  # its name beside the log
    ref: str | None = None  # the device's own path or URL


class Raw(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The message an unknown event came from, kept by content hash."""

    encoding: str
    sha256: str
    ref: str | None = None


class Event(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """A fact from a device. Field names are those of docs/events.md; times are aware UTC.

    Outside the garbage collector's count (it can hold no cycle): thousands a second are made and dropped.
    """

    kind: str
    device: str  # <driver kind>:<vendor identity>
    time: datetime | None = None  # the device's; None where it gave none (then recorded_at counts)
    time_quality: str = "ok"
    device_time: str | None = None  # as sent, where it was corrected or refused
    recorded_at: datetime | None = None  # the gateway's; set by intake
    channel: str | None = None
    point: str | None = None  # door/1, reader/0, input/3
    lane: str | None = None
    place: str | None = None  # the building or gate in the complex, from the device list
    source_event_id: str | None = None
    counter_restarts: bool = False  # the device's numbers begin again after a reboot
    seq: int | None = None
    retained: bool = False
    phase: str = "instant"
    ended_at: datetime | None = None
    subject: Subject | None = None
    result: str | None = None  # granted | denied | pending | unknown
    method: str | None = None  # card | face | fingerprint | pin | qr | remote | button
    reason: str | None = None
    reason_code: str | None = None
    direction: str | None = None  # in | out | unknown: what it means for the site
    travel: str | None = None  # approaching | departing | forward | reverse | left | right | unknown
    alarm: str | None = None
    state: str | None = None
    confidence: float | None = None  # 0..1
    severity: str | None = None
    zones: list[str] = []
    rule: str | None = None
    label: str | None = None
    media: list[Media] = []
    metrics: dict[str, float] = {}
    trigger: str | None = None
    value: int | float | str | bool | None = None
    text: str | None = None
    code: str | None = None
    state_code: int | str | None = None
    request_id: str | None = None
    ok: bool | None = None
    link: str | None = None
    serial: str | None = None
    bytes: int | None = None
    raw: Raw | None = None
    raw_codes: dict[str, Any] = {}
    ext: dict[str, Any] = {}

    @property
    def occurred_at(self) -> datetime:
        """The device's time, or the gateway's where the device gave none."""
        time = self.time or self.recorded_at
        if time is None:
            raise ValueError(f"event of {self.device} has neither a device time nor a time of recording")
        return time


encode_event = msgspec.json.Encoder().encode
decode_event = msgspec.json.Decoder(Event).decode


def stream_of(event: Event) -> Stream:
    """The stream an event travels in: alarms and answers first, money apart, the rest behind."""
    match event.kind:
        case "alarm" | "command_result" | "watch_hit":
            return "urgent"
        case "door" if event.state in _URGENT_DOOR_STATES:
            return "urgent"
        case "access" if event.result == "denied":
            return "urgent"
        case kind if kind in _MONEY_KINDS:
            return "money"
        case _:
            return "routine"


def is_replay(event: Event) -> bool:
    """A stored or retained record: kept, but it never acts on a door or a barrier."""
    return event.time_quality == "replay" or event.retained


def is_confidential(event: Event) -> bool:
    """Whether nobody may hear of it but those it is for."""
    return event.kind in CONFIDENTIAL or event.alarm == _OLD_HIT


def is_unsure(event: Event) -> bool:
    """Whether its time rests on a gateway's clock that nobody had vouched for."""
    return event.time_quality == "unsynced"


def utc_ms(time: datetime) -> str:
    """``2026-03-01T00:15:30.000Z``."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_plain(event: Event) -> dict[str, Any]:
    """An event as a JSON object for people and scripts: times in milliseconds, absent fields left out.

    ``time``, ``time_quality`` and ``phase`` always stand in it, so that a null time is said, not implied.
    """
    plain: dict[str, Any] = msgspec.to_builtins(event, builtin_types=(datetime,))
    head = {"kind": event.kind, "device": event.device, "time": event.time, "time_quality": event.time_quality}
    return {key: _plain_time(value) for key, value in {**head, "phase": event.phase, **plain}.items()}


def _plain_time(value: Any) -> Any:
    return utc_ms(value) if isinstance(value, datetime) else value

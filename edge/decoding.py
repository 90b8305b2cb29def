"""One message to what a commit will hold: entries and pictures, or the message parked. Nothing here can raise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import msgspec
import structlog

from domain.events import Event, is_replay, stream_of
from edge.clock import Clock
from edge.device_list import DeviceList, UnknownDevice
from edge.devices.driver import BadMessage, Message, Picture, Registry, Site
from edge.entries import NotAnEvent, entry_of
from edge.flood import FloodLimit
from edge.media import is_picture
from edge.parked import FLOOD, TOO_LARGE, Parked
from edge.state_filter import StateFilter
from eventlog.log import Entry

log = structlog.get_logger()

_SHOWN_BYTES = 64 * 1024
_SAMPLE_BYTES = 1024
_MAX_EVENTS = 5_000  # of one message; more is a driver gone mad
_PARKED_STREAM = "parked"


class Group(msgspec.Struct):
    """What one commit will hold."""

    entries: list[Entry] = []
    pictures: list[Picture] = []
    parked: list[Parked] = []


class Decoding:
    """Every message by itself: what breaks is parked with its bytes, who floods is limited, the rest goes on."""

    def __init__(
        self,
        registry: Registry,
        devices: DeviceList,
        site: Site,
        clock: Clock,
        flood: FloodLimit,
        message_bytes: int,
        counts: Counter[str],
    ) -> None:
        self._registry, self._devices, self._site, self._clock = registry, devices, site, clock
        self._flood, self._message_bytes, self._counts = flood, message_bytes, counts
        self._states = StateFilter()

    def take(self, message: Message, group: Group, *, limited: bool = True) -> None:
        """Add what the message says to the group. ``limited``: a source that floods is dropped from."""
        received_at = message.received_at
        if received_at is None:
            received_at = self._clock.now()
            message = msgspec.structs.replace(message, received_at=received_at, gateway_clock=self._clock.state)
        # A broker's backlog of an outage comes at full speed, and is no flood.
        one = _One(message, received_at, limited=limited and message.queued_since is None)
        if len(message.payload) > self._message_bytes:
            one = msgspec.structs.replace(one, message=_beginning(message, _SHOWN_BYTES))
            self._park(group, one, TOO_LARGE, f"{len(message.payload)} bytes")
            return
        self._decode(one, group)

    def _decode(self, one: _One, group: Group) -> None:
        new: list[Event] = []
        try:
            reading = self._registry.decode(_for_driver(one.message), self._site)
            dropped = self._sift(reading.events, one, new)
            entries = [entry_of(_stamped(event, one), self._site.zone) for event in new]
            pictures = _checked(reading.pictures)
        except (BadMessage, UnknownDevice) as error:
            reason = "undecodable" if isinstance(error, BadMessage) else "unknown_device"
            self._give_up(one, group, new, reason, str(error))
        except Exception as error:  # noqa: BLE001 - a driver's defect: parked with its bytes and shown; others go on
            log.error("driver_failed", family=one.message.family, topic=one.message.topic, error=repr(error)[:500])
            self._give_up(one, group, new, "driver_failed", repr(error))
        else:
            group.entries += entries
            group.pictures += pictures if not dropped else _named(pictures, new)
            if dropped:
                self._note_flood(one, group, dropped)

    def _sift(self, events: Sequence[Event], one: _One, new: list[Event]) -> str:
        """Put into ``new`` what says something new and is within its bucket; the device of what is not, or ""."""
        dropped = ""
        if len(events) > _MAX_EVENTS:
            raise NotAnEvent(f"{len(events)} events in one message; at most {_MAX_EVENTS}")
        for event in events:
            self._devices.place(event)
            if not self._states.changes(event):
                self._counts["unchanged"] += 1
            elif one.limited and not self._within_bucket(event):
                self._states.forget(event)  # not in the log: said again, it is new
                dropped = event.device
            else:
                new.append(event)
        return dropped

    def _within_bucket(self, event: Event) -> bool:
        """A device that plays back its memory does so at full speed, and is no flood."""
        return is_replay(event) or self._flood.allows(event.device, stream_of(event), self._clock.monotonic_s())

    def _note_flood(self, one: _One, group: Group, source: str) -> None:
        """Count it; of the first of a flood a sample is kept."""
        self._counts[FLOOD] += 1
        if self._flood.dropped(source, self._clock.monotonic_s()):
            log.warning("flood", source=source)
            sample = _beginning(one.message, _SAMPLE_BYTES)
            group.parked.append(Parked.of(sample, one.received_at, FLOOD, f"{source} says more than its bucket holds"))

    def _give_up(self, one: _One, group: Group, new: list[Event], reason: str, detail: str) -> None:
        for event in new:
            self._states.forget(event)
        self._park(group, one, reason, detail)

    def _park(self, group: Group, one: _One, reason: str, detail: str) -> None:
        self._counts[reason] += 1
        source, now_s = f"topic {one.message.topic}", self._clock.monotonic_s()
        if one.limited and not self._flood.allows(source, _PARKED_STREAM, now_s):
            self._counts[FLOOD] += 1
            self._flood.dropped(source, now_s)
            return
        group.parked.append(Parked.of(one.message, one.received_at, reason, detail))


class _One(msgspec.Struct, frozen=True, gc=False):
    """A message on its way, when it came, and whether it can be limited."""

    message: Message
    received_at: datetime
    limited: bool


def _for_driver(message: Message) -> Message:
    """No device's clock is held against one that is wrong beyond doubt."""
    return message if message.gateway_clock != "wrong" else msgspec.structs.replace(message, received_at=None)


def _stamped(event: Event, one: _One) -> Event:
    """The event as recorded; where its time rests on a clock that nobody vouched for, that is said."""
    event.recorded_at = one.received_at
    if one.message.gateway_clock != "confirmed" and event.time_quality != "replay":
        rests_on_ours = event.time is None or one.message.gateway_clock == "unsynced"
        event.time_quality = "unsynced" if rests_on_ours else event.time_quality
    return event


def _checked(pictures: list[Picture]) -> list[Picture]:
    """Raises NotAnEvent: a name becomes a file's."""
    for picture in pictures:
        if not is_picture(picture):
            raise NotAnEvent(f"a picture that is none: {picture.sha256!r:.80}")
    return pictures


def _named(pictures: list[Picture], events: list[Event]) -> list[Picture]:
    """The pictures that the events that are kept name; those of dropped ones are not stored."""
    names = {media.sha256 for event in events for media in event.media}
    names |= {event.raw.sha256 for event in events if event.raw}
    return [picture for picture in pictures if picture.sha256 in names]


def _beginning(message: Message, size_bytes: int) -> Message:
    """As much of a message as a person needs to see what it was."""
    return msgspec.structs.replace(message, payload=message.payload[:size_bytes])

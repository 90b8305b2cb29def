"""One message to what a commit will hold: entries and pictures, or the message parked. Nothing here can raise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from domain.events import STREAMS, Event, Stream, is_replay, stream_of
from edge.clock import Clock
from edge.devices.driver import BadMessage, Message, Picture, Registry, Site
from edge.intake.device_list import DeviceList, UnknownDevice
from edge.intake.entries import NotAnEvent, entry_of
from edge.intake.flood import FloodLimit
from edge.intake.last_seen import LastSeen
from edge.intake.parked import DRIVER_FAILED, FLOOD, TOO_LARGE, UNDECODABLE, UNKNOWN_DEVICE, Parked
from edge.intake.state_filter import StateFilter
from edge.store.media import Kept, is_picture
from eventlog.log import Entry

_SHOWN_BYTES = 64 * 1024
_SAMPLE_BYTES = 1024
_MAX_EVENTS = 5_000  # of one message; more is a driver gone mad
_PARKED_STREAM = "parked"


class Group(msgspec.Struct):
    """What one commit will hold."""

    entries: list[Entry] = []
    pictures: list[Kept] = []
    parked: list[Parked] = []


class Heard(msgspec.Struct, frozen=True, gc=False):
    """What one message says, or why it says nothing: a reason to park it by, and a sentence."""

    message: Message
    events: list[Event] = []
    pictures: list[Picture] = []
    at_rest: list[Event] = []
    refused: tuple[str, str] | None = None


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
        seen: LastSeen,
    ) -> None:
        self._registry, self._devices, self._site, self._clock = registry, devices, site, clock
        self._flood, self._message_bytes, self._counts, self._seen = flood, message_bytes, counts, seen
        self._states = StateFilter()

    def hear(self, message: Message) -> Heard:
        """What a message says, its events placed; nothing is remembered or counted of it yet."""
        if message.received_at is None:
            message = msgspec.structs.replace(message, received_at=self._clock.now(), gateway_clock=self._clock.state)
        if len(message.payload) > self._message_bytes:
            beginning = _beginning(message, _SHOWN_BYTES)
            return Heard(beginning, refused=(TOO_LARGE, f"{len(message.payload)} bytes"))
        try:
            reading = self._registry.decode(_for_driver(message), self._site)
            return Heard(message, self._placed(reading.events), reading.pictures, self._placed(reading.at_rest))
        except BadMessage as error:
            return Heard(message, refused=(UNDECODABLE, _said(error)))
        except UnknownDevice as error:
            return Heard(message, refused=(UNKNOWN_DEVICE, _said(error)))
        except Exception as error:  # noqa: BLE001 - a driver's defect: parked with its bytes and shown; others go on
            return Heard(message, refused=(DRIVER_FAILED, _said(error)))

    def _placed(self, events: list[Event]) -> list[Event]:
        if len(events) > _MAX_EVENTS:
            raise NotAnEvent(f"{len(events)} events in one message; at most {_MAX_EVENTS}")
        for event in events:
            self._devices.place(event)
        return events

    def take(self, heard: Heard, group: Group, *, limited: bool = True) -> None:
        """Add what a message says to the group. ``limited``: a source that floods is dropped from."""
        # A broker's backlog of an outage comes at full speed, and is no flood.
        limited = limited and heard.message.queued_since is None
        if heard.refused is not None:
            self._park(group, heard.message, *heard.refused, limited=limited)
            return
        new: list[Event] = []
        try:
            self._gather(heard, group, new, limited=limited)
        except Exception as error:  # noqa: BLE001 - a driver's defect: parked with its bytes and shown; others go on
            self._give_up(new)
            self._park(group, heard.message, DRIVER_FAILED, _said(error), limited=limited)

    def _gather(self, heard: Heard, group: Group, new: list[Event], *, limited: bool) -> None:
        """All or nothing: the group is touched once nothing can fail any more."""
        message = heard.message
        settled = [event for event in heard.at_rest if self._states.settles(event)]
        dropped = self._sift(heard.events, new, limited=limited)
        new += settled  # no more of them than of what they end
        for event in new:
            _stamp(event, message)
        entries = [entry_of(event, self._site.zone) for event in new]
        for event in (*heard.events, *heard.at_rest):  # those that say nothing new are a sign of life too
            self._seen.note(event, message.received_at or self._clock.now())
        if heard.pictures:
            pictures = _checked(heard.pictures)
            group.pictures += _kept(_named(pictures, new) if dropped else pictures, new)
        group.entries += entries
        if dropped:
            self._note_flood(message, group, dropped)

    def _sift(self, events: Sequence[Event], new: list[Event], *, limited: bool) -> str:
        """Put into ``new`` what says something new and is within its bucket; the device of what is not, or ""."""
        dropped = ""
        for event in events:
            if not self._states.changes(event):
                self._counts["unchanged"] += 1
            elif limited and not self._within_bucket(event):
                self._states.forget(event)  # not in the log: said again, it is new
                dropped = event.device
            else:
                new.append(event)
        return dropped

    def _within_bucket(self, event: Event) -> bool:
        """A device that plays back its memory does so at full speed, and is no flood."""
        return is_replay(event) or self._flood.allows(event.device, stream_of(event), self._clock.monotonic_s())

    def _note_flood(self, message: Message, group: Group, source: str) -> None:
        """Count it; of the first of a flood a sample is kept."""
        self._counts[FLOOD] += 1
        if self._flood.dropped(source, self._clock.monotonic_s()):
            sample = _beginning(message, _SAMPLE_BYTES)
            group.parked.append(Parked.of(sample, FLOOD, f"{source} says more than its bucket holds"))

    def _give_up(self, new: list[Event]) -> None:
        for event in new:
            self._states.forget(event)

    def _park(self, group: Group, message: Message, reason: str, detail: str, *, limited: bool) -> None:
        source, now_s = f"topic {message.topic}", self._clock.monotonic_s()
        if limited and not self._flood.allows(source, _PARKED_STREAM, now_s):
            self._counts[FLOOD] += 1
            self._flood.dropped(source, now_s)
            return
        self._counts[reason] += 1
        group.parked.append(Parked.of(message, reason, detail))


def _said(error: Exception) -> str:
    """What an error says of itself; a driver's own may fail even at that."""
    try:
        return str(error) if isinstance(error, BadMessage | UnknownDevice) else repr(error)
    except Exception:  # noqa: BLE001 - the error of an error: its type must do
        return type(error).__name__


def _for_driver(message: Message) -> Message:
    """No device's clock is held against one that is wrong beyond doubt."""
    return message if message.gateway_clock != "wrong" else msgspec.structs.replace(message, received_at=None)


def _stamp(event: Event, message: Message) -> None:
    """When it was recorded; where its time rests on a clock that nobody vouched for, that is said."""
    event.recorded_at = message.received_at
    if message.gateway_clock == "confirmed" or event.time_quality == "replay":
        return
    if event.time is None or message.gateway_clock == "unsynced":
        event.time_quality = "unsynced"


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


def _kept(pictures: list[Picture], events: list[Event]) -> list[Kept]:
    """Each picture with the most urgent stream of the events that name it."""
    streams: dict[str, Stream] = {}
    for event in events:
        for media in event.media:
            if media.sha256:
                both: tuple[Stream, Stream] = (stream_of(event), streams.get(media.sha256, "routine"))
                streams[media.sha256] = min(both, key=STREAMS.index)
    return [Kept(picture, streams.get(picture.sha256, "routine")) for picture in pictures]


def _beginning(message: Message, size_bytes: int) -> Message:
    """As much of a message as a person needs to see what it was."""
    return msgspec.structs.replace(message, payload=message.payload[:size_bytes])

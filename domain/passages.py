"""A passage: one car seen at one lane, as parking folds it; made from an event of kind plate and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from domain.events import Direction, Event, Media, Subject, is_replay, is_unsure
from domain.plates import COLORS, PlateColor, canonical

FoldKey = tuple[datetime, bytes]

_WITH_NUMBER = frozenset({"read", "suspect_fake"})
_ONLY_ASKED = frozenset({"pending", "denied"})
_CLOCK_AHEAD = timedelta(minutes=2)  # no read happens so long after it was recorded
_TOLD_AT_ONCE = timedelta(minutes=10)  # a read recorded later than this lay in a queue: it says nothing of clocks
_STEP = timedelta(seconds=5)
_ROLES = ("scene", "plate")  # the whole car shows a person more than the cut-out


class Passage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A car at a lane. ``id`` is the event's, 16 bytes; ``plate`` is canonical, "" where it was not read.

    A plate is number and colour, but cameras lose the colour far more often than the number: the number alone is the
    key that passages are folded by, and two different known colours within a session are noted there as an anomaly.
    """

    id: bytes
    plate: str
    plate_color: PlateColor = "unknown"
    plate_status: str = "read"  # read | no_plate | unreadable | encrypted | suspect_fake | tailgate
    lane: str
    direction: Direction = "unknown"
    occurred_at: datetime
    device: str
    confidence: float | None = None  # 0..1
    picture: str | None = None  # sha256, 64 hex digits
    replay: bool = False
    unsure: bool = False  # when it happened rests on a clock that nobody had vouched for
    recorded_at: datetime | None = None  # by the gateway's clock; None where it says nothing of the device's
    clock_bad: bool = False  # the device's clock could not be believed
    maybe: str = ""  # of a tailgate: the plate that was read of a car that nobody let through; it may have waited

    @property
    def key(self) -> FoldKey:
        """The order of folding: when it happened, then the id. Arrival plays no part."""
        return (self.occurred_at, self.id)


def passage_of(event: Event, event_id: bytes) -> Passage | None:
    """The passage an event states, or None for what is none. Raises ValueError for an event without a time.

    A device without a configured lane is a lane of its own. A read by which a car only asked at a lane that its
    gateway decides is none: the car that is let through later is an event of its own. A car that drove through behind
    another is one, of a plate that a person must say: that it was read there does not show that it went.
    """
    is_behind = _is_behind_another(event)
    if not is_behind and (event.kind != "plate" or event.result in _ONLY_ASKED):
        return None
    subject = event.subject or Subject(type="plate")
    status = "tailgate" if is_behind else subject.plate_status or ("read" if subject.id else "unreadable")
    number = canonical(subject.id) if subject.id else ""
    return Passage(
        id=event_id,
        plate=number if status in _WITH_NUMBER else "",
        maybe=number if is_behind else "",
        plate_color=_color(subject.plate_color),
        plate_status=status,
        lane=event.lane or event.device,
        direction=_direction(event.direction),
        occurred_at=event.occurred_at,
        device=event.device,
        confidence=event.confidence,
        picture=picture_of(event.media),
        replay=is_replay(event),
        unsure=is_unsure(event),
        recorded_at=_recorded_at(event),
        clock_bad=event.time_quality == "device_clock_bad" or _is_ahead(event),
    )


def _is_behind_another(event: Event) -> bool:
    """Whether a lane says that a car went through without an opening of its own."""
    is_alarm = event.kind == "alarm" and event.alarm == "tailgating"
    return is_alarm and bool(event.lane) and event.state not in ("cleared", "test")


def _recorded_at(event: Event) -> datetime | None:
    if is_replay(event) or event.recorded_at is None or event.recorded_at - event.occurred_at > _TOLD_AT_ONCE:
        return None
    return event.recorded_at


def _is_ahead(event: Event) -> bool:
    return event.recorded_at is not None and event.occurred_at - event.recorded_at > _CLOCK_AHEAD


def stepped_back(earlier: Passage, later: Passage) -> bool:
    """Whether ``later``, by the devices' clocks, was recorded before ``earlier``: one of two clocks was stepped."""
    if earlier.recorded_at is None or later.recorded_at is None:
        return False
    return earlier.recorded_at - later.recorded_at > _STEP


def once_each(passages: Iterable[Passage]) -> list[Passage]:
    """The passages in order of folding, each id once (``preferred`` of its copies)."""
    kept: dict[bytes, Passage] = {}
    for passage in passages:
        kept[passage.id] = preferred(kept.get(passage.id, passage), passage)
    return sorted(kept.values(), key=lambda passage: passage.key)


def preferred(a: Passage, b: Passage) -> Passage:
    """What two copies of one id come to: that of the earlier time, then that whose encoding sorts first, with a picture
    where either has one.

    Copies differ where a record was sent again after its clock was corrected, and where a camera sends the pictures
    in a second message; no order of arrival changes what they come to.
    """
    pictures = [one.picture for one in (a, b) if one.picture is not None]
    return replace(min(a, b, key=_preference), picture=min(pictures, default=None))


def _preference(passage: Passage) -> tuple[datetime, bytes]:
    return (passage.occurred_at, msgspec.json.encode(replace(passage, picture=None)))


def _color(word: str | None) -> PlateColor:
    return word if word in COLORS else "unknown"


def _direction(word: str | None) -> Direction:
    match word:
        case "in" | "out":
            return word
        case _:
            return "unknown"


def picture_of(media: list[Media]) -> str | None:
    """The picture that shows a person most; None where none was kept."""
    kept = {entry.role: entry.sha256 for entry in reversed(media) if entry.sha256}
    first = next((kept[role] for role in _ROLES if role in kept), None)
    return first or next(reversed(kept.values()), None)

"""A passage: one car seen at one lane, as parking folds it; made from an event of kind plate and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec.structs import replace

from domain.events import Direction, Event, Media, Subject, is_replay, is_unsure
from domain.plates import COLORS, PlateColor, canonical

FoldKey = tuple[datetime, bytes]

_WITH_NUMBER = frozenset({"read", "suspect_fake"})
_ONLY_ASKED = frozenset({"pending", "denied"})
_ROLES = ("scene", "plate")  # the whole car shows a person more than the cut-out


class Passage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A car at a lane. ``id`` is the event's, 16 bytes; ``plate`` is canonical, "" where it was not read.

    A plate is number and colour, but cameras lose the colour far more often than the number: the number alone is the
    key that passages are folded by, and two different known colours within a session are noted there as an anomaly.
    """

    id: bytes
    plate: str
    plate_color: PlateColor = "unknown"
    plate_status: str = "read"  # read | no_plate | unreadable | encrypted | suspect_fake
    lane: str
    direction: Direction = "unknown"
    occurred_at: datetime
    device: str
    confidence: float | None = None  # 0..1
    picture: str | None = None  # sha256, 64 hex digits
    replay: bool = False
    unsure: bool = False  # when it happened rests on a clock that nobody had vouched for

    @property
    def key(self) -> FoldKey:
        """The order of folding: when it happened, then the id. Arrival plays no part."""
        return (self.occurred_at, self.id)


def passage_of(event: Event, event_id: bytes) -> Passage | None:
    """The passage an event states, or None for every kind but plate. Raises ValueError for an event without a time.

    A device without a configured lane is a lane of its own. A read by which a car only asked at a lane that its
    gateway decides is none: the car that is let through later is an event of its own.
    """
    if event.kind != "plate" or event.result in _ONLY_ASKED:
        return None
    subject = event.subject or Subject(type="plate")
    status = subject.plate_status or ("read" if subject.id else "unreadable")
    return Passage(
        id=event_id,
        plate=canonical(subject.id) if subject.id and status in _WITH_NUMBER else "",
        plate_color=_color(subject.plate_color),
        plate_status=status,
        lane=event.lane or event.device,
        direction=_direction(event.direction),
        occurred_at=event.occurred_at,
        device=event.device,
        confidence=event.confidence,
        picture=_picture(event.media),
        replay=is_replay(event),
        unsure=is_unsure(event),
    )


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


def _picture(media: list[Media]) -> str | None:
    kept = {entry.role: entry.sha256 for entry in reversed(media) if entry.sha256}
    first = next((kept[role] for role in _ROLES if role in kept), None)
    return first or next(reversed(kept.values()), None)

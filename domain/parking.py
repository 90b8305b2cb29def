"""Sessions: the passages of one plate folded into stays, the same whatever order and however often they arrive."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from domain.ids import derive
from domain.passages import FoldKey, Passage, once_each
from domain.plates import PlateColor, colors_agree, compare

State = Literal["inside", "exited", "lost_exit", "no_entry"]
AnomalyKind = Literal[
    "no_entry",  # left without having come in
    "duplicate_entry",  # came in again while inside: this session ends as lost_exit
    "direction_unknown",  # a read that says neither in nor out
    "color_differs",  # another known colour than the session's
    "suspect_fake",  # the camera takes the plate for a fake
    "replayed",  # the entry or the exit was a stored record, told late
    "time_unsure",  # the time of the entry or the exit rests on a clock that nobody had vouched for
]

REPEAT_S = 60


class Anomaly(msgspec.Struct, frozen=True, gc=False):
    """What a person should look at, and the passage that shows it."""

    kind: AnomalyKind
    passage: bytes


class Session(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A stay. ``id`` is derived from the passage that began it, so that no rebuild names it anew.

    ``other_ids`` are passages that neither began nor ended it: repeats and reads without a direction.
    """

    id: bytes
    plate: str
    color: PlateColor
    state: State
    entry_id: bytes | None = None
    exit_id: bytes | None = None
    entered_at: datetime | None = None
    exited_at: datetime | None = None
    entry_lane: str | None = None
    exit_lane: str | None = None
    other_ids: tuple[bytes, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()

    @property
    def key(self) -> FoldKey:
        """Time and id of the passage that began it: sessions of a plate follow each other by this key."""
        time, passage = self.entered_at or self.exited_at, self.entry_id or self.exit_id
        if time is None or passage is None:
            raise ValueError(f"session {self.id.hex()} has neither an entry nor an exit")
        return (time, passage)

    @property
    def passage_ids(self) -> tuple[bytes, ...]:
        """Every passage of this session."""
        return tuple(found for found in (self.entry_id, self.exit_id) if found is not None) + self.other_ids


class Candidate(msgspec.Struct, frozen=True):
    """A car inside whose plate is near a reading at the exit."""

    session: Session
    distance: float


def session_id(passage_id: bytes) -> bytes:
    """The id of the session that a passage began. 16 bytes."""
    return derive("session", passage_id.hex())


def fold(passages: Iterable[Passage], *, repeat_s: int = REPEAT_S) -> list[Session]:
    """The sessions of one plate, in order. Raises ValueError for passages of several plates or of none.

    A read in the same lane within ``repeat_s`` of the one before is a repeat of the entry; an entry while inside ends
    the old session as ``lost_exit``; a read at any exit within ``repeat_s`` of the one before is a repeat of the exit;
    an exit while outside is a session of its own. A read without a direction neither begins nor ends anything.
    """
    ordered = once_each(passages)
    _check_one_plate(ordered)
    sessions: list[_Stay] = []
    for passage in ordered:
        _take(passage, sessions, repeat_s)
    return [stay.freeze() for stay in sessions]


def exceptions(passages: Iterable[Passage], sessions: Iterable[Session]) -> list[Passage]:
    """The passages in none of the sessions, in order: not read, or without a direction while no car was inside."""
    known = {found for session in sessions for found in session.passage_ids}
    return [passage for passage in once_each(passages) if passage.id not in known]


def fold_start(sessions: Iterable[Session], new: Iterable[Passage]) -> FoldKey | None:
    """From where to fold again when ``new`` passages arrive at a plate's ``sessions``; None: from the beginning.

    It is the key of the last session begun before the earliest new passage. Keep the sessions before it, fold all
    passages (old and new) whose key is not before it: that equals folding everything, because nothing a session holds
    depends on what came before its first passage. A copy of an id already kept is new only where
    ``passages.preferred`` chooses it, and then replaces the one kept, which may have begun a session: hence not "at".
    """
    earliest = min((passage.key for passage in new), default=None)
    begun = (session.key for session in sessions)
    return max((key for key in begun if earliest is None or key < earliest), default=None)


def near_matches(plate: str, inside: Iterable[Session], limit: float = 1.0) -> list[Candidate]:
    """The sessions whose plate is within ``limit`` of a reading (domain.plates.compare), nearest and oldest first.

    The caller gives the cars inside that could come out at this lane.
    """
    found = (Candidate(session, compare(plate, session.plate)) for session in inside)
    return sorted(
        (candidate for candidate in found if candidate.distance <= limit),
        key=lambda candidate: (candidate.distance, candidate.session.key),
    )


def sure_match(plate: str, color: PlateColor, inside: Iterable[Session], limit: float = 1.0) -> Candidate | None:
    """The one candidate that may be billed without a person: the only one near, its colour known and the same."""
    near = near_matches(plate, inside, limit)
    if len(near) != 1 or color == "unknown" or near[0].session.color != color:
        return None
    return near[0]


class _Stay:
    """A session while it is folded."""

    def __init__(self, first: Passage) -> None:
        self.first = first
        self.entry = first if first.direction == "in" else None
        self.exit = None if first.direction == "in" else first
        self.last_read = first  # the last read of the entry, then of the exit
        self.state: State = "inside" if self.entry else "no_entry"
        self.color: PlateColor = "unknown"
        self.others: list[bytes] = []
        self.anomalies: list[Anomaly] = [] if self.entry else [Anomaly("no_entry", first.id)]
        self._note(first)

    def leave(self, passage: Passage) -> None:
        self.exit = self.last_read = passage
        self.state = "exited"
        self._note(passage)

    def lose(self, reentry: Passage) -> None:
        self.state = "lost_exit"
        self.anomalies.append(Anomaly("duplicate_entry", reentry.id))

    def repeat(self, passage: Passage) -> None:
        self.last_read = passage
        self.others.append(passage.id)
        self._note_color(passage)

    def attach(self, passage: Passage) -> None:
        self.others.append(passage.id)
        self.anomalies.append(Anomaly("direction_unknown", passage.id))
        self._note_color(passage)

    def freeze(self) -> Session:
        return Session(
            id=session_id(self.first.id),
            plate=self.first.plate,
            color=self.color,
            state=self.state,
            entry_id=self.entry and self.entry.id,
            exit_id=self.exit and self.exit.id,
            entered_at=self.entry and self.entry.occurred_at,
            exited_at=self.exit and self.exit.occurred_at,
            entry_lane=self.entry and self.entry.lane,
            exit_lane=self.exit and self.exit.lane,
            other_ids=tuple(self.others),
            anomalies=tuple(self.anomalies),
        )

    def _note(self, passage: Passage) -> None:
        self._note_color(passage)
        if passage.plate_status == "suspect_fake":
            self.anomalies.append(Anomaly("suspect_fake", passage.id))
        if passage.replay:
            self.anomalies.append(Anomaly("replayed", passage.id))
        if passage.unsure:
            self.anomalies.append(Anomaly("time_unsure", passage.id))

    def _note_color(self, passage: Passage) -> None:
        if not colors_agree(self.color, passage.plate_color):
            self.anomalies.append(Anomaly("color_differs", passage.id))
        elif self.color == "unknown":
            self.color = passage.plate_color


def _take(passage: Passage, sessions: list[_Stay], repeat_s: int) -> None:
    last = sessions[-1] if sessions else None
    match passage.direction:
        case "unknown":
            if last and last.state == "inside":
                last.attach(passage)
        case "in":
            _enter(passage, last, sessions, repeat_s)
        case "out":
            _exit(passage, last, sessions, repeat_s)


def _enter(passage: Passage, last: _Stay | None, sessions: list[_Stay], repeat_s: int) -> None:
    if last is None or last.state != "inside":
        sessions.append(_Stay(passage))
    elif passage.lane == last.last_read.lane and _within(last.last_read, passage, repeat_s):
        last.repeat(passage)
    else:
        last.lose(passage)
        sessions.append(_Stay(passage))


def _exit(passage: Passage, last: _Stay | None, sessions: list[_Stay], repeat_s: int) -> None:
    if last and last.state == "inside":
        last.leave(passage)
    elif last and _within(last.last_read, passage, repeat_s):
        last.repeat(passage)
    else:
        sessions.append(_Stay(passage))


def _within(earlier: Passage, later: Passage, seconds: int) -> bool:
    return (later.occurred_at - earlier.occurred_at).total_seconds() <= seconds


def _check_one_plate(passages: Iterable[Passage]) -> None:
    plates = sorted({passage.plate for passage in passages})
    if plates == [""]:
        raise ValueError("passages whose plate was not read cannot be folded: they belong on the exception list")
    if len(plates) > 1:
        raise ValueError(f"fold takes the passages of one plate, not of {', '.join(map(repr, plates))}")

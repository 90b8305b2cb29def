"""Sessions: the passages of one plate folded into stays, the same whatever order and however often they arrive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from domain.corrections import NOTHING, Amendment
from domain.ids import derive
from domain.passages import FoldKey, Passage, once_each, stepped_back
from domain.plates import PlateColor, colors_agree, compare

State = Literal[
    "inside",
    "exited",
    "lost_exit",
    "no_entry",
    "voided",  # a misread, by a person's word: no car passed
    "merged",  # two records of one visit, by a person's word: ``into`` says which stay it is a part of
]
BESIDE: frozenset[State] = frozenset({"voided", "merged"})  # no stays: they begin and end nothing
AnomalyKind = Literal[
    "no_entry",  # left without having come in
    "duplicate_entry",  # came in again while inside: this session ends as lost_exit
    "direction_unknown",  # a read that says neither in nor out
    "color_differs",  # another known colour than the session's
    "suspect_fake",  # the camera takes the plate for a fake
    "replayed",  # the entry or the exit was a stored record, told late
    "clock_step",  # by the devices' clocks in another order than it was recorded, or a clock that cannot be believed
    "entry_by_hand",  # a person said when it came in
    "time_unsure",  # the time of the entry or the exit rests on a clock that nobody had vouched for
]

REPEAT_S = 60


class Anomaly(msgspec.Struct, frozen=True, gc=False):
    """What a person should look at, and the passage that shows it."""

    kind: AnomalyKind
    passage: bytes


class Session(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A stay. ``id`` is derived from the passage that began it, so that no rebuild names it anew.

    ``other_ids`` are passages that neither began nor ended it: repeats and reads without a direction. A merged one has
    no passages of its own; ``accepted``: a person said that it has no entry.
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
    accepted: bool = False
    into: bytes | None = None

    @property
    def key(self) -> FoldKey:
        """Time and id of the passage that began it: sessions of a plate follow each other by this key."""
        is_of_exit = self.entry_id is None  # its entry, where there is one, is a person's word
        time, passage = (self.exited_at, self.exit_id) if is_of_exit else (self.entered_at, self.entry_id)
        if time is None or passage is None:
            raise ValueError(f"session {self.id.hex()} has neither an entry nor an exit")
        return (time, passage)

    @property
    def passage_ids(self) -> tuple[bytes, ...]:
        """Every passage of this session."""
        if self.state == "merged":
            return ()
        return tuple(found for found in (self.entry_id, self.exit_id) if found is not None) + self.other_ids


class Candidate(msgspec.Struct, frozen=True):
    """A car inside whose plate is near a reading at the exit."""

    session: Session
    distance: float


def session_id(passage_id: bytes) -> bytes:
    """The id of the session that a passage began. 16 bytes."""
    return derive("session", passage_id.hex())


Said = Mapping[bytes, Amendment]  # by passage


def fold(passages: Iterable[Passage], said: Said | None = None, *, repeat_s: int = REPEAT_S) -> list[Session]:
    """The sessions of one plate, in order. Raises ValueError for passages of several plates or of none.

    A read in the same lane within ``repeat_s`` of the one before is a repeat of the entry; an entry while inside ends
    the old session as ``lost_exit``; a read at any exit within ``repeat_s`` of the one before is a repeat of the exit;
    an exit while outside is a session of its own. A read without a direction neither begins nor ends anything.

    ``passages`` are as amended (corrections.amended); ``said`` is what else people say of them: void, a part of the
    stay it falls into, an entry by hand, an exit that stays without one.
    """
    ordered = once_each(passages)
    _check_one_plate(ordered)
    folding = _Folding(said or {}, repeat_s)
    for passage in ordered:
        folding.take(passage)
    return folding.sessions()


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
    begun = (session.key for session in sessions if session.state not in BESIDE)
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

    def __init__(self, first: Passage, said: Amendment = NOTHING) -> None:
        self.first = first
        self.entry = first if first.direction == "in" else None
        self.exit = None if first.direction == "in" else first
        self.last_read = first  # the last read of the entry, then of the exit
        self.state: State = "inside" if self.entry else "no_entry"
        self.color: PlateColor = "unknown"
        self.others: list[bytes] = []
        self.anomalies: list[Anomaly] = [] if self.entry else [Anomaly("no_entry", first.id)]
        self.accepted = said.no_entry
        self.entered_at = first.occurred_at if self.entry else None
        if said.entered_at is not None and said.entered_at <= first.occurred_at:
            self._enter_by_hand(said.entered_at)
        self._note(first)

    def _enter_by_hand(self, at: datetime) -> None:
        self.state, self.entered_at = "exited", at
        self.anomalies.append(Anomaly("entry_by_hand", self.first.id))

    def leave(self, passage: Passage) -> None:
        if stepped_back(self.last_read, passage):
            self.anomalies.append(Anomaly("clock_step", passage.id))
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

    def join(self, passage: Passage) -> None:
        """A part of this stay, by a person's word."""
        self.others.append(passage.id)
        self._note_color(passage)

    def freeze(self) -> Session:
        return Session(
            id=session_id(self.first.id),
            plate=self.first.plate,
            color=self.color,
            state=self.state,
            entry_id=self.entry and self.entry.id,
            exit_id=self.exit and self.exit.id,
            entered_at=self.entered_at,
            exited_at=self.exit and self.exit.occurred_at,
            entry_lane=self.entry and self.entry.lane,
            exit_lane=self.exit and self.exit.lane,
            other_ids=tuple(self.others),
            anomalies=tuple(self.anomalies),
            accepted=self.accepted and self.state == "no_entry",
        )

    def _note(self, passage: Passage) -> None:
        self._note_color(passage)
        if passage.plate_status == "suspect_fake":
            self.anomalies.append(Anomaly("suspect_fake", passage.id))
        if passage.clock_bad:
            self.anomalies.append(Anomaly("clock_step", passage.id))
        if passage.replay:
            self.anomalies.append(Anomaly("replayed", passage.id))
        if passage.unsure:
            self.anomalies.append(Anomaly("time_unsure", passage.id))

    def _note_color(self, passage: Passage) -> None:
        if not colors_agree(self.color, passage.plate_color):
            self.anomalies.append(Anomaly("color_differs", passage.id))
        elif self.color == "unknown":
            self.color = passage.plate_color


class _Folding:
    """The passages of one plate, one after the other; and what was voided or merged, beside the stays."""

    def __init__(self, said: Said, repeat_s: int) -> None:
        self._said, self._repeat_s = said, repeat_s
        self._stays: list[_Stay] = []
        self._beside: list[Session] = []

    def sessions(self) -> list[Session]:
        found = [stay.freeze() for stay in self._stays] + self._beside
        return sorted(found, key=lambda session: session.key) if self._beside else found

    def take(self, passage: Passage) -> None:
        said = self._said.get(passage.id, NOTHING)
        last = self._stays[-1] if self._stays else None
        if said.void:
            self._beside.append(_beside(passage, "voided"))
        elif said.part and last is not None and _falls_into(passage, last):
            last.join(passage)
            if passage.direction != "unknown":  # it had been a stay of its own, or would have been
                self._beside.append(_beside(passage, "merged", session_id(last.first.id)))
        elif passage.direction == "in":
            self._enter(passage, last)
        elif passage.direction == "out":
            self._exit(passage, last, said)
        elif last and last.state == "inside":
            last.attach(passage)

    def _enter(self, passage: Passage, last: _Stay | None) -> None:
        if last is None or last.state != "inside":
            self._begin(_Stay(passage), last)
        elif passage.lane == last.last_read.lane and _within(last.last_read, passage, self._repeat_s):
            last.repeat(passage)
        else:
            last.lose(passage)
            self._begin(_Stay(passage), last)

    def _exit(self, passage: Passage, last: _Stay | None, said: Amendment) -> None:
        if last and last.state == "inside":
            last.leave(passage)
        elif last and _within(last.last_read, passage, self._repeat_s):
            last.repeat(passage)
        else:
            self._begin(_Stay(passage, said), last)

    def _begin(self, stay: _Stay, last: _Stay | None) -> None:
        """What is odd about the order is noted on the stay before: none depends on what came before its beginning."""
        if last is not None and stepped_back(last.last_read, stay.first):
            last.anomalies.append(Anomaly("clock_step", last.last_read.id))
        self._stays.append(stay)


def _falls_into(passage: Passage, last: _Stay) -> bool:
    """Whether there is a stay that it can be a part of; an exit of a car inside ends the stay, whatever is said."""
    return last.state != "inside" if passage.direction == "out" else last.state == "inside"


def _beside(passage: Passage, state: State, into: bytes | None = None) -> Session:
    is_exit = passage.direction == "out"
    place = (passage.id, passage.occurred_at, passage.lane)
    entry, exit_ = ((None, None, None), place) if is_exit else (place, (None, None, None))
    return Session(
        id=session_id(passage.id),
        plate=passage.plate,
        color=passage.plate_color,
        state=state,
        entry_id=entry[0],
        exit_id=exit_[0],
        entered_at=entry[1],
        exited_at=exit_[1],
        entry_lane=entry[2],
        exit_lane=exit_[2],
        into=into,
    )


def _within(earlier: Passage, later: Passage, seconds: int) -> bool:
    return (later.occurred_at - earlier.occurred_at).total_seconds() <= seconds


def _check_one_plate(passages: Iterable[Passage]) -> None:
    plates = sorted({passage.plate for passage in passages})
    if plates == [""]:
        raise ValueError("passages whose plate was not read cannot be folded: they belong on the exception list")
    if len(plates) > 1:
        raise ValueError(f"fold takes the passages of one plate, not of {', '.join(map(repr, plates))}")

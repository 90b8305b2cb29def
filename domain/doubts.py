"""What a person must look at: doubts that folding leaves, and how near a reading is to the plate it may have been."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import SequenceMatcher
from typing import Literal, cast, get_args

import msgspec

from domain.corrections import NOTHING
from domain.parking import BESIDE, Said, Session, exceptions
from domain.passages import Passage
from domain.plates import look_alike

DoubtKind = Literal[
    "no_entry",
    "unread",
    "duplicate_entry",
    "direction_unknown",
    "color_differs",
    "suspect_fake",
    "clock_step",
    "tailgate",  # a car behind another, without an opening of its own: a person says which, or that it waited
    "opened_by_hand",  # the arm went up, and neither the gateway nor a person had asked for it
]
KINDS: tuple[DoubtKind, ...] = get_args(DoubtKind)


class Doubt(msgspec.Struct, frozen=True):
    """One thing about one passage that needs a person; ``session``: the stay it is in, if any."""

    kind: DoubtKind
    passage: bytes
    session: bytes | None = None


class Piece(msgspec.Struct, frozen=True):
    """A part of a plate, and how it is in the other reading: ``same``, ``alike`` (readers take it for that) or not."""

    text: str
    other: str
    how: Literal["same", "alike", "differs"]


def doubts(passages: Collection[Passage], sessions: Iterable[Session], said: Said) -> list[Doubt]:
    """Of one plate's passages (or of those without one) and the sessions they were folded into, all as amended.

    What a person has settled is none any more. That a record came late is noted on the stay, and is none: it folds to
    what it would have been.
    """
    kept = list(sessions)
    found = [
        Doubt(cast("DoubtKind", anomaly.kind), anomaly.passage, session.id)
        for session in kept
        if session.state not in BESIDE
        for anomaly in session.anomalies
        if anomaly.kind in KINDS
    ]
    found += [Doubt(_of_none(one), one.id) for one in exceptions(passages, kept)]
    return [doubt for doubt in found if not said.get(doubt.passage, NOTHING).is_settled]


def _of_none(passage: Passage) -> DoubtKind:
    """Why a passage is in no stay."""
    if passage.plate:
        return "direction_unknown"
    return "tailgate" if passage.plate_status == "tailgate" else "unread"


def compared(read: str, plate: str) -> list[Piece]:
    """``plate`` in pieces, each with what was read in its place."""
    found: list[Piece] = []
    for how, from_, to, begin, end in SequenceMatcher(None, read, plate, autojunk=False).get_opcodes():
        other, text = read[from_:to], plate[begin:end]
        if how == "equal":
            found.append(Piece(text, text, "same"))
        elif len(other) == len(text):
            found += [Piece(b, a, "alike" if look_alike(a, b) else "differs") for a, b in zip(other, text, strict=True)]
        else:
            found.append(Piece(text, other, "differs"))
    return found

"""Corrections: what people say of a passage, kept beside the raw reading, and what they come to for folding."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, get_args

import msgspec
from msgspec.structs import replace

from domain.events import Direction
from domain.passages import Passage
from domain.plates import PlateColor, canonical

What = Literal[
    "plate",  # it was this plate; with its colour, where that is said
    "direction",
    "time",
    "void",  # a misread: no car passed
    "part",  # the same car once more: a part of the stay that it falls into
    "entry",  # an exit whose car came in at this time, which no camera saw
    "no_entry",  # an exit that stays without an entry: priced as the complex's setting says
    "seen",  # looked at: it is as it should be
    "undo",  # of another correction
]
WHATS: tuple[What, ...] = get_args(What)
AUTOMATIC = "automatic"  # who said it where nobody did


class BadCorrection(Exception):
    """Something that cannot be said of a passage; the message says why, ``word`` in one word."""

    def __init__(self, word: str, message: str) -> None:
        super().__init__(message)
        self.word = word


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """One thing said of one passage. Append-only: it is taken back by another that ``undoes`` it."""

    id: str
    passage: bytes
    what: What
    at: datetime  # when it was said
    plate: str = ""
    color: PlateColor | None = None
    direction: Direction | None = None
    time: datetime | None = None
    undoes: str = ""

    @property
    def key(self) -> tuple[datetime, str]:
        """The order in which things were said. The order in which rows came to a table plays no part."""
        return (self.at, self.id)


class Amendment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the corrections of one passage come to: of each thing the last that was said."""

    plate: str | None = None
    color: PlateColor | None = None
    direction: Direction | None = None
    time: datetime | None = None
    void: bool = False
    part: bool = False
    entered_at: datetime | None = None
    no_entry: bool = False
    seen: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether a person has said how it is to be taken: nothing about it is in doubt any more."""
        return self.void or self.part or self.no_entry or self.seen or self.entered_at is not None


NOTHING = Amendment()


def amendment(corrections: Iterable[Correction]) -> Amendment | None:
    """What corrections of one passage come to, in whatever order they are given; None where nothing stands."""
    said = NOTHING
    for correction in standing(corrections):
        said = after(said, correction)
    return None if said == NOTHING else said


def standing(corrections: Iterable[Correction]) -> list[Correction]:
    """Those that no standing later one undoes, as they were said; what only undoes is left out."""
    undone: set[str] = set()
    found: list[Correction] = []
    for correction in sorted({one.id: one for one in corrections}.values(), key=lambda one: one.key, reverse=True):
        if correction.id in undone:
            continue
        if correction.what == "undo":
            undone.add(correction.undoes)
        else:
            found.append(correction)
    return found[::-1]


def after(said: Amendment, one: Correction) -> Amendment:
    """What was said, with one thing more."""
    match one.what:
        case "plate":
            return replace(said, plate=one.plate, color=one.color or said.color)
        case "direction":
            return replace(said, direction=one.direction)
        case "time":
            return replace(said, time=one.time)
        case "entry":
            return replace(said, entered_at=one.time, no_entry=False, void=False, part=False)
        case "no_entry":
            return replace(said, no_entry=True, entered_at=None, void=False, part=False)
        case "void":
            return replace(said, void=True)
        case "part":
            return replace(said, part=True, void=False)
        case _:
            return replace(said, seen=True)


def amended(passage: Passage, said: Amendment | None) -> Passage:
    """The passage as it is folded. What a person says is neither unsure nor a fake's."""
    if said is None:
        return passage
    if said.plate is not None:
        passage = replace(passage, plate=said.plate, plate_status="read")
    if said.color is not None:
        passage = replace(passage, plate_color=said.color)
    if said.direction is not None:
        passage = replace(passage, direction=said.direction)
    if said.time is not None:
        passage = replace(passage, occurred_at=said.time, unsure=False, clock_bad=False, recorded_at=None)
    return passage


def checked(correction: Correction, passage: Passage | None) -> Correction:
    """The correction as it is kept. Raises BadCorrection for one that says nothing, or what cannot be.

    ``passage`` is as it is folded so far; None for what is no passage of a car, an alarm of a lane.
    """
    if passage is None:
        if correction.what not in ("seen", "undo"):
            raise BadCorrection("alarm", "this is no passage of a car: it can only be marked as seen")
        return correction
    match correction.what:
        case "plate":
            plate = canonical(correction.plate)
            if not 4 <= len(plate) <= 12:
                raise BadCorrection("plate", f"{correction.plate!r} is no plate")
            return replace(correction, plate=plate)
        case "direction" if correction.direction not in ("in", "out"):
            raise BadCorrection("direction", "say in or out")
        case "time" if correction.time is None or correction.time.tzinfo is None:
            raise BadCorrection("time", "say when, with a time zone")
        case "entry":
            return _checked_entry(correction, passage)
        case "no_entry" if passage.direction != "out":
            raise BadCorrection("only_exit", "only an exit can be without an entry")
        case _:
            return correction


def _checked_entry(correction: Correction, passage: Passage) -> Correction:
    if passage.direction != "out":
        raise BadCorrection("only_exit", "only an exit can be given an entry")
    if correction.time is None or correction.time.tzinfo is None:
        raise BadCorrection("time", "say when it came in, with a time zone")
    if correction.time > passage.occurred_at:
        raise BadCorrection("after_exit", "it would have come in after it left: no stay is shorter than nothing")
    return correction

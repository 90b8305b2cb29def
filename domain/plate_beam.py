"""What a reader saw, step by step, to plates: a prefix beam of CTC that can spell nothing that is no plate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from domain.plate_shapes import Grammar

WIDTH = 12
_UNSEEN = 1e-6  # what a sign has that its step does not name


class Step(msgspec.Struct, frozen=True):
    """One step of a reader along the plate: how likely nothing new is, and each sign that is likely at all."""

    blank: float
    signs: Mapping[str, float]


class Spelling(msgspec.Struct, frozen=True):
    """A plate, and the logarithm of how likely the reader is to have seen just that."""

    signs: str
    log: float
    share: float


class _End(msgspec.Struct):
    """A prefix: probability that its last step was nothing, and that it was its last sign."""

    blank: float
    sign: float
    alive: int

    @property
    def whole(self) -> float:
        return self.blank + self.sign


def spell(steps: Sequence[Step], grammar: Grammar, width: int = WIDTH) -> list[Spelling]:
    """The whole plates that were likeliest seen, the likeliest first; none where no plate can be read into it."""
    beams, log = {"": _End(1.0, 0.0, grammar.start)}, 0.0
    for step in steps:
        beams = _best(_next(beams, step, grammar), width)
        total = sum(end.whole for end in beams.values())
        if total <= 0.0:
            return []
        log += math.log(total)
        for end in beams.values():
            end.blank, end.sign = end.blank / total, end.sign / total
    return _whole(beams, grammar, log)


def _next(beams: dict[str, _End], step: Step, grammar: Grammar) -> dict[str, _End]:
    following: dict[str, _End] = {}
    for signs, end in beams.items():
        last = signs[-1:]
        own = following.get(signs)
        if own is None:
            own = following[signs] = _End(0.0, 0.0, end.alive)
        own.blank += end.whole * step.blank
        own.sign += end.sign * step.signs.get(last, _UNSEEN) if last else 0.0
        _grow(following, signs, end, step, grammar)
    return following


def _grow(following: dict[str, _End], signs: str, end: _End, step: Step, grammar: Grammar) -> None:
    allowed, last = grammar.after(end.alive, len(signs)), signs[-1:]
    for sign, likely in step.signs.items():
        alive = allowed.get(sign)
        if alive is not None:
            longer = following.get(signs + sign)
            if longer is None:
                longer = following[signs + sign] = _End(0.0, 0.0, alive)
            longer.sign += likely * (end.blank if sign == last else end.whole)


def _best(beams: dict[str, _End], width: int) -> dict[str, _End]:
    if len(beams) <= width:
        return beams
    return dict(sorted(beams.items(), key=lambda beam: -beam[1].whole)[:width])


def _whole(beams: dict[str, _End], grammar: Grammar, log: float) -> list[Spelling]:
    made: list[Spelling] = []
    for signs, end in beams.items():
        share = grammar.share(end.alive, len(signs))
        if share and end.whole > 0.0:
            made.append(Spelling(signs, log + math.log(end.whole), share))
    return sorted(made, key=lambda spelling: -spelling.log)


def likeliest(steps: Sequence[Step]) -> str:
    """What each step says first, whatever it spells."""
    said, last = "", ""
    for step in steps:
        sign = max(step.signs, key=step.signs.__getitem__, default="")
        sign = sign if sign and step.signs[sign] > step.blank else ""
        said, last = said + (sign if sign != last else ""), sign
    return said


def likelihood(steps: Sequence[Step], signs: str) -> float:
    """The logarithm of how likely these signs are to be what was seen: all their alignments, none left out."""
    ends = [0.0] * (2 * len(signs) + 1)
    ends[0], log = 1.0, 0.0
    for step in steps:
        ends = _aligned(ends, step, signs)
        total = sum(ends)
        log += math.log(total)
        ends = [end / total for end in ends]
    return log + math.log(max(ends[-1] + ends[-2], _UNSEEN))


def _aligned(ends: list[float], step: Step, signs: str) -> list[float]:
    """One step on, over blank, sign, blank, sign … blank."""
    following = [0.0] * len(ends)
    for place, end in enumerate(ends):
        come = end + (ends[place - 1] if place else 0.0)
        if place % 2 == 0:
            following[place] = come * step.blank
            continue
        sign = signs[place // 2]
        if place >= 3 and signs[place // 2 - 1] != sign:
            come += ends[place - 2]
        following[place] = come * step.signs.get(sign, _UNSEEN)
    return following

"""Several looks at one plate, by one reader or by two: which plates it may be, and how likely each."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence

import msgspec

from domain.plate_beam import Spelling, Step, likeliest, likelihood, spell
from domain.plate_shapes import Grammar, signs_of, spelled
from domain.plates import PROVINCES, SERIAL

MOST_CANDIDATES = 4
_LEAST_FIT = 0.05  # below it the reader had to bend what it saw into a plate
_SURE = 0.97
_SURE_AT_A_GLANCE = 0.95
_LEAST_CONFIDENCE = 0.3  # of what only the second reader speaks for
_AGREEING = 2
_LEAST_SECOND = -4.5  # logarithm of the other reader's fit: of real plates it is above -3.6, of signs below -5
_PLAIN = re.compile(f"[{PROVINCES}][A-HJ-Z][{SERIAL}]{{5}}")  # what every reader was taught, but for the O
_MARKED = re.compile(f"[{PROVINCES}][A-HJ-Z][{SERIAL}]{{4}}[学警港澳挂]")  # what it can spell besides
_LEAST_SHARE = 1e-3  # of the likeliest in its look: what is less likely is no candidate
_SITE_ODDS = 3.0  # how much likelier a car of the site's own province is, all else equal


class Look(msgspec.Struct, frozen=True):
    """What a reader saw in one cut of the plate, and how much it counts."""

    steps: Sequence[Step]
    weight: float = 1.0


class Candidate(msgspec.Struct, frozen=True):
    """``weight``: its part of one, among all the candidates."""

    plate: str
    weight: float


class Weighed(msgspec.Struct, frozen=True):
    """``candidates``: the likeliest first. ``fit``: 1 where a reader free to spell anything spells this plate,
    near 0 where it had to be bent into one: then it is no plate. ``by_list``: a list of cars chose the province."""

    candidates: list[Candidate]
    fit: float
    by_list: bool = False
    firsts: tuple[str, ...] = ()  # what each look by itself says first, "" where it says nothing

    @property
    def plate(self) -> str:
        return self.candidates[0].plate

    @property
    def confidence(self) -> float:
        return self.candidates[0].weight * self.fit


def glanced(looks: Sequence[Look], grammar: Grammar) -> Weighed | None:
    """What each look says so surely that nothing else needs to be tried, the same in all; None where there is doubt."""
    firsts = [likeliest(look.steps) for look in looks]
    share = grammar.share_of(firsts[0])
    if not share or len(set(firsts)) > 1:
        return None
    surely = min(math.exp(likelihood(look.steps, firsts[0])) for look in looks)
    weight = surely * share / (surely * share + 1 - surely)  # a rare kind needs a surer reader
    if weight < _SURE_AT_A_GLANCE:
        return None
    return Weighed([Candidate(spelled(firsts[0]), weight)], 1.0, firsts=tuple(map(spelled, firsts)))


def weigh(looks: Sequence[Look], grammar: Grammar, province: str = "") -> Weighed | None:
    """None where no plate can be read into it. ``province``: the one of the site, which is likelier there."""
    said = [spell(look.steps, grammar) for look in looks]
    spellings = _spellings(said)
    if not spellings:
        return None
    logs = {one.signs: _log(one, looks) for one in spellings.values()}
    ranked = sorted(logs.items(), key=lambda each: -each[1] - _prior(each[0], spellings, province))
    odds = [(signs, log + _prior(signs, spellings, province)) for signs, log in ranked]
    candidates = _shares(odds)
    firsts = tuple(spelled(each[0].signs) if each else "" for each in said)
    return Weighed(candidates, _fit(ranked[0][0], looks), firsts=firsts)


def by_registered(weighed: Weighed, registered: Collection[str]) -> Weighed:
    """The registered car, where readings differ from it in the province alone and it is the only such car."""
    plate = weighed.plate
    if plate in registered:
        return weighed
    known = [one for one in weighed.candidates[1:] if one.plate[1:] == plate[1:] and one.plate in registered]
    if len(known) != 1:
        return weighed
    rest = [one for one in weighed.candidates if one is not known[0]]
    return msgspec.structs.replace(weighed, candidates=[known[0], *rest], by_list=True)


def is_plate(weighed: Weighed, looks: Sequence[Look], second: Look | None) -> bool:
    """Whether there is a plate at all. What a reader makes of a clock or a sign changes with each cut of it, and
    another reader finds nothing of it. ``looks``: the cuts by the best corners, the last that were weighed before
    ``second``, the other reader's; None where it cannot read such a plate.
    """
    firsts = weighed.firsts[: len(weighed.firsts) - (second is not None)][-len(looks) :]
    agreeing, plate = sum(first == weighed.plate for first in firsts), weighed.plate
    if weighed.fit < _LEAST_FIT or not agreeing:
        return False
    is_sure, all_agree = weighed.candidates[0].weight >= _SURE, agreeing == len(looks)
    if second is None or not _PLAIN.fullmatch(plate):
        return all_agree or (is_sure and agreeing >= _AGREEING)
    fits = second_fit(second, plate) >= _LEAST_SECOND and weighed.confidence >= _LEAST_CONFIDENCE
    return fits or (is_sure and all_agree)


def can_be_asked(plate: str) -> bool:
    """Whether the second reader can spell it: of a soldier's or a diplomat's car it makes a plain one, surely wrong."""
    return bool(_PLAIN.fullmatch(plate) or _MARKED.fullmatch(plate))


def second_fit(second: Look, plate: str) -> float:
    """The logarithm of how likely it saw this plate, against what it says when it is free: 0 where it says the same."""
    return likelihood(second.steps, signs_of(plate)) - _free(second.steps)


def _spellings(said: Sequence[list[Spelling]]) -> dict[str, Spelling]:
    found: dict[str, Spelling] = {}
    for made in said:
        likely = [one for one in made if one.log - made[0].log > math.log(_LEAST_SHARE)]
        found.update({one.signs: one for one in likely[:MOST_CANDIDATES]})
    return found


def _log(one: Spelling, looks: Sequence[Look]) -> float:
    """The mean of the looks, so that two cuts of the same pixels do not make twice as sure."""
    total = sum(look.weight for look in looks)
    return sum(look.weight * likelihood(look.steps, one.signs) for look in looks) / total


def _prior(signs: str, spellings: dict[str, Spelling], province: str) -> float:
    odds = _SITE_ODDS if province and signs.startswith(province) else 1.0
    return math.log(spellings[signs].share * odds)


def _shares(odds: list[tuple[str, float]]) -> list[Candidate]:
    top = odds[0][1]
    shares = [(signs, math.exp(log - top)) for signs, log in odds]
    total = sum(share for _, share in shares)
    return [Candidate(spelled(signs), share / total) for signs, share in shares]


def _fit(signs: str, looks: Sequence[Look]) -> float:
    """In the look that it fits best: corners that were badly found spoil one cut, and say nothing against the plate."""
    return max(math.exp(min(0.0, likelihood(look.steps, signs) - _free(look.steps))) for look in looks)


def _free(steps: Sequence[Step]) -> float:
    """The logarithm of the likeliest way through, whatever it spells."""
    return sum(math.log(max(step.blank, *step.signs.values(), 1e-6)) for step in steps)

"""What befalls a city's gateways, from a seed: which clocks are wrong, whose line is cut when, which device floods."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

import msgspec

from simulators.fleet.box import Nature
from simulators.fleet.rhythm import EVENTS_A_DAY, WORST_EVENTS_A_DAY
from simulators.fleet.settings import Settings

_WRONG = (timedelta(minutes=10), timedelta(minutes=-10), timedelta(days=1), timedelta(days=-1))
_CUT_S, _FLOOD_S = (5.0, 300.0), 60.0
_HOUR_S = 3_600.0
_FOR_EVER_S = 7 * 86_400.0  # further ahead nothing is planned


class Happening(msgspec.Struct, frozen=True, order=True):
    """At ``at_s`` by the city's seconds, for ``lasts_s``; ``box`` -1: every gateway."""

    at_s: float
    what: Literal["cut", "flood", "storm"]
    box: int
    lasts_s: float


def natures(settings: Settings) -> list[Nature]:
    """What each box is; the same for the same seed."""
    chance = random.Random(f"natures {settings.seed}")
    return [_nature(settings, chance) for _ in range(settings.gateways)]


def _nature(settings: Settings, chance: random.Random) -> Nature:
    weight = WORST_EVENTS_A_DAY / EVENTS_A_DAY if chance.random() < settings.worst else 0.6 + 0.8 * chance.random()
    off = chance.choice(_WRONG) if chance.random() < settings.wrong_clocks else timedelta()
    return Nature(weight, off, chance.random() < settings.old_versions)


def happenings(settings: Settings) -> Iterator[Happening]:
    """In the order of their moments, without end but for a week; the same for the same seed."""
    chance = random.Random(f"happenings {settings.seed}")
    storm = (
        Happening(settings.storm_at_s * settings.speed, "storm", -1, settings.storm_s) if settings.storm_at_s else None
    )
    for one in _by_chance(settings, chance):
        if storm is not None and storm <= one:
            yield storm
            storm = None
        yield one
    if storm is not None:
        yield storm


def _by_chance(settings: Settings, chance: random.Random) -> Iterator[Happening]:
    cuts, floods = settings.outages_an_hour * settings.gateways, settings.floods_an_hour
    at_s, rate = 0.0, (cuts + floods) / _HOUR_S
    while rate and (at_s := at_s + chance.expovariate(rate)) < _FOR_EVER_S:
        box = chance.randrange(settings.gateways)
        if chance.random() * (cuts + floods) < cuts:
            yield Happening(at_s, "cut", box, chance.uniform(*_CUT_S))
        else:
            yield Happening(at_s, "flood", box, _FLOOD_S)

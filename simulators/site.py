"""A whole complex for some minutes: residents, visitors, and now and then somebody who should not be there."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, takewhile
from random import Random

from simulators import scenes
from simulators.cars import Car, make_car, misread
from simulators.estate import DOORS, DeviceRow, Estate, device_list
from simulators.scenes import Scene
from simulators.step import Step, in_order, merged
from simulators.truth import Direction

FIRST_ALERT_S = 3.0
ALERT_EVERY_S = 12.0
KEEP_ALIVE_S = 10.0
_DAEMON_EVERY = 6  # of the keep-alives
_KEPT_CARS = 20
_KEPT_FROM_S, _KEPT_EVERY_S = 1.0, 2.0
_FIRST_EXIT_S = 8.0
_KEPT_MARGIN_S = 4.0  # between the kept entry's sending and its car's leaving
_FACTS_PER_SCENE = 2.2
_MISREAD_EXIT = 4  # this exit, counted from 1, is read with a wrong character
_NO_PLATE_ENTRY = 2
_MAX_INSIDE = 60
_SEEN_SHARE = 0.3  # of the cars, by the gate's panorama camera
_FIRST_CARD, _CARDS = 8165500, 60


@dataclass(frozen=True)
class _Kept:
    """A car that entered before the gateway was there."""

    car: Car
    sent_at_s: float
    hours_ago: float


class Site:
    """A seeded complex. The same seed gives the same steps; only the moment of the start comes from outside.

    ``rate`` is facts a second of daily life, about; alerts come every 12 s beside it. ``minutes`` None does not end.
    """

    def __init__(self, seed: int = 1, minutes: float | None = 10.0, rate: float = 1.0, drawn: bool = True) -> None:
        if rate <= 0:
            raise ValueError(f"a rate of {rate} facts a second; it must be more than 0")
        self.seed, self.minutes, self.rate, self.drawn = seed, minutes, rate, drawn
        self.cards = [_FIRST_CARD + number for number in range(_CARDS)]

    @staticmethod
    def devices() -> list[DeviceRow]:
        """The installer's device list: rows of id, name, place, lane, direction, zone."""
        return device_list()

    def estate(self, started_at: datetime) -> Estate:
        """The devices of one run that starts at this moment."""
        return Estate(started_at, frozenset(self.cards), self.drawn)

    def steps(self, estate: Estate) -> Iterator[Step]:
        """Everything that happens, by time. A step's ``build`` must be called in this order, once."""
        kept = self._kept_cars()
        everything = merged(
            in_order([scenes.power_on(estate)]),
            in_order(self._signs_of_life(estate)),
            in_order(scenes.kept_entry(estate, one.sent_at_s, one.car, one.hours_ago) for one in kept),
            in_order(self._alerts(estate)),
            in_order(self._daily_life(estate, kept)),
        )
        end_s = float("inf") if self.minutes is None else self.minutes * 60
        return takewhile(lambda step: step.at_s < end_s, everything)

    def _chance(self, purpose: str) -> Random:
        return Random(f"{self.seed}/{purpose}")

    def _signs_of_life(self, estate: Estate) -> Iterator[Scene]:
        number = 0
        while True:
            number += 1
            yield scenes.signs_of_life(estate, number * KEEP_ALIVE_S, number % _DAEMON_EVERY == 0)

    def _kept_cars(self) -> list[_Kept]:
        """Entered half an hour to thirty hours ago, each sent in the first minute."""
        chance = self._chance("kept")
        count = _KEPT_CARS if self.minutes is None else min(_KEPT_CARS, max(1, int(self.minutes * 20)))
        cars: dict[str | None, Car] = {}
        while len(cars) < count:
            car = make_car(chance)
            cars.setdefault(car.plate, car)
        return [
            _Kept(car, _KEPT_FROM_S + index * _KEPT_EVERY_S, 0.5 + 29.5 * chance.random() ** 2.5)
            for index, car in enumerate(cars.values())
        ]

    def _alerts(self, estate: Estate) -> Iterator[Scene]:
        """A door forced first; then in turn a person in the yard, a card that opens nothing, a door forced."""
        chance = self._chance("alerts")
        at_s = FIRST_ALERT_S
        for cause in cycle(("door", "yard", "card", "yard")):
            if cause == "door":
                yield scenes.door_forced(estate, at_s, chance)
            elif cause == "yard":
                yield scenes.person_in_yard(estate, at_s, chance)
            else:
                yield scenes.card_refused(estate, at_s, chance.choice(list(DOORS)))
            at_s += ALERT_EVERY_S + chance.uniform(-1.5, 2.5)

    def _daily_life(self, estate: Estate, kept: list[_Kept]) -> Iterator[Scene]:
        """People and cars, one scene after the other at about the rate asked for."""
        life = _DailyLife(estate, self._chance("life"), deque(kept), self.cards)
        at_s = 0.5
        while True:
            yield life.scene(at_s)
            at_s += life.chance.uniform(0.4, 1.6) * _FACTS_PER_SCENE / self.rate


class _DailyLife:
    """Chooses the next scene; it knows which cars are inside and counts passages, so that none leaves twice."""

    def __init__(self, estate: Estate, chance: Random, kept: deque[_Kept], cards: list[int]) -> None:
        self.estate, self.chance, self._cards = estate, chance, cards
        self._kept = kept
        self._inside: deque[Car] = deque()
        self._entries = self._exits = 0

    def scene(self, at_s: float) -> Scene:
        drawn = self.chance.random()
        if drawn < 0.34 and (car := self._leaving(at_s)) is not None:
            return self._leave(at_s, car)
        if drawn < 0.5 and len(self._inside) < _MAX_INSIDE:
            return self._enter(at_s)
        if drawn < 0.56:
            return scenes.person_in_lobby(self.estate, at_s, self.chance)
        return self._walk(at_s)

    def _leaving(self, at_s: float) -> Car | None:
        """The next car to leave: first those that came long ago, then visitors, the longest inside first."""
        if at_s < _FIRST_EXIT_S:
            return None
        if self._kept:
            return self._kept.popleft().car if self._kept[0].sent_at_s + _KEPT_MARGIN_S < at_s else None
        return self._inside.popleft() if self._inside else None

    def _leave(self, at_s: float, car: Car) -> Scene:
        self._exits += 1
        read = car.plate
        if self._exits % 25 == _MISREAD_EXIT and car.plate is not None:
            read = misread(car.plate, self.chance) or car.plate
        return scenes.car_passes(self.estate, at_s, "out", car, read) + self._panorama(at_s)

    def _enter(self, at_s: float) -> Scene:
        self._entries += 1
        scene, car = scenes.car_comes(self.estate, at_s, self.chance, self._entries % 20 == _NO_PLATE_ENTRY)
        self._inside.append(car)
        return scene + self._panorama(at_s)

    def _panorama(self, at_s: float) -> Scene:
        if self.chance.random() < _SEEN_SHARE:
            return scenes.car_seen(self.estate, at_s + 0.2, self.chance)
        return []

    def _walk(self, at_s: float) -> Scene:
        direction: Direction = "in" if self.chance.random() < 0.5 else "out"
        door = self.chance.choices(list(DOORS), weights=(6, 2, 1))[0]
        held_s = self.chance.uniform(2.0, 6.0)
        return scenes.resident_walks(self.estate, at_s, door, self.chance.choice(self._cards), direction, held_s)

"""What happens at a simulated site, scene by scene: each is a short list of steps around one cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from simulators.cars import Car, car_without_plate, make_car
from simulators.devices import frigate, vzenith
from simulators.estate import EAST_GATE, HOUSE, LANE_IN, LANE_OUT, LEAK, SMOKE, YARD, Estate, Sighting, sighting
from simulators.step import Step, Told
from simulators.truth import Alarm, Cause, Direction

LANES: dict[Direction, str] = {"in": "lane_in", "out": "lane_out"}
DOORS_SPEAKER, CAMERAS_SPEAKER, SENSORS_SPEAKER = "doors", "cameras", "sensors"
SPEAKERS = (*LANES.values(), DOORS_SPEAKER, CAMERAS_SPEAKER, SENSORS_SPEAKER)
STRANGE_CARD = 10058400

Scene = list[Step]


def power_on(estate: Estate) -> Scene:
    """Everything says that it is there."""

    def lanes(now: datetime) -> Told:
        return Told([vzenith.keep_alive(LANE_IN, now), vzenith.barrier_status(LANE_IN, 1, now)])

    def cameras(now: datetime) -> Told:
        roles = [frigate.camera_status(camera, "detect", "online") for camera in ("yard", "east_gate", "lobby")]
        return Told([frigate.available("online"), *roles])

    def sensors(_now: datetime) -> Told:
        there = [estate.zigbee.availability(name, "online") for name in (SMOKE, LEAK)]
        return Told([estate.zigbee.state("online"), *there, *estate.sensors()])

    return [
        Step(0.0, LANES["in"], lanes),
        Step(0.0, LANES["out"], lambda now: Told([vzenith.barrier_status(LANE_OUT, 1, now)])),
        Step(0.1, CAMERAS_SPEAKER, cameras),
        Step(0.2, DOORS_SPEAKER, lambda now: Told([estate.controller.system_alive()])),
        Step(0.3, SENSORS_SPEAKER, sensors),
    ]


def signs_of_life(estate: Estate, at_s: float, with_daemon: bool) -> Scene:
    """Both lane cameras' keep-alives, one with the NUL that some firmware puts first; the daemon's, the sensors'."""
    scene = [
        Step(at_s, LANES["in"], lambda now: Told([vzenith.keep_alive(LANE_IN, now)])),
        Step(at_s, LANES["out"], lambda now: Told([vzenith.keep_alive(LANE_OUT, now, leading_nul=True)])),
    ]
    if with_daemon:
        scene.append(Step(at_s, DOORS_SPEAKER, lambda now: Told([estate.controller.system_alive()])))
        scene.append(Step(at_s, SENSORS_SPEAKER, lambda now: Told(estate.sensors())))
    return scene


def kept_entry(estate: Estate, at_s: float, car: Car, hours_ago: float) -> Scene:
    """The camera sends an entry that it kept while the gateway was not there yet."""

    def build(now: datetime) -> Told:
        messages, fact = estate.car("in", car, car.plate, now - timedelta(hours=hours_ago), sent_at=now)
        return Told(messages, [fact])

    return [Step(at_s, LANES["in"], build)]


def car_passes(estate: Estate, at_s: float, direction: Direction, car: Car, read: str | None) -> Scene:
    """A car through a lane, read as ``read``."""

    def build(now: datetime) -> Told:
        messages, fact = estate.car(direction, car, read, now)
        return Told(messages, [fact])

    return [Step(at_s, LANES[direction], build)]


def car_comes(estate: Estate, at_s: float, chance: Random, no_plate: bool = False) -> tuple[Scene, Car]:
    """A visitor's car enters."""
    car = car_without_plate(chance) if no_plate else make_car(chance)
    return car_passes(estate, at_s, "in", car, car.plate), car


def resident_walks(estate: Estate, at_s: float, door: int, card: int, direction: Direction, held_s: float) -> Scene:
    """A resident's card, and the door that opens and closes for it."""

    def shown(now: datetime) -> Told:
        messages, fact = estate.swipe(door, card, direction, now)
        return Told(messages, [fact])

    return [
        Step(at_s, DOORS_SPEAKER, shown),
        Step(at_s + 0.7, DOORS_SPEAKER, _door(estate, door, "open")),
        Step(at_s + 0.7 + held_s, DOORS_SPEAKER, _door(estate, door, "closed")),
    ]


def card_refused(estate: Estate, at_s: float, door: int) -> Scene:
    """A card that opens nothing here."""

    def build(now: datetime) -> Told:
        messages, fact = estate.swipe(door, STRANGE_CARD, "in", now, granted=False)
        return Told(messages, [fact, Alarm("access_denied", HOUSE, now)])

    return [Step(at_s, DOORS_SPEAKER, build)]


def door_forced(estate: Estate, at_s: float, chance: Random) -> Scene:
    """The house's door is pried open; the lobby's camera sees who does it."""
    person = _Episode(estate, sighting("lobby", "lobby_door", "forced", chance))

    def forced(now: datetime) -> Told:
        messages, fact = estate.door(1, "forced_open", now)
        return Told(messages, [fact, Alarm("door_forced", HOUSE, now)])

    return [
        Step(at_s, DOORS_SPEAKER, forced),
        *person.steps(at_s + 0.3, stays_s=9.0),
        Step(at_s + 11.0, DOORS_SPEAKER, _door(estate, 1, "closed")),
    ]


def person_in_yard(estate: Estate, at_s: float, chance: Random) -> Scene:
    """A person in the yard, which is a restricted zone in quiet hours."""
    person = _Episode(estate, sighting("yard", "garden_path", "yard", chance), "person_at_night", YARD)
    return person.steps(at_s, stays_s=12.0)


def person_in_lobby(estate: Estate, at_s: float, chance: Random) -> Scene:
    """Somebody walks through the lobby, as people do."""
    return _Episode(estate, sighting("lobby", "lobby_door", "walking", chance)).steps(at_s, stays_s=6.0)


def car_seen(estate: Estate, at_s: float, chance: Random) -> Scene:
    """The gate's panorama camera follows a car; it reads no plates and sends no picture."""
    return _Episode(estate, sighting("east_gate", "gate_road", "none", chance, label="car")).steps(at_s, stays_s=5.0)


@dataclass
class _Episode:
    """What a camera follows from its coming to its leaving; an alarm where that means one."""

    estate: Estate
    who: Sighting
    cause: Cause | None = None
    place: str = EAST_GATE
    _started_at: datetime | None = None

    def steps(self, at_s: float, stays_s: float) -> Scene:
        return [
            Step(at_s, CAMERAS_SPEAKER, self._appears),
            Step(at_s + 0.5, CAMERAS_SPEAKER, self._is_confirmed),
            Step(at_s + stays_s, CAMERAS_SPEAKER, self._leaves),
        ]

    def _appears(self, now: datetime) -> Told:
        self._started_at = now
        messages, fact = self.estate.seen(self.who, now)
        return Told(messages, [fact, *([Alarm(self.cause, self.place, now)] if self.cause else [])])

    def _is_confirmed(self, now: datetime) -> Told:
        return Told(self.estate.confirmed(self.who, self._started_at or now, now))

    def _leaves(self, now: datetime) -> Told:
        return Told(self.estate.gone(self.who, self._started_at or now, now))


def _door(estate: Estate, door: int, state: str) -> Callable[[datetime], Told]:
    def build(now: datetime) -> Told:
        messages, fact = estate.door(door, "open" if state == "open" else "closed", now)
        return Told(messages, [fact])

    return build

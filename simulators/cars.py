"""Cars with Chinese number plates, made from a seeded source of chance, and how a camera misreads them."""

from __future__ import annotations

from random import Random

import msgspec

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # I and O are not used (GA 36)
_DIGITS = "0123456789"
_PROVINCES = ("粤B", "粤B", "粤B", "粤A", "粤S", "湘A", "赣B", "桂A", "沪C", "京N")
_LOOK_ALIKE = {"8": "B", "B": "8", "0": "D", "D": "0", "2": "Z", "Z": "2", "5": "S", "S": "5", "6": "G", "G": "6"}
_GREEN_SHARE = 0.3


class Car(msgspec.Struct, frozen=True):
    """A car: its plate (None: it wears none), the plate's colour, and its paint (an index)."""

    plate: str | None
    color: str
    paint: int


def make_car(chance: Random) -> Car:
    """A small car with a blue plate, or a green one of an electric car."""
    place = chance.choice(_PROVINCES)
    paint = chance.randrange(6)
    if chance.random() < _GREEN_SHARE:
        serial = chance.choice("DF") + "".join(chance.choices(_DIGITS, k=5))
        return Car(place + serial, "green", paint)
    serial = chance.choices(_DIGITS, k=5)
    for position in chance.sample(range(5), k=chance.randrange(3)):
        serial[position] = chance.choice(_LETTERS)
    return Car(place + "".join(serial), "blue", paint)


def car_without_plate(chance: Random) -> Car:
    return Car(None, "unknown", chance.randrange(6))


def misread(plate: str, chance: Random) -> str | None:
    """The plate with one character of its serial taken for one that looks like it; None where none has a look-alike."""
    positions = [index for index in range(3, len(plate)) if plate[index] in _LOOK_ALIKE]
    if not positions:
        return None
    position = chance.choice(positions)
    return plate[:position] + _LOOK_ALIKE[plate[position]] + plate[position + 1 :]

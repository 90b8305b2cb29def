"""How right a reader is on the labelled pictures: by colour, by rows, by class, and what it takes for what."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from domain.plates import classify
from edge.vision.plates.picture_file import read_picture
from edge.vision.plates.plate_reader import PlateReader
from tests.plate_pictures import Labelled, labelled

_MOST_WRONG = 2  # signs, from which on another plate was read and not this one


class Read(msgspec.Struct, frozen=True):
    """A plate that was read in a picture. ``color``: empty where the reader tells none."""

    plate: str
    color: str = ""


class Score(msgspec.Struct):
    """Counts of standard plates, right and in all, by what they are; special ones apart, by their class."""

    right: Counter[str] = msgspec.field(default_factory=Counter[str])
    count: Counter[str] = msgspec.field(default_factory=Counter[str])
    special_right: Counter[str] = msgspec.field(default_factory=Counter[str])
    special_count: Counter[str] = msgspec.field(default_factory=Counter[str])
    colors: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter[tuple[str, str]])  # (label, said)
    signs: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter[tuple[str, str]])  # (label, said)
    signs_of: Counter[str] = msgspec.field(default_factory=Counter[str])  # how often each was there to be read
    missed: list[tuple[str, list[str]]] = []
    special_missed: list[tuple[str, list[str]]] = []
    ms: list[float] = []

    @property
    def exact(self) -> float:
        return 100 * self.right["all"] / max(1, self.count["all"])

    @property
    def color(self) -> float:
        return 100 * sum(n for (label, said), n in self.colors.items() if label == said) / max(1, self.colors.total())

    def add(self, label: Labelled, found: Sequence[Read], ms: float) -> None:
        """A picture counts as right where one of its plates is among those read."""
        self.ms.append(ms)
        hit = next((read for read in found if read.plate in label.plates), None)
        if hit is not None and hit.color:
            self.colors[label.color, hit.color.replace("yellow_green", "green")] += 1
        plates = [read.plate for read in found]
        if label.is_standard:
            self._standard(label, hit is not None, plates)
        else:
            self._special(label, hit is not None, plates)

    def _standard(self, label: Labelled, is_right: bool, plates: list[str]) -> None:
        for key in ("all", label.color, f"{label.rows} row", f"class {_class(label)}"):
            self.count[key] += 1
            self.right[key] += is_right
        self.signs_of.update(label.plates[0])
        if not is_right:
            self.missed.append((label.plates[0], plates))
            self.signs.update(confused(label.plates[0], plates))

    def _special(self, label: Labelled, is_right: bool, plates: list[str]) -> None:
        key = "office" if _class(label) == "small" else _class(label)  # its O in the second place makes it special
        self.special_count[key] += 1
        self.special_right[key] += is_right
        if not is_right:
            self.special_missed.append((label.plates[0], plates))


def _class(label: Labelled) -> str:
    found = classify(label.plates[0], label.color)
    return found.plate_class if found else "unknown"


def confused(wanted: str, plates: Iterable[str]) -> list[tuple[str, str]]:
    """Sign by sign against the reading that comes nearest."""
    same = [plate for plate in plates if len(plate) == len(wanted)]
    if not same:
        return [("plate", "none")]
    pairs = min((_differences(wanted, plate) for plate in same), key=len)
    return pairs if len(pairs) <= _MOST_WRONG else [("plate", "another's")]


def _differences(wanted: str, plate: str) -> list[tuple[str, str]]:
    return [(a, b) for a, b in zip(wanted, plate, strict=True) if a != b]


def some(share: float) -> list[Labelled]:
    """The first of the pictures; their order is that of a hash, so that they are a fair part."""
    all_of_them = list(labelled())
    return all_of_them[: max(1, int(len(all_of_them) * min(1.0, share)))]


def scored(reader: PlateReader, share: float = 1.0) -> Score:
    """``share``: of the pictures."""
    score = Score()
    for label in some(share):
        picture = read_picture(label.file)
        began = time.thread_time()
        found = [Read(plate.plate, plate.color) for plate in reader(picture)]
        score.add(label, found, (time.thread_time() - began) * 1_000)
    return score

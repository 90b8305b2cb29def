"""The labelled pictures of plates beside the repository, and how right a reader is on them."""

from __future__ import annotations

import csv
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from edge.vision.models.fetch import fetch
from edge.vision.models.manifest import Profile, of_profile
from edge.vision.plates.own_reader import OwnReader
from edge.vision.plates.picture_file import read_picture
from edge.vision.plates.plate_reader import Plate, PlateReader
from edge.vision.plates.profiles import plate_reader

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
PICTURES, WEIGHTS = SHARED / "fixtures" / "plates", SHARED / "models"
MODELS = ROOT / ".venvs" / "models"  # kept between runs: wheels need not be downloaded each time
_COLORS = {"蓝": "blue", "黄": "yellow", "绿": "green", "白": "white", "黑": "black"}
REACH: dict[Profile, tuple[float, float]] = {"pip": (88, 95), "fast": (95, 95), "best": (97.5, 95)}  # plates, colours


class Labelled(msgspec.Struct, frozen=True):
    file: Path
    plates: tuple[str, ...]
    color: str
    is_standard: bool
    rows: str


class Score(msgspec.Struct):
    """Counts of standard plates, right and in all, by what they are; special ones and colours apart."""

    right: Counter[str] = msgspec.field(default_factory=Counter[str])
    count: Counter[str] = msgspec.field(default_factory=Counter[str])
    special: list[bool] = []
    colors: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter[tuple[str, str]])  # (label, said)
    signs: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter[tuple[str, str]])  # (label, said)
    missed: list[tuple[str, list[str]]] = []
    ms: list[float] = []

    @property
    def exact(self) -> float:
        return 100 * self.right["all"] / self.count["all"]

    @property
    def color(self) -> float:
        return 100 * sum(n for (label, said), n in self.colors.items() if label == said) / self.colors.total()


def labelled() -> Iterator[Labelled]:
    with (PICTURES / "labels.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            color, plates = _COLORS[row["colour"][0]], tuple(row["plate"].split("|"))
            path = PICTURES / "images" / row["file"]
            yield Labelled(path, plates, color, row["kind"] == "standard", row["layers"])


def ready(profile: Profile, own: OwnReader | None = None) -> PlateReader:
    """``own``: another reader in the place of the product's. Raises CannotFetch."""
    fetch(of_profile(profile), MODELS, WEIGHTS, lambda model, more: None)
    return plate_reader(profile, MODELS, own)


def scored(reader: PlateReader, share: float = 1.0) -> Score:
    """A picture counts as right where one of its plates is among those read. ``share``: of the pictures."""
    score = Score()
    all_of_them = list(labelled())
    for label in all_of_them[: max(1, int(len(all_of_them) * share))]:
        picture = read_picture(label.file)
        began = time.thread_time()
        found = reader(picture)
        score.ms.append((time.thread_time() - began) * 1_000)
        _count(score, label, found)
    return score


def _count(score: Score, label: Labelled, found: list[Plate]) -> None:
    hit = next((plate for plate in found if plate.plate in label.plates), None)
    if hit is not None:
        score.colors[label.color, hit.color.replace("yellow_green", "green")] += 1
    if not label.is_standard:
        score.special.append(hit is not None)
        return
    for key in ("all", label.color, label.rows):
        score.count[key] += 1
        score.right[key] += hit is not None
    if hit is None:
        score.missed.append((label.plates[0], [plate.plate for plate in found]))
        _confused(score, label.plates[0], found)


def _confused(score: Score, wanted: str, found: list[Plate]) -> None:
    """Sign by sign against the reading that comes nearest."""
    same = [plate.plate for plate in found if len(plate.plate) == len(wanted)]
    if not same:
        score.signs["plate", "none"] += 1
        return
    nearest = min(same, key=lambda plate: sum(a != b for a, b in zip(plate, wanted, strict=True)))
    pairs = [(a, b) for a, b in zip(wanted, nearest, strict=True) if a != b]
    if len(pairs) > 2:
        score.signs["plate", "another's"] += 1
        return
    score.signs.update(pairs)

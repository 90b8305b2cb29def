"""The labelled pictures of plates beside the repository, and the product's readers of them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import msgspec

from edge.vision.models.fetch import fetch
from edge.vision.models.manifest import Profile, of_profile
from edge.vision.plates.own_reader import OwnReader
from edge.vision.plates.plate_reader import PlateReader
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

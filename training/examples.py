"""What the reader learns from: drawn plates with shaken corners, and real crops named by their plate."""

from __future__ import annotations

import csv
import math
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from edge.vision.frames import Picture
from edge.vision.plates.colors import COLORS
from edge.vision.plates.corners import Found
from edge.vision.plates.own_reader import HEIGHT, WIDTH, cut
from tests.drawn_plates import KINDS, Face, book_face, drawn
from training.spoiling import spoiled

Example = tuple[Picture, str, int]  # picture, plate, number of its colour
_CROP = re.compile(r"[\u4e00-\u9fff][A-HJ-NP-Z][A-HJ-NP-Z0-9]{5}")
_BLUE = COLORS.index("blue")
_OFTEN = {"blue": 4, "green_small": 3, "green_large": 2, "yellow": 3, "yellow_double": 2}  # the others once
_STRENGTHS = (0.2, 0.5, 0.8)  # of what is done to real crops, which a camera has spoiled already


def from_drawing(rng: random.Random, face: Face = book_face) -> Example:
    kind = rng.choices(KINDS, [_OFTEN.get(kind, 1) for kind in KINDS])[0]
    made = drawn(kind, rng, tilt=rng.uniform(0.0, 0.2), face=face)
    shaken = made.found.corners + np.array([[_shake(rng, made.found), _shake(rng, made.found)] for _ in range(4)])
    found = Found(shaken.astype(np.float32), 1.0, made.found.rows)
    return spoiled(cut(made.scene, found, rng.uniform(0.0, 0.07)), rng), made.plate, COLORS.index(made.color)


def _shake(rng: random.Random, found: Found) -> float:
    """A detector's mistake, in shares of the plate's height."""
    _, top, _, bottom = found.span
    return rng.gauss(0, rng.choice((0.01, 0.025, 0.05))) * (bottom - top)


class RealCrops:
    """Blue plates of seven signs, cut out already; rare provinces are drawn oftener than they are there."""

    def __init__(self, folders: list[Path], left_out: set[str]) -> None:
        named = {path.stem: path for folder in folders for path in sorted(folder.iterdir())}
        self._paths = [path for plate, path in named.items() if _CROP.fullmatch(plate) and plate not in left_out]
        provinces = Counter(path.stem[0] for path in self._paths)
        self._weights = [1 / math.sqrt(provinces[path.stem[0]]) for path in self._paths]

    def __len__(self) -> int:
        return len(self._paths)

    def __call__(self, rng: random.Random) -> Example:
        [path] = rng.choices(self._paths, self._weights)
        crop = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
        if crop is None:
            raise ValueError(f"{path}: no picture that can be decoded; remove it")
        high, wide = crop.shape[:2]
        corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
        corners += np.array([[rng.gauss(0, 0.04), rng.gauss(0, 0.04)] for _ in range(4)], np.float32) * high
        made = cut(crop, Found(corners, 1.0), 0.0)  # pyright: ignore[reportArgumentType]
        return spoiled(made, rng, rng.choice(_STRENGTHS)), path.stem, _BLUE


def plates_of(labels: list[Path]) -> set[str]:
    """The plates of a measure: nobody may learn them."""
    found: set[str] = set()
    for path in labels:
        with path.open(encoding="utf-8") as file:
            found.update(plate for row in csv.DictReader(file) for plate in row["plate"].split("|"))
    return found


def examples(
    seed: int, real: RealCrops, real_share: float, face: Face = book_face, book_share: float = 0.2
) -> Iterator[Example]:
    """Without end, the same for the same seed. ``book_share``: of the drawn plates, in a book's font all the same."""
    rng = random.Random(seed)
    while True:
        is_real = len(real) > 0 and rng.random() < real_share
        made = real(rng) if is_real else from_drawing(rng, book_face if rng.random() < book_share else face)
        assert made[0].shape == (HEIGHT, WIDTH, 3)
        yield made

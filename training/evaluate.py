"""python -m training.evaluate reader.onnx: labelled pictures through the product with these weights, or drawn ones."""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from edge.vision.models.manifest import PROFILES
from edge.vision.plates.closer import Closer
from edge.vision.plates.own_reader import OwnReader
from edge.vision.plates.plate_reader import PlateReader
from tests.drawn_plates import KINDS, drawn
from tests.plate_pictures import ready
from tests.plate_scores import scored

_MARGINS = (0.02, 0.04, 0.06)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--profile", choices=PROFILES, default="best")
    parser.add_argument("--drawn", type=int, default=0, help="instead: so many drawn plates of each kind")
    asked = parser.parse_args()
    reader = OwnReader(asked.weights)
    if asked.drawn:
        _drawn(reader, asked.drawn)
    else:
        _labelled(reader, asked.profile)


def _labelled(reader: OwnReader, profile: str) -> None:
    score = scored(ready(profile, reader))  # pyright: ignore[reportArgumentType]
    print(f"exact {score.exact:.1f} % of {score.count['all']}, colours {score.color:.1f} %")
    for key in sorted(score.count):
        print(f"  {key}: {score.right[key]} of {score.count[key]}")


def _drawn(reader: OwnReader, each: int) -> None:
    """The reader alone: the corners are given, and no second one helps."""
    product = PlateReader(lambda picture: [], Closer(lambda picture: []), reader, None, (), _MARGINS)
    right = {kind: sum(_is_right(product, kind, number) for number in range(each)) for kind in KINDS}
    print(f"drawn: {sum(right.values())} of {each * len(KINDS)}")
    for kind, count in right.items():
        print(f"  {kind}: {count} of {each}")


def _is_right(product: PlateReader, kind: str, number: int) -> bool:
    shot = drawn(kind, random.Random(f"{kind} {number}"), tilt=0.05)
    read = product.read(shot.scene, shot.found)
    return read is not None and read.plate == shot.plate


if __name__ == "__main__":
    main()

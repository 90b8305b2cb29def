"""python -m training.evaluate reader.onnx: the labelled pictures through the product with these weights."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge.vision.models.manifest import PROFILES
from edge.vision.plates.own_reader import OwnReader
from tests.plate_pictures import ready
from tests.plate_scores import scored


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--profile", choices=PROFILES, default="best")
    asked = parser.parse_args()
    score = scored(ready(asked.profile, OwnReader(asked.weights)))
    print(f"exact {score.exact:.1f} % of {score.count['all']}, colours {score.color:.1f} %")
    for key in sorted(score.count):
        print(f"  {key}: {score.right[key]} of {score.count[key]}")


if __name__ == "__main__":
    main()

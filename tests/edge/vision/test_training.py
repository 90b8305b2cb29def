"""The pipeline from drawn plates to weights that the product loads: tiny here, an hour in earnest."""

from __future__ import annotations

import random
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from domain.plates import classify
from edge.vision.plates.closer import Closer
from edge.vision.plates.own_reader import TABLE, WEIGHTS, OwnReader
from edge.vision.plates.plate_reader import PlateReader
from tests.drawn_plates import KINDS, drawn
from training.examples import RealCrops, examples, from_drawing, plates_of
from training.glyphs import GlyphBank, NoGlyphs
from training.spoiling import spoiled

ROOT = Path(__file__).resolve().parents[3]
_VENV = ROOT / ".venvs" / "training" / "bin" / "python"
_LIMIT_S = 280


def a_python_with_torch() -> str | None:
    """This one, or that of training/README.md."""
    return sys.executable if find_spec("torch") and find_spec("onnx") else str(_VENV) if _VENV.is_file() else None


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    folder = tmp_path / "crops"
    folder.mkdir()
    for seed in range(4):
        shot = drawn("blue", random.Random(seed), tilt=0.0)
        cv2.imencode(".png", shot.scene[50:-50, 50:-50])[1].tofile(folder / f"{shot.plate}.png")
    return folder


def test_what_is_learned_is_the_same_for_the_same_seed_and_every_sign_has_a_number(crops: Path) -> None:
    real = RealCrops([crops], set())
    one, two = (list(zip(range(40), examples(3, real, 0.3), strict=False)) for _ in "ab")
    assert all((a[1][0] == b[1][0]).all() and a[1][1:] == b[1][1:] for a, b in zip(one, two, strict=True))
    assert {sign for _, (_, plate, _) in one for sign in plate} <= {*TABLE, "O"}
    assert len({plate for _, (_, plate, _) in one}) > 20


def test_the_plates_of_a_measure_are_learned_by_nobody(crops: Path, tmp_path: Path) -> None:
    first = min(path.stem for path in crops.iterdir())
    labels = tmp_path / "labels.csv"
    labels.write_text(f"file,plate\na.jpg,京A00000|{first}\n", encoding="utf-8")
    assert len(RealCrops([crops], plates_of([labels]))) == 3
    assert len(RealCrops([crops], set())) == 4


def test_a_bank_of_real_signs_is_used_and_what_it_lacks_is_drawn(tmp_path: Path) -> None:
    bar = np.full((90, 45), 255, np.uint8)
    bar[:, 20:25] = 0
    cv2.imencode(".png", bar)[1].tofile(tmp_path / "140_A.png")
    bank = GlyphBank(tmp_path, random.Random(1))
    mask = bank("blue", "A", 45, 90)
    assert mask.shape == (90, 45) and mask[:, 22].mean() > 200 and mask[:, :10].max() == 0
    assert bank("blue", "B", 45, 90).shape == (90, 45)
    assert {from_drawing(random.Random(seed), bank)[2] for seed in range(30)} > {0, 1, 2}


def test_a_folder_without_signs_says_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(NoGlyphs, match=r"140_A\.jpg.*training/README\.md"):
        GlyphBank(tmp_path, random.Random(1))


def test_a_spoiled_picture_is_another_of_the_same_size() -> None:
    shot = drawn(KINDS[0], random.Random(1))
    made = [spoiled(shot.scene[:48, :168].copy(), random.Random(seed)) for seed in range(20)]
    assert {picture.shape for picture in made} == {(48, 168, 3)} and {picture.dtype.name for picture in made} == {
        "uint8"
    }
    assert len({picture.tobytes() for picture in made}) == 20


@pytest.mark.full  # it needs torch, which nothing else does
def test_a_few_steps_make_weights_that_the_product_loads(crops: Path, tmp_path: Path) -> None:
    python = a_python_with_torch()
    if python is None:
        pytest.skip("no torch here: make .venvs/training as training/README.md says")
    out = tmp_path / "reader.onnx"
    command = [python, "-m", "training.train", "--real", str(crops), "--minutes", "0.05", "--batch", "4", "--out", out]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_LIMIT_S)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "4 real crops" in done.stdout and "step 0" in done.stdout
    reader = OwnReader(out)
    shot = drawn("blue", random.Random(1))
    steps, colors = reader(shot.scene, [(shot.found, 0.02), (shot.found, 0.04)])
    assert len(steps) == 2 and colors.shape == (2, 5) and abs(float(colors[0].sum()) - 1) < 1e-3
    product = PlateReader(
        lambda picture: [shot.found], Closer(lambda picture: []), reader, None, (), (0.02, 0.04, 0.06)
    )
    assert all(classify(plate.plate) for plate in product(shot.scene))
    measured = subprocess.run(
        [sys.executable, "-m", "training.evaluate", out, "--drawn", "1"], cwd=ROOT, capture_output=True, text=True
    )
    assert measured.returncode == 0 and f"drawn: 0 of {len(KINDS)}" in measured.stdout, measured.stderr
    own = subprocess.run(
        [sys.executable, "-m", "training.evaluate", WEIGHTS, "--drawn", "1"], cwd=ROOT, capture_output=True, text=True
    )  # control: what has been trained reads some of them
    assert "drawn: 0 of" not in own.stdout, own.stderr

"""``gatehouse-edge plates``: a line a plate, and files that are no pictures."""

from __future__ import annotations

import json
import random
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from edge.commands import plates as command
from edge.commands.app import app
from edge.vision.frames import Picture
from edge.vision.plates.closer import Closer
from edge.vision.plates.corners import Found
from edge.vision.plates.own_reader import OwnReader
from edge.vision.plates.picture_file import decoded
from edge.vision.plates.picture_mistake import BadPicture
from edge.vision.plates.plate_reader import PlateReader
from tests.drawn_plates import drawn

KEYS = {"file", "plate", "color", "confidence", "box", "ms"}


def png(width: int, height: int) -> bytes:
    """A few bytes that say they are a picture of this size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plate, a picture without one, and files that are none; the detector knows where the plate is."""
    shot = drawn("blue", random.Random("blue 0"), tilt=0.05)
    cv2.imwrite(str(tmp_path / "car.png"), shot.scene)
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((200, 300, 3), 90, np.uint8))
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    (tmp_path / "bomb.png").write_bytes(png(60_000, 60_000))

    def find(picture: Picture) -> list[Found]:
        return [shot.found] if picture.shape == shot.scene.shape else []

    reader = PlateReader(find, Closer(lambda picture: []), OwnReader(), None, (), (0.02, 0.04, 0.06))
    monkeypatch.setattr("edge.vision.plates.profiles.plate_reader", lambda profile, folder: reader)
    return tmp_path


def test_a_plate_gives_its_line_and_a_picture_without_one_a_null(pictures: Path) -> None:
    names = [str(pictures / "car.png"), str(pictures / "wall.png")]
    done = CliRunner().invoke(app, ["plates", *names, "--profile", "fast", "--json"])
    assert done.exit_code == 0, done.stderr
    car, wall = (json.loads(line) for line in done.stdout.splitlines())
    assert set(car) >= KEYS and set(wall) == KEYS
    assert (car["file"], car["plate"], car["color"]) == (names[0], drawn("blue", random.Random("blue 0")).plate, "blue")
    assert 0 < car["confidence"] <= 1 and len(car["box"]) == 4 and car["ms"] > 0
    assert (wall["plate"], wall["color"], wall["box"]) == (None, None, None)


def test_bad_files_are_named_and_the_rest_goes_on(pictures: Path) -> None:
    names = [str(pictures / name) for name in ("empty.jpg", "broken.jpg", "bomb.png", "none.jpg", "car.png")]
    done = CliRunner().invoke(app, ["plates", *names, "--profile", "fast", "--json"])
    assert done.exit_code == 1
    assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == [names[-1]]
    said = done.stderr.splitlines()
    assert [line.split(":")[0] for line in said if line.startswith(str(pictures))] == names[:-1]


def test_a_bomb_is_not_decoded() -> None:
    """Control: a small picture made the same way is a picture."""
    with pytest.raises(BadPicture):
        decoded(png(60_000, 60_000))
    whole = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    assert decoded(whole).shape == (8, 8, 3)


def test_without_models_it_says_how_to_fetch_them(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["plates", "car.jpg", "--models", str(tmp_path)])
    assert done.exit_code == 1 and "models fetch --profile" in done.stderr
    assert command.plates.__doc__ and "Example: gatehouse-edge plates" in command.plates.__doc__

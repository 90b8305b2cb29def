"""``gatehouse-edge watch``: what a file would report, with its pictures, and nothing recorded."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from typer.testing import CliRunner, Result

from edge.commands.app import app
from tests.edge.vision.clips_made import film, scene, yard


def watch(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["watch", *map(str, words)])


def test_a_file_that_goes_dark_is_reported_with_its_picture(tmp_path: Path) -> None:
    bright = [scene(number / 10) for number in range(60)]
    dark = [scene(number / 10) // 32 for number in range(100)]
    path, kept = film(tmp_path / "night.avi", [*bright, *dark]), tmp_path / "kept"
    found = watch(path, "--save", kept, "--json")
    assert found.exit_code == 0, found.output
    said = [json.loads(line) for line in found.stdout.splitlines() if line.startswith("{")]
    assert [(one["kind"], one.get("reason")) for one in said] == [("availability", None), ("alarm", "dark")]
    pictures = sorted(kept.iterdir())
    assert len(pictures) == 2 and all(cv2.imread(str(picture)) is not None for picture in pictures)
    assert "frames 160" in found.output
    assert sorted(file.name for file in tmp_path.iterdir()) == ["kept", "night.avi"], "nothing is recorded"


def test_a_row_names_what_happened(tmp_path: Path) -> None:
    black = film(tmp_path / "black.avi", [np.full((180, 320, 3), 5, np.uint8)] * 80)
    found = watch(black)
    assert found.exit_code == 0
    assert "image_fault active dark" in found.stdout


def test_it_stops_where_it_is_told(tmp_path: Path) -> None:
    assert "frames 21" in watch(yard(tmp_path / "yard.avi", 5), "--seconds", "2").output


def test_what_cannot_be_read_is_said_with_exit_1(tmp_path: Path) -> None:
    (tmp_path / "none.avi").write_bytes(b"no video")
    for stream in (tmp_path / "none.avi", tmp_path / "nowhere.avi", "rtsp://127.0.0.1:9/x", "camera:unlisted"):
        found = watch(stream)
        assert found.exit_code == 1, stream
        assert found.output.strip()

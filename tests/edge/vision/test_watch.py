"""``gatehouse-edge watch``: what a file would report, with its pictures, and nothing recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from edge.commands.app import app
from edge.vision.streams.advice import next_step
from edge.vision.streams.where import Reason
from tests.edge.vision.clips_made import film, scene, yard
from tests.rtsp import film as rtsp_film
from tests.rtsp import needs_rtsp_server, serving


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


def listed(folder: Path, main: Path | str) -> Path:
    sub = yard(folder / "sub.avi", 2)
    written = f'data = "{folder / "data"}"\n[[devices]]\nid = "camera:a"\naddress = "{sub}"\n'
    written += f'[vision.cameras."camera:a"]\nmain = "{main}"\n'
    path = folder / "edge.toml"
    path.write_text(written, encoding="utf-8")
    return path


def test_the_main_stream_of_a_listed_camera_is_tried_first(tmp_path: Path) -> None:
    main = film(tmp_path / "main.mkv", (scene(n / 10, (640, 360)) for n in range(10)))
    config = listed(tmp_path, main)
    found = watch("camera:a", "--config", config)
    assert found.exit_code == 0, found.output
    assert f"main stream {main}: 640 × 360, mpeg4, its first picture after" in found.output
    assert "frames 20" in found.output, "and then the other"
    other = watch(tmp_path / "sub.avi", "--camera", "camera:a", "--config", config)
    assert "main stream" not in other.output, "a file that stands for the camera has no large one"


@pytest.mark.parametrize(
    ("main", "cause", "step"),
    [
        ("rtsp://u:s3cret-word@127.0.0.1:9/x", "unreachable", "is it on"),
        ("http://127.0.0.1/x", "bad_address", "write rtsp://"),
        ("broken.avi", "unreadable", "H.264"),
    ],
)
def test_a_main_stream_that_cannot_be_read_is_said_with_what_to_do(
    tmp_path: Path, main: str, cause: str, step: str
) -> None:
    (tmp_path / "broken.avi").write_bytes(b"no video")
    found = watch("camera:a", "--config", listed(tmp_path, str(tmp_path / main) if "://" not in main else main))
    assert found.exit_code == 1
    (line,) = [line for line in found.output.splitlines() if line.startswith("main stream")]
    assert cause in line and step in line and "s3cret" not in line
    assert "frames 20" in found.output, "what is watched is watched all the same"


@needs_rtsp_server
def test_a_path_that_a_camera_does_not_have_is_said_to_be_none(tmp_path: Path) -> None:
    with serving({"/yard": [rtsp_film(tmp_path / "yard.h264", (scene(n / 10) for n in range(20)))]}) as server:
        found = watch("camera:a", "--config", listed(tmp_path, server.address("/other")))
    assert found.exit_code == 1 and "not_found" in found.output and "its maker's path" in found.output


def test_every_reason_has_its_next_step() -> None:
    for reason in get_args(Reason):
        assert len(next_step(reason, "camera:a")) > 20

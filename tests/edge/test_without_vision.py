"""The agent of a box that looks at no pixels: everything starts where nothing of the ``vision`` extra is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# What pyproject.toml's extra ``vision`` brings, by the names that are imported.
BARE = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"numpy", "cv2", "av", "onnxruntime", "trackers"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
"""


def bare(rest: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BARE + rest, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return bare("from edge.program import main\nsys.exit(main())", *arguments)


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("doctor", "--help"), ("plates", "--help")])
def test_a_command_starts(words: tuple[str, ...]) -> None:
    done = command(*words)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_drivers_and_transports_are_all_there() -> None:
    done = bare("import edge.running, edge.doctor.ways.vision, edge.transports.vision, edge.devices.camera")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["plates", "watch"])
def test_what_looks_at_pixels_says_what_to_install(name: str, tmp_path: Path) -> None:
    picture = tmp_path / "gate.jpg"
    picture.write_bytes(b"")
    done = command(name, str(picture))
    assert done.returncode != 0
    assert "gatehouse[" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_control_sees_an_import_of_numpy() -> None:
    assert "No module named 'numpy'" in bare("import edge.vision.frames").stderr

"""The agent of a box that asks no camera over ONVIF: everything starts where nothing of the extra ``onvif`` is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# What pyproject.toml's extra ``onvif`` brings, by the names that are imported.
BARE = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"onvif", "zeep", "lxml", "httpx", "ciso8601", "isodate"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
"""


def bare(rest: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BARE + rest, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return bare("from edge.program import main\nsys.exit(main())", *arguments)


@pytest.mark.parametrize("words", [("--version",), ("doctor", "--help"), ("watch", "--help"), ("discover", "--help")])
def test_a_command_starts(words: tuple[str, ...]) -> None:
    done = command(*words)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_drivers_transports_and_the_doctor_are_all_there() -> None:
    done = bare(
        "import edge.running, edge.doctor.ways.onvif, edge.transports.onvif, edge.transports.vision_addresses\n"
        "from edge.devices.driver import discover\n"
        "assert {'onvif', 'camera-onvif'} <= set(discover().by_family)"
    )
    assert done.returncode == 0, done.stderr


def test_what_asks_a_camera_says_what_to_install(tmp_path: Path) -> None:
    done = command("watch", "onvif://127.0.0.1:9", "--save", str(tmp_path))
    assert done.returncode == 1
    assert "pip install 'gatehouse[edge,onvif]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_of_it_is_loaded_before_a_camera_is_asked() -> None:
    loaded = (
        "import sys, edge.running, edge.transports.onvif, edge.doctor.ways.onvif\n"
        "print(sorted({'onvif', 'zeep', 'lxml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_control_sees_an_import_of_the_library() -> None:
    assert "No module named" in bare("import edge.onvif.library").stderr

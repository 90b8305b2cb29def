"""A box without the libraries for pictures is told the way that helps there; the package finds what was put in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from edge.vision.libraries import PACKAGED, how_to_get

ROOT = Path(__file__).resolve().parents[3]
LAUNCHER = ROOT / "deploy" / "deb" / "launch.py.in"


def test_the_way_is_the_one_that_helps_on_this_box(tmp_path: Path) -> None:
    assert "pip install 'gatehouse[edge,vision]'" in how_to_get(str(tmp_path / "bin" / "gatehouse-edge"))
    packaged = how_to_get("/opt/gatehouse/versions/0.1.0/gatehouse-edge")
    assert "/opt/gatehouse/vision" in packaged and "gatehouse[" not in packaged and "install.md" in packaged


def test_the_page_that_is_named_says_how() -> None:
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    assert "## Cameras and plates" in page and f"--target {PACKAGED / 'vision'}" in page


def test_the_launcher_looks_there_behind_its_own(tmp_path: Path) -> None:
    """With the folder's name exchanged: what lies in both is the agent's own; what lies there alone is found."""
    lib, vision = tmp_path / "lib", tmp_path / "vision"
    for folder, names in ((lib, ("shared",)), (vision, ("shared", "only_there"))):
        folder.mkdir()
        for name in names:
            (folder / f"{name}.py").write_text(f"place = {folder.name!r}\n")
    (lib / "told.py").write_text(
        "def main():\n    import json, only_there, shared\n    print(json.dumps([shared.place, only_there.place]))\n"
    )
    body = LAUNCHER.read_text(encoding="utf-8").format(what="a test", module="told")
    assert str(PACKAGED / "vision") in body
    program = tmp_path / "program"
    program.write_text(body.replace(str(PACKAGED / "vision"), str(vision)), encoding="utf-8")
    done = subprocess.run([sys.executable, "-IBS", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["lib", "vision"]

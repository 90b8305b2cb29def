"""The wheel as others get it: whole, and each extra alone is enough for its program and brings nothing of the other."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long
ROOT = Path(__file__).resolve().parents[1]
VENDOR = ROOT / "server" / "web" / "static" / "vendor"
PACKAGES = ("domain", "eventlog", "edge", "server", "simulators")
_LIMIT_S = 900


def run(*command: str | Path, cwd: Path) -> str:
    """What a command printed; its last words where it failed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=_LIMIT_S)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built once, from the working tree."""
    assert any(VENDOR.glob("*/*")), "the browser's files are not there: make test fetches them"
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)
    return next(folder.glob("gatehouse-*.whl"))


@pytest.fixture(scope="module")
def contents(wheel: Path) -> frozenset[str]:
    with zipfile.ZipFile(wheel) as opened:
        return frozenset(opened.namelist())


def files(*patterns: str) -> Iterator[str]:
    """Files of the packages in the working tree, as the wheel names them."""
    for package in PACKAGES:
        for pattern in patterns:
            yield from (str(path.relative_to(ROOT)) for path in (ROOT / package).rglob(pattern) if path.is_file())


def test_the_wheel_has_every_module_and_what_the_pages_are_made_of(contents: frozenset[str]) -> None:
    wanted = set(files("*.py", "*.html", "*.css", "*.js", "*.svg", "*.webmanifest", "*.po", "*.mo", "*.mako"))
    assert "server/web/templates/base.html" in wanted
    assert wanted - contents == set()


def test_the_wheel_has_the_browser_s_libraries_each_with_its_licence(contents: frozenset[str]) -> None:
    libraries = {path.name for path in VENDOR.iterdir() if path.is_dir()}
    assert libraries
    for name in libraries:
        inside = {path.rpartition("/")[2] for path in contents if path.startswith(f"server/web/static/vendor/{name}/")}
        assert any(file.upper().startswith(("LICENSE", "LICENCE", "COPYING")) for file in inside), name
        assert any(file.endswith((".js", ".css")) for file in inside), name


def test_the_wheel_has_our_licence_and_no_more_than_the_packages(contents: frozenset[str]) -> None:
    tops = {name.partition("/")[0] for name in contents}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in contents)
    assert [name for name in contents if "__pycache__" in name or "node_modules" in name] == []


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """extra -> the bin folder of a fresh environment that has only the wheel with that extra."""
    folder = tmp_path_factory.mktemp("installed")

    def install(extra: str) -> Path:
        place = folder / extra
        run(sys.executable, "-m", "venv", "--without-pip", place, cwd=folder)
        pip = (sys.executable, "-m", "pip", "--python", place / "bin" / "python", "install", "--quiet", "--no-compile")
        run(*pip, f"{wheel}[{extra}]", cwd=folder)
        return place / "bin"

    with ThreadPoolExecutor() as side_by_side:
        extras = ("edge", "server")
        return dict(zip(extras, side_by_side.map(install, extras), strict=True))


# What the one has no use for, with the module by which it would be seen.
_NOT_FOR = {
    "edge": ("fastapi", "uvicorn", "sqlalchemy", "alembic", "jinja2", "obstore", "pwdlib"),
    "server": ("sdnotify", "cv2", "onnxruntime", "av"),
}


@pytest.mark.parametrize("extra", _NOT_FOR)
def test_an_extra_alone_is_enough_for_its_program(extra: str, installed: dict[str, Path], tmp_path: Path) -> None:
    program = installed[extra] / f"gatehouse-{extra}"
    assert "Usage" in run(program, "--help", cwd=tmp_path)


@pytest.mark.parametrize("extra", _NOT_FOR)
def test_an_extra_brings_nothing_of_the_other(extra: str, installed: dict[str, Path], tmp_path: Path) -> None:
    asked = """
import importlib, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ImportError:
        continue
    found[name] = True
print(json.dumps(sorted(found)))
"""
    shared = ("aiohttp", "msgspec", "zstandard")
    python = installed[extra] / "python"
    found: list[Any] = json.loads(run(python, "-c", asked, *_NOT_FOR[extra], *shared, cwd=tmp_path))
    assert found == sorted(shared)


def test_the_installed_programs_work_on_an_empty_folder(installed: dict[str, Path], tmp_path: Path) -> None:
    """Not only help: the driver folder, the migrations and the templates are found in site-packages too."""
    (tmp_path / "motion.txt").write_text("ON")
    topic = ("--topic", "frigate/lobby/motion")
    printed = run(installed["edge"] / "gatehouse-edge", "decode", "frigate", "motion.txt", *topic, cwd=tmp_path)
    assert json.loads(printed)["label"] == "motion"
    made = run(installed["server"] / "gatehouse-server", "init", "--data", "centre", "--json", cwd=tmp_path)
    assert json.loads(made)["username"] == "operator"
    counted = run(installed["server"] / "gatehouse-server", "report", "--data", "centre", "--json", cwd=tmp_path)
    assert json.loads(counted)["events"] == 0
    page = "import server.app, server.web.render; print('made')"
    assert run(installed["server"] / "python", "-c", page, cwd=tmp_path).strip() == "made"

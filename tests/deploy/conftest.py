"""Packages built once a session, and a bare Debian 12 to install them in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.chroot import Chroot, NoBareDebian, bare_debian, this_architecture

ROOT = Path(__file__).resolve().parents[2]
_LIMIT_S = 600
_NOT_NEEDED = shutil.ignore_patterns("__pycache__", "vendor", "node_modules")
OLD, NEW, BROKEN = "0.1.0", "0.1.1", "0.1.2"


class Packages:
    """Makes packages of the tree, of another number and with other contents where a test asks for it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[str, str, str], Path] = {}

    def get(self, number: str, architecture: str = "", defect: str = "") -> Path:
        """A package; with ``defect`` in place of the module that runs the agent."""
        architecture = architecture or this_architecture()
        key = (number, architecture, defect)
        if key not in self._made:
            self._made[key] = self.build(number, architecture, defect, self._folder / f"out-{len(self._made)}")
        return self._made[key]

    def build(self, number: str, architecture: str, defect: str, out: Path) -> Path:
        libraries = self._folder / f"libraries-{architecture}"
        command = [sys.executable, ROOT / "scripts" / "build_deb.py", "--quick", "--out", out, "--libraries", libraries]
        command += ["--source", self._source(number, defect), "--arch", architecture]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S)
        assert done.returncode == 0, done.stdout + done.stderr
        return Path(done.stdout.strip())

    def _source(self, number: str, defect: str) -> Path:
        source = self._folder / f"source-{number}"
        if source.exists():
            return source
        source.mkdir()
        for name in ("domain", "eventlog", "edge", "server", "simulators", "deploy", "docs"):
            shutil.copytree(ROOT / name, source / name, ignore=_NOT_NEEDED)
        for name in ("README.md", "LICENSE"):
            shutil.copy(ROOT / name, source)
        project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        assert project.count(f'\nversion = "{OLD}"\n') == 1, "the tests' own numbers must follow the project's"
        (source / "pyproject.toml").write_text(project.replace(f'"{OLD}"', f'"{number}"', 1), encoding="utf-8")
        if defect:
            (source / "edge" / "agent.py").write_text(defect)
        return source


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    if shutil.which("dpkg-deb") is None:
        pytest.skip("dpkg-deb is not installed")
    return Packages(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="session")
def debian() -> Path:
    """The archive of a bare Debian 12, made once and kept."""
    if os.geteuid() != 0:
        pytest.skip("a chroot needs root")
    try:
        return bare_debian()
    except NoBareDebian as error:
        pytest.skip(str(error))


@pytest.fixture
def box(debian: Path, tmp_path: Path) -> Iterator[Chroot]:
    """A bare Debian 12 of its own."""
    room = Chroot.room(tmp_path)
    chroot = Chroot.unpacked(debian, room / "box")
    yield chroot
    shutil.rmtree(room)

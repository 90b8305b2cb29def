"""python -m benchmarks.peers: makes the environments of the other programs we are measured beside, each once."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_FOLDER = _HERE.parent / ".venvs"
_LIMIT_S = 1_200
PLATE_READERS = ("agentclpr", "hyperlpr", "rapidocr")


class PeerMissing(Exception):
    """The other program cannot be installed here; the message says what pip said."""


def thingsboard() -> Path:
    """The Python of the environment that holds thingsboard-gateway. Raises PeerMissing."""
    return _python("thingsboard", _HERE / "thingsboard.txt")


def plate_reader(name: str) -> Path:
    """The Python of one of PLATE_READERS. Raises PeerMissing.

    Its list is whole, so nothing else is looked for: agentclpr asks for an OpenCV with windows, which needs a screen's
    libraries, and the one without does the same.
    """
    return _python(name, _HERE / "plate_readers" / f"{name}.txt", "--no-deps")


def _python(name: str, pinned: Path, *options: str) -> Path:
    """``pinned``: every version, so that the same thing runs next year."""
    folder = _FOLDER / name
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.is_file() or done.read_bytes() != pinned.read_bytes():
        venv.create(folder, clear=True, with_pip=True)
        _install(python, pinned, *options)
        done.write_bytes(pinned.read_bytes())
    return python


def _install(python: Path, pinned: Path, *options: str) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *options]
    done = subprocess.run([*command, "--requirement", pinned], capture_output=True, text=True, timeout=_LIMIT_S)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "WARNING" not in line]
        raise PeerMissing(f"pip could not install {pinned.name}:\n" + "\n".join(said)[-1_000:])


if __name__ == "__main__":
    for made in (thingsboard(), *map(plate_reader, PLATE_READERS)):
        print(made, file=sys.stdout)

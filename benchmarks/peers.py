"""python -m benchmarks.peers: makes .venvs/thingsboard, the other program we are measured beside, once."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[1] / ".venvs" / "thingsboard"
_PINNED = Path(__file__).with_name("thingsboard.txt")  # every version, so that the same thing runs next year
_LIMIT_S = 600


class PeerMissing(Exception):
    """The other program cannot be installed here; the message says what pip said."""


def thingsboard() -> Path:
    """The Python of the environment that holds thingsboard-gateway. Raises PeerMissing."""
    python, done = _FOLDER / "bin" / "python", _FOLDER / "installed"
    if not done.is_file() or done.read_bytes() != _PINNED.read_bytes():
        venv.create(_FOLDER, clear=True, with_pip=True)
        _install(python)
        done.write_bytes(_PINNED.read_bytes())
    return python


def _install(python: Path) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", _PINNED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S)
    if done.returncode:
        raise PeerMissing(f"pip could not install {_PINNED.name}:\n{done.stderr[-1_000:]}")


if __name__ == "__main__":
    print(thingsboard(), file=sys.stdout)

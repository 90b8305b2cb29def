"""Builds dist/gatehouse-edge_VERSION_ARCH.deb: the agent with its libraries, for Debian 12, wherever dpkg-deb is.

The same libraries, the same tree and the same SOURCE_DATE_EPOCH give the same bytes: ``--libraries``
keeps them for that.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from deb_tree import Package, lay_out
from deb_wheels import BY_HAND, MACHINES, NotFit, fetch_libraries, make_ours, opened
from tracked_files import ROOT

_LIMIT_S = 600


def main() -> int:
    told = _arguments()
    if shutil.which("dpkg-deb") is None:
        print(
            "dpkg-deb is not there. On Debian: apt install dpkg; elsewhere look for a package of that name",
            file=sys.stderr,
        )
        return 1
    told.arch = told.arch or _here()
    try:
        print(build(told))
    except (NotFit, subprocess.SubprocessError, OSError) as error:
        print(f"no package was built: {error}", file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", default="", choices=("", *MACHINES), help="default: this machine's")
    parser.add_argument("--source", type=Path, default=ROOT, help="the tree to package")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="the folder for the package")
    parser.add_argument("--libraries", type=Path, help="a folder of wheels: filled if it is empty, else taken as it is")
    parser.add_argument("--quick", action="store_true", help="hardly compressed, for a test")
    return parser.parse_args()


def build(told: argparse.Namespace) -> Path:
    """The package's file. Raises NotFit, CalledProcessError or OSError; then there is none."""
    with tempfile.TemporaryDirectory(prefix="gatehouse-deb-") as scratch:
        wheels = opened(_wheels(told, Path(scratch)), told.arch, told.source / BY_HAND)
        number = _number(told.source)
        package = Package(told.source, number, debian_version(number), told.arch, wheels, _epoch_s(told.source))
        root = Path(scratch, "root")
        lay_out(package, root)
        return _pack(package, root, told.out, "-Zgzip -z1" if told.quick else "-Zxz --threads-max=1")


def _wheels(told: argparse.Namespace, scratch: Path) -> list[Path]:
    """Our own, made from the tree, and the libraries."""
    libraries = told.libraries or scratch / "libraries"
    if not any(libraries.glob("*.whl")):
        fetch_libraries(told.source, told.arch, libraries)
    make_ours(told.source, scratch / "ours")
    return [*libraries.glob("*.whl"), *(scratch / "ours").glob("*.whl")]


def _pack(package: Package, root: Path, out: Path, compression: str) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    file = out / f"gatehouse-edge_{package.version}_{package.architecture}.deb"
    command = ["dpkg-deb", "--root-owner-group", *compression.split(), "--build", str(root), str(file)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(package.epoch_s)}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment, timeout=_LIMIT_S)
    return file


def _number(source: Path) -> str:
    return tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def debian_version(number: str) -> str:
    """Python's version number as Debian sorts it: what comes before a release has a tilde."""
    return re.sub(r"\.?(a|b|rc|dev)(\d+)", r"~\1\2", number)


def _here() -> str:
    return subprocess.run(
        ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True, timeout=_LIMIT_S
    ).stdout.strip()


def _epoch_s(source: Path) -> int:
    """SOURCE_DATE_EPOCH, else the time of the last commit, else a fixed day."""
    if told := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(told)
    asked = ["git", "-C", str(source), "log", "-1", "--format=%ct"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=_LIMIT_S)
    return int(done.stdout) if done.returncode == 0 and done.stdout.strip() else 1_767_225_600


if __name__ == "__main__":
    sys.exit(main())

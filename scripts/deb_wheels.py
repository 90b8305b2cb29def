"""The wheels that go into the package: fetched for its processor, opened, and none of them under the GPL."""

from __future__ import annotations

import email
import re
import struct
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from email.message import Message
from pathlib import Path, PurePosixPath

PYTHON = "311"  # what Debian 12 has
MACHINES = {"amd64": ("x86_64", 0x3E), "arm64": ("aarch64", 0xB7)}  # pip's word, and the number in an ELF header
# Pure Python, but published as source only: made into a wheel here, for pip fetches wheels alone for another processor.
SOURCE_ONLY = ("sdnotify",)
EXTRAS = ("edge", "osdp")
# Texts of licences that a wheel names and does not bring, by the wheel's name: looked up by hand.
BY_HAND = Path("deploy/deb/licences")
OURS = ("domain", "eventlog", "edge")  # of our own wheel; the centre and the simulators stay out
# Say of themselves that they are BSD, and carry codecs under the GPL.
NOT_WHAT_THEY_SAY = frozenset({"av", "pyav"})
_LIMIT_S = 600
_GPL = re.compile(r"\bA?GPL|GNU (?:Affero )?General Public", re.IGNORECASE)
_LICENCE_FILE = re.compile(r"^(LICEN[CS]E|COPYING|NOTICE|COPYRIGHT)|/licenses/", re.IGNORECASE)


class NotFit(Exception):
    """A wheel must not be carried; the message says which and why."""


@dataclass(frozen=True)
class Wheel:
    """An opened wheel: what it says of itself, and the files that belong beside our modules, by path."""

    name: str
    version: str
    licence: str
    files: dict[str, bytes]

    @property
    def licence_files(self) -> dict[str, bytes]:
        """The licences' texts, by a name that tells them apart."""
        found = {path: body for path, body in self.files.items() if ".dist-info/" in path and _is_licence(path)}
        return {
            path.partition(".dist-info/")[2].removeprefix("licenses/").replace("/", "-"): found[path] for path in found
        }


def _is_licence(path: str) -> bool:
    return bool(_LICENCE_FILE.search(path.partition(".dist-info")[2]) or _LICENCE_FILE.match(PurePosixPath(path).name))


def make_ours(source: Path, folder: Path) -> None:
    """Put the wheel of a source tree into ``folder``. Raises CalledProcessError."""
    _pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(source))


def fetch_libraries(source: Path, architecture: str, folder: Path) -> None:
    """Put the wheels that the agent's extras ask for into ``folder``. Raises CalledProcessError."""
    _pip("wheel", "--no-deps", "--wheel-dir", str(folder), *SOURCE_ONLY)
    machine, _ = MACHINES[architecture]
    platforms = [f"--platform=manylinux_2_{minor}_{machine}" for minor in range(5, 37)]
    asked = ["--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON}", *platforms]
    asked += [f"--platform=manylinux2014_{machine}", f"--find-links={folder}", f"--dest={folder}"]
    _pip("download", *asked, *_requirements(source))


def _requirements(source: Path) -> list[str]:
    project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *(line for name in EXTRAS for line in project["optional-dependencies"][name])]


def _pip(verb: str, *arguments: str) -> None:
    command = [sys.executable, "-m", "pip", verb, "-qq", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, timeout=_LIMIT_S)


def opened(paths: Iterable[Path], architecture: str, by_hand: Path = BY_HAND) -> list[Wheel]:
    """The wheels, by name. Raises NotFit for one that must not be carried."""
    wheels = [_with_licence(_open(path), by_hand) for path in sorted(paths, key=lambda path: path.name)]
    for wheel in wheels:
        judge_licence(wheel)
        judge_binaries(wheel, architecture)
    return wheels


def _open(path: Path) -> Wheel:
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in sorted(archive.namelist()) if not name.endswith("/")}
    said = email.message_from_bytes(next(files[name] for name in files if name.endswith(".dist-info/METADATA")))
    wanted = {placed: body for name, body in files.items() if (placed := _place(name, said["Name"]))}
    return Wheel(said["Name"].lower(), said["Version"], licence_of(said), wanted)


def _with_licence(wheel: Wheel, by_hand: Path) -> Wheel:
    """The wheel, with the text that was added by hand where it brings none."""
    folder = by_hand / wheel.name
    if wheel.licence_files or not folder.is_dir():
        return wheel
    inside = next(path for path in wheel.files if path.endswith(".dist-info/METADATA")).removesuffix("METADATA")
    texts = {f"{inside}licenses/{text.name}": text.read_bytes() for text in sorted(folder.iterdir())}
    return replace(wheel, files={**wheel.files, **texts})


def _place(name: str, package: str) -> str:
    """Where a file of a wheel goes; empty for what is not carried."""
    top, _, rest = name.partition("/")
    if top.endswith(".data"):
        kind, _, inner = rest.partition("/")
        return inner if kind in ("purelib", "platlib") else ""
    if name.endswith(".dist-info/RECORD") or (package == "gatehouse" and name.endswith("entry_points.txt")):
        return ""
    return name if package != "gatehouse" or top in OURS or top.endswith(".dist-info") else ""


def licence_of(said: Message) -> str:
    """What a wheel says its licence is; the newer, stricter fields go first."""
    if expression := said["License-Expression"]:
        return expression
    classifiers = [
        line.rpartition(" :: ")[2] for line in said.get_all("Classifier", []) if line.startswith("License ::")
    ]
    stated = (said["License"] or "").strip().splitlines()[:1]
    return " AND ".join(dict.fromkeys([*classifiers, *stated]))


def judge_licence(wheel: Wheel) -> None:
    """Raises NotFit for the GPL, and for a wheel that does not say or show what it is under."""
    if wheel.name in NOT_WHAT_THEY_SAY:
        raise NotFit(f"{wheel.name} carries codecs under the GPL: use Debian's python3-{wheel.name}")
    if all(_GPL.search(choice) for choice in re.split(r"\s+OR\s+", wheel.licence)):
        raise NotFit(f"{wheel.name} {wheel.version} is under {wheel.licence}: no GPL wheel is carried")
    if not wheel.licence or not wheel.licence_files:
        raise NotFit(f"{wheel.name} {wheel.version} has no licence in it: look for it, and add it by hand")


def judge_binaries(wheel: Wheel, architecture: str) -> None:
    """Raises NotFit for machine code of another processor, and for a library that somebody else's licence covers."""
    for path, machine in binaries(wheel.files):
        if machine != MACHINES[architecture][1]:
            raise NotFit(f"{wheel.name}: {path} is for another processor than {architecture}")
        if ".libs/" in path:
            raise NotFit(f"{wheel.name} brings {path} of another project: its licence has not been looked at")


def binaries(files: dict[str, bytes]) -> Iterator[tuple[str, int]]:
    """Each ELF file with the number of its processor."""
    for path, body in files.items():
        if body.startswith(b"\x7fELF"):
            yield path, struct.unpack_from("<H", body, 18)[0]

"""Refuses what must not be in the repository: paths of a machine, hosts of a package index, large files."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tracked_files import ROOT, tracked_files

MOST_BYTES = 1_000_000
_WEIGHTS, _MOST_BYTES_OF_WEIGHTS = Path("edge/vision/weights"), 3_000_000  # our own reader's: they come with the wheel
# Written so that these lines do not match themselves.
_REFUSED = (
    ("a path of one machine", re.compile(r"(?<![\w.:/])/(?:home|root|tmp|work|Users)/[A-Za-z0-9_.]")),
    ("a host of a package index", re.compile(r"\b(?:pypi|pythonhosted|npmjs|npmmirror|debian)\.(?:org|com)\b")),
)


def faults(root: Path = ROOT) -> Iterator[str]:
    """One line for each thing that must not be there: where it is, and what it is."""
    for name in tracked_files(root):
        body = (root / name).read_bytes()
        most = _MOST_BYTES_OF_WEIGHTS if _WEIGHTS in name.parents else MOST_BYTES
        if len(body) > most:
            yield f"{name}: {len(body)} bytes, at most {most}"
        if b"\0" not in body:
            yield from _faults_of(name, body.decode(errors="replace"))


def _faults_of(name: Path, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        for what, pattern in _REFUSED:
            if found := pattern.search(line):
                yield f"{name}:{number}: {what}: {found.group()}"


def main() -> None:
    found = list(faults())
    for line in found:
        print(line, file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()

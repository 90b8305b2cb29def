"""Where scripts, styles and icons lie, and how a page names them: under a version of all of them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
PATH = "/static"


@cache
def version() -> str:
    """A short hash of all files: what lies under it never changes, and scripts find each other beside them."""
    digest = hashlib.sha256()
    for path in sorted(path for path in FOLDER.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(FOLDER)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def url(name: str) -> str:
    return f"{PATH}/{version()}/{name}"

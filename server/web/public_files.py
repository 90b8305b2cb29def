"""Scripts, styles and icons, for anyone; under a version of all of them, so that browsers may keep them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from server.auth import declare

FOLDER = Path(__file__).parent / "static"
PATH = "/static"
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


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


class PublicFiles(StaticFiles):
    """Static files, with or without the version before the name."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        first, _, rest = path.partition("/")
        is_versioned = first == version()
        response = await super().get_response(rest if is_versioned else path, scope)
        response.headers["Cache-Control"] = _FOR_EVER if is_versioned else _ASK_AGAIN
        return response


declare(PublicFiles, "public")

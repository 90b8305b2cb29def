"""Scripts, styles and icons, for anyone; under a version of all of them, so that browsers may keep them."""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from server.auth import declare
from server.web.file_names import FOLDER, version

_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_ZIPPED = frozenset({".js", ".css", ".svg", ".webmanifest"})


class PublicFiles(StaticFiles):
    """Static files, with or without the version before the name."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        first, _, rest = path.partition("/")
        is_versioned = first == version()
        response = await super().get_response(rest if is_versioned else path, scope)
        if isinstance(response, FileResponse) and Path(response.path).suffix in _ZIPPED:
            response = _as_wanted(response, Headers(scope=scope))
        response.headers["Cache-Control"] = _FOR_EVER if is_versioned else _ASK_AGAIN
        return response


def _as_wanted(found: FileResponse, asked: Headers) -> Response:
    """Zipped for who takes that: phones are on slow lines. Nothing of these is secret, so its size tells nothing."""
    found.headers["Vary"] = "Accept-Encoding"
    if "gzip" not in asked.get("accept-encoding", "") or "range" in asked:
        return found
    path = Path(found.path)
    body = _zipped(path, path.stat().st_mtime_ns)
    told = {name: found.headers[name] for name in ("etag", "last-modified", "vary")}
    return Response(body, media_type=found.media_type, headers={**told, "Content-Encoding": "gzip"})


@lru_cache(maxsize=256)
def _zipped(path: Path, changed_ns: int) -> bytes:
    """A file that changed is another one."""
    return gzip.compress(path.read_bytes(), 9, mtime=0)


declare(PublicFiles, "public")

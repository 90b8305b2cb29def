"""What a phone keeps for where there is no line: the worker, the files it stores, and the page it shows there."""

from __future__ import annotations

import json
from functools import cache

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from server.auth import public
from server.web.answers import open_page
from server.web.file_names import FOLDER, url, version

router = APIRouter()

# What the screens of a patrol load, and what those load; tests/server/test_shell.py holds it against the pages.
SHELL = (
    "vendor/htmx.org/htmx.min.js",
    "gatehouse.webmanifest",
    "icon.svg",
    "icon-180.png",
    "base.css",
    "alerts.css",
    "desk.css",
    "duty.css",
    "plan.css",
    "light.css",
    "acting.js",
    "ages.js",
    "cards.js",
    "chime.js",
    "elsewhere.js",
    "keep_page.js",
    "live_list.js",
    "offline.js",
    "one_alert.js",
    "outbox.js",
    "outbox_store.js",
    "page.js",
    "photo.js",
    "plan_live.js",
    "plan_zoom.js",
    "session.js",
    "stream.js",
    "toast.js",
    "words.js",
)
_PARTS = ("push_worker.js", "worker.js")
_OFFLINE = "/offline"


@router.get("/worker.js", dependencies=[Depends(public)])
async def worker() -> Response:
    """The one worker of all screens. Browsers ask for it anew by themselves: at every visit, at least once a day."""
    return Response(_script(), media_type="text/javascript", headers={"Cache-Control": "no-cache"})


@cache
def _script() -> str:
    """Another text with every version of the files, which is how a browser knows that there is a new one."""
    told = {"VERSION": version(), "SHELL": [url(name) for name in SHELL], "OFFLINE": _OFFLINE}
    constants = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in told.items())
    return "\n".join((constants, *((FOLDER / name).read_text("utf-8") for name in _PARTS)))


@router.get(_OFFLINE, dependencies=[Depends(public)])
async def offline(request: Request) -> Response:
    """What the worker shows where nothing else is kept; it says nothing of anybody."""
    return open_page(request, "offline.html")

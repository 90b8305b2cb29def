"""What a phone keeps without a line: the worker names every file that a patrol's pages load, zipped for slow lines."""

from __future__ import annotations

import gzip
import json
import posixpath
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.api.shell import SHELL
from server.web.file_names import FOLDER, url, version
from tests.server.engines import SQLITE
from tests.server.people import City, city

PAGES = ("/", "/alerts/a1", "/alerts/t1", "/complexes/garden/plan", "/offline")
_LOADED = re.compile(r"/static/[0-9a-f]{12}/([^\"']+)")
_IMPORTED = re.compile(r"""(?:from|import)\s*\(?["'](\./[^"']+)["']""")


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[City]:
    async with city(tmp_path, SQLITE) as made:
        yield made


def with_imports(names: set[str]) -> set[str]:
    """The files, and what their scripts import, and what those do."""
    found, ahead = set[str](), list(names)
    while ahead:
        name = ahead.pop()
        if name in found:
            continue
        found.add(name)
        if name.endswith(".js") and not name.startswith("vendor/"):
            told = _IMPORTED.findall((FOLDER / name).read_text("utf-8"))
            ahead += [posixpath.normpath(posixpath.join(posixpath.dirname(name), one)) for one in told]
    return found


async def loaded(town: City) -> set[str]:
    visitor, found = await town.visitor("li"), set[str]()
    for path in PAGES:
        found |= set(_LOADED.findall(await visitor.page(path)))
    return with_imports(found | {"light.css"})  # by day; the test of the theme sees that it is linked


async def test_the_worker_keeps_exactly_what_a_patrols_pages_load(town: City) -> None:
    assert await loaded(town) == set(SHELL)
    assert "acting.js" in with_imports({"live_list.js"}), "a page's scripts bring others, which are seen"


async def test_the_worker_is_at_the_root_names_its_version_and_shows_pushes(town: City) -> None:
    answer = await (await town.visitor()).get("/worker.js")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
    assert answer.headers["content-type"].startswith("text/javascript")
    told = dict(re.findall(r"^const (VERSION|SHELL|OFFLINE) = (.*);$", answer.text, re.M))
    assert json.loads(told["VERSION"]) == version()
    assert json.loads(told["SHELL"]) == [url(name) for name in SHELL]
    for listener in ("install", "activate", "fetch", "push", "notificationclick"):
        assert f'addEventListener("{listener}"' in answer.text


async def test_every_kept_file_is_there_for_anyone_and_so_is_the_offline_page(town: City) -> None:
    stranger = await town.visitor()
    for name in SHELL:
        assert (await stranger.get(url(name))).status_code == 200, name
    page = await stranger.page("/offline")
    assert "现在连不上中心" in page and 'name="csrf"' not in page


async def test_the_manifest_has_icons_that_are_there_in_the_sizes_it_says(town: City) -> None:
    stranger = await town.visitor()
    told = json.loads((await stranger.get("/static/gatehouse.webmanifest")).text)
    assert (told["start_url"], told["scope"], told["display"]) == ("/", "/", "standalone")
    sizes = {"icon.svg": "any"}
    for icon in told["icons"]:
        body = (await stranger.get(f"/static/{icon['src']}")).content
        if icon["type"] == "image/png":
            side = int.from_bytes(body[16:20])
            sizes[icon["src"]] = f"{side}x{int.from_bytes(body[20:24])}"
        assert icon["sizes"] == sizes[icon["src"]]
    assert {"192x192", "512x512"} <= {icon["sizes"] for icon in told["icons"]}
    assert any(icon.get("purpose") == "maskable" for icon in told["icons"])


async def test_the_colours_are_chosen_kept_and_lead_back_here(town: City) -> None:
    visitor = await town.visitor("li")
    assert "light.css" not in await visitor.page("/"), "dark, where nobody said anything"
    referer = {"Referer": "http://centre.example.invalid/doors?complex=garden"}
    assert (await visitor.get("/theme/light", **referer)).headers["location"] == "/doors?complex=garden"
    assert re.search(r'href="/static/[0-9a-f]{12}/light.css">', await visitor.page("/"))
    await visitor.get("/theme/auto")
    assert re.search(r'light.css" media="\(prefers-color-scheme: light\)">', await visitor.page("/"))
    await visitor.get("/theme/%00<script>")
    assert "light.css" not in await visitor.page("/")


async def test_texts_are_zipped_for_who_takes_it(town: City) -> None:
    stranger = await town.visitor()
    path = url("base.css")
    plain = await stranger.get(path, **{"Accept-Encoding": "identity"})
    zipped = await stranger.get(path, **{"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers and zipped.headers["content-encoding"] == "gzip"
    assert plain.content == zipped.content == (FOLDER / "base.css").read_bytes()
    assert int(zipped.headers["content-length"]) == len(gzip.compress(plain.content, 9)) < len(plain.content) / 2
    assert plain.headers["vary"] == zipped.headers["vary"] == "Accept-Encoding"
    assert zipped.headers["content-type"].startswith("text/css") and "immutable" in zipped.headers["cache-control"]
    again = await stranger.get(path, **{"If-None-Match": zipped.headers["etag"], "Accept-Encoding": "gzip"})
    assert again.status_code == 304
    part = await stranger.get(path, Range="bytes=0-9", **{"Accept-Encoding": "gzip"})
    assert (part.status_code, part.content) == (206, plain.content[:10])

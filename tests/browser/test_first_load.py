"""What a patrol's first screen costs on a slow line, and that it asks nobody but the centre."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import expect

from server.small_pictures import MOST_SMALL_BYTES
from tests.browser.stage import ON_STAGE, Stage, is_live
from tests.browser.test_offline import has_worker

pytestmark = ON_STAGE
MOST_BYTES = 80_000  # pages, styles, scripts and icons, as they come over the line; pictures are apart


async def test_the_first_load_is_small_and_so_is_each_picture(stage: Stage) -> None:
    """Measured in the browser: headers and all, as it came, in a browser that has nothing yet."""
    known = await (await stage.visitor("li")).context.storage_state()
    fresh = await stage.browser.new_context(viewport={"width": 390, "height": 844}, storage_state=known)
    page = await fresh.new_page()
    line: Any = await fresh.new_cdp_session(page)
    came: dict[str, str] = {}
    sizes: dict[str, float] = {}

    def comes(said: Any) -> None:
        came[said["requestId"]] = said["response"]["url"]

    def ends(said: Any) -> None:
        sizes[said["requestId"]] = said["encodedDataLength"]

    line.on("Network.responseReceived", comes)
    line.on("Network.loadingFinished", ends)
    await line.send("Network.enable")
    await page.goto(stage.base)
    await is_live(page)
    await expect(page.locator("#alert-a1 img")).to_have_js_property("complete", True)
    await page.wait_for_load_state("load")
    by_path = {urlsplit(came[one]).path: size for one, size in sizes.items() if one in came}
    pictures = {path: size for path, size in by_path.items() if path.startswith("/media/")}
    rest = sum(size for path, size in by_path.items() if path not in pictures)
    assert pictures and max(pictures.values()) <= MOST_SMALL_BYTES + 1_000
    assert any(path.endswith("/live_list.js") for path in by_path), "the control: scripts were counted"
    assert 20_000 < rest <= MOST_BYTES, by_path
    await fresh.close()


async def test_no_request_leaves_for_anybody_but_the_centre(stage: Stage) -> None:
    page, asked = await stage.visitor("li"), list[str]()
    page.context.on("request", lambda request: asked.append(request.url))  # the worker's too
    for path in ("/", "/alerts/a1", "/complexes/garden/plan"):
        await page.goto(stage.base + path)
        await is_live(page)
    await has_worker(page)
    assert len(asked) > 20 and [url for url in asked if not url.startswith(f"{stage.base}/")] == []
    await page.evaluate("fetch('http://localhost:9/x').catch(() => {})")  # the control: it is refused, and seen
    assert any("Content Security Policy" in said for said in stage.complaints)
    stage.complaints.clear()

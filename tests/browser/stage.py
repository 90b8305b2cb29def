"""A served centre and a real Chromium: a city on a free port of this machine, pages as phones and desks see them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, async_playwright, expect

from server.bootstrap import close_house, open_house
from server.config import Config
from server.house import House
from server.web import browser_files
from tests.server import rows
from tests.server.engines import SQLITE
from tests.server.filled_copies import filled
from tests.server.people import make_app
from tests.server.told import give_channels

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 800}
WAIT_MS = 30_000


NEEDS = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM} (Debian: apt install chromium)"),
    pytest.mark.skipif(
        not browser_files.is_current(),
        reason="the browser's libraries are not there: python -m server.web.browser_files",
    ),
]
# A Chromium takes longer to start than most of these take: those of one process share it, and so a loop.
ON_STAGE = [*NEEDS, pytest.mark.asyncio(loop_scope="session")]
expect.set_options(timeout=15_000)


class Stage:
    """The centre, which can go away and come back at the same address, and the browser."""

    def __init__(self, house: House, browser: Browser, port: int) -> None:
        self.house, self.browser, self.port = house, browser, port
        self.base = f"http://127.0.0.1:{port}"
        self.complaints: list[str] = []
        self.wait_ms = WAIT_MS  # for anything a page is to do
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Listen; on the same port each time."""
        config = uvicorn.Config(
            make_app(self.house), port=self.port, log_level="error", timeout_graceful_shutdown=1, lifespan="off"
        )
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve())
        async with asyncio.timeout(20):
            while not self._server.started:
                await asyncio.sleep(0.02)

    async def vanish(self) -> None:
        """Stop listening, and cut who is connected."""
        assert self._server and self._serving
        self._server.should_exit = self._server.force_exit = True
        for server in self._server.servers:
            server.close()
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()
        await self._serving

    async def visitor(self, username: str, size: ViewportSize = PHONE) -> Page:
        """Someone signed in, at the first page their role has."""
        context = await self.context(size)
        page = await context.new_page()
        self._listen(page)
        await page.goto(f"{self.base}/login")
        await page.fill("[name=username]", username)
        await page.fill("[name=password]", rows.PASSWORD)
        await page.click("button.primary")
        await page.wait_for_selector("header.top")
        return page

    async def context(self, size: ViewportSize = PHONE) -> BrowserContext:
        is_phone = size["width"] < 760
        context = await self.browser.new_context(viewport=size, has_touch=is_phone, is_mobile=is_phone)
        context.set_default_timeout(self.wait_ms)
        return context

    def _listen(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if _is_policy(said.text) else None)


def _is_policy(text: str) -> bool:
    return "Content Security Policy" in text or "Refused to" in text


async def is_live(page: Page) -> None:
    """Wait until the page says that it is live."""
    await expect(page.locator("#live-state")).to_have_attribute("data-state", "live")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@asynccontextmanager
async def staged(folder: Path, browser: Browser) -> AsyncIterator[Stage]:
    """A city that is served, and nothing open in the browser behind it; a script that failed fails the test."""
    async with filled(folder, SQLITE):
        house = await open_house(folder, Config())
        try:
            async with AsyncExitStack() as stack:
                stage = await _made(stack, house, browser)
                yield stage
        finally:  # or its threads would keep a program that failed
            await close_house(house)
    assert stage.complaints == []


async def _made(stack: AsyncExitStack, house: House, browser: Browser) -> Stage:
    """All of it, and how it is taken down."""
    give_channels(house)
    hub = asyncio.create_task(house.live.run())
    stack.push_async_callback(_ended, house, hub)
    stage = Stage(house, browser, free_port())
    await stage.serve()
    stack.push_async_callback(stage.vanish)
    stack.push_async_callback(_closed, browser)
    return stage


async def _closed(browser: Browser) -> None:
    for context in browser.contexts:
        await context.close()


async def _ended(house: House, hub: asyncio.Task[None]) -> None:
    house.live.close()
    await hub

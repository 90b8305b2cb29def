"""A patrol's screen in a real Chromium: signed in, and when each alert stood in its page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Literal

from playwright.async_api import Page, ViewportSize, async_playwright

What = Literal["shown", "pictured"]
_CHROMIUM = "/usr/bin/chromium"
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_PHONE: ViewportSize = {"width": 390, "height": 844}
_WATCH = """() => {
  window.shown = {};
  window.pictured = {};
  document.addEventListener("load", ({ target }) => {
    const card = target.closest?.("[data-alert]");
    if (card) window.pictured[card.dataset.alert] ??= Date.now();
  }, true);
  const note = (node) => {
    if (node.nodeType !== Node.ELEMENT_NODE) return;
    const cards = [node, ...node.querySelectorAll("[data-alert]")];
    for (const { dataset } of cards) if (dataset.alert) window.shown[dataset.alert] ??= Date.now();
  };
  note(document.body);
  new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach(note)))
    .observe(document.body, { childList: true, subtree: true });
}"""
_LOOK_S = 0.2  # the page notes the times itself; to ask it more often takes of what is measured


@asynccontextmanager
async def patrol(server: str, username: str, password: str) -> AsyncGenerator[Page]:
    """The page of live alerts, on a phone's size, that notes what it shows."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_CHROMIUM, args=_ARGUMENTS)
        page = await (await browser.new_context(viewport=_PHONE, is_mobile=True, has_touch=True)).new_page()
        await page.goto(f"{server}/login")
        await page.fill("[name=username]", username)
        await page.fill("[name=password]", password)
        await page.click("button.primary")
        await page.wait_for_selector("#live-state[data-state=live]", state="attached")
        await page.evaluate(_WATCH)
        yield page
        await browser.close()


async def shown(page: Page, what: What = "shown") -> dict[str, float]:
    """Of each alert that the page has shown, or has a picture of, when it did first: seconds since 1970."""
    found: dict[str, float] = await page.evaluate(f"() => window.{what}")
    return {name: at_ms / 1_000 for name, at_ms in found.items()}


async def comes(page: Page, known: int, limit_s: float, what: What = "shown") -> float:
    """When the page shows one more than ``known``."""
    until_s = time.monotonic() + limit_s
    while time.monotonic() < until_s:
        found = await shown(page, what)
        if len(found) > known:
            return max(found.values())
        await asyncio.sleep(_LOOK_S)
    raise TimeoutError(f"after {limit_s} s the page shows no more than {known} alerts")


async def answers_ms(page: Page) -> float:
    """How long the page takes to paint once it is asked to: what a finger waits for."""
    began = time.monotonic()
    await page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return (time.monotonic() - began) * 1_000

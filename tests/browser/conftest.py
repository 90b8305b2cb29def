"""The fixture of all browser tests: a served city, and a Chromium to look at it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.stage import Stage, chromium, staged


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One for all tests of a process."""
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def stage(tmp_path: Path, browser: Browser) -> AsyncIterator[Stage]:
    async with staged(tmp_path / "stage", browser) as made:
        yield made

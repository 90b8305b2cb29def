"""The library is loaded once, before any test counts seconds."""

from __future__ import annotations

import asyncio

import pytest

from edge.onvif.camera import prepare


@pytest.fixture(scope="session", autouse=True)
def _loaded() -> None:
    asyncio.run(prepare())

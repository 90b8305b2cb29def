"""A running platform, by its profile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from simulators.upper.platform import UpperPlatform

Running = Callable[..., Awaitable[UpperPlatform]]


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with AsyncExitStack() as stack:

        async def start(profile: str, **rest: Any) -> UpperPlatform:
            one = UpperPlatform(profile, **rest)
            await one.start()
            stack.push_async_callback(one.stop)
            return one

        yield start

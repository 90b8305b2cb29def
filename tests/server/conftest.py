"""The engine of the centre's tests: a test that asks for it, or for a centre, runs on each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.engines import Engine, chosen


@pytest.fixture(params=chosen(), ids=lambda engine: engine.name)
def engine(request: pytest.FixtureRequest) -> Engine:
    return request.param


@pytest.fixture
def database(engine: Engine) -> Iterator[str]:
    """What a server's settings name: a database of this test's own."""
    with engine.database() as url:
        yield url

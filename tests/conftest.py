"""What holds for all tests: in CI, a test that skips itself because the machine lacks something has failed."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Generator, Iterator
from typing import Any, TypeVar

import pytest
import structlog
from hypothesis import settings

IN_CI, FULL = os.environ.get("GATEHOUSE_CI") == "1", bool(os.environ.get("FULL"))
settings.register_profile("gatehouse", deadline=None)  # how quick a machine is that does other things is no law
settings.load_profile("gatehouse")
R = TypeVar("R", pytest.TestReport, pytest.CollectReport)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Logging is of the whole process: a command that sets it up leaves it as it was to the tests behind it."""
    handlers, hook = logging.root.handlers[:], sys.excepthook
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    logging.root.handlers[:], sys.excepthook = handlers, hook


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What only the long form has is left out of the short one; what takes longest begins first."""
    too_long = [item for item in items if not FULL and item.get_closest_marker("full")]
    items[:] = sorted((item for item in items if item not in too_long), key=_begins)
    config.hook.pytest_deselected(items=too_long)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Nothing becomes rubbish meanwhile, and looking for it took a third of the time; who only shares out goes on."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """All that was imported and collected stays: looking through it again and again was a seventh of a run."""
    gc.collect()
    gc.freeze()


def _begins(item: pytest.Item) -> bool:
    return item.get_closest_marker("long") is None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _counted((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _counted((yield))


def _counted(report: R) -> R:
    """A skip as a failure, with its reason; a failure that was expected stays what it is."""
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {_reason(report.longrepr)}"
    return report


def _reason(longrepr: Any) -> str:
    """A skip's reason stands behind its file and line."""
    return str(longrepr) if not isinstance(longrepr, tuple) else str(longrepr[-1])  # pyright: ignore[reportUnknownArgumentType]

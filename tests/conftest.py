"""What holds for all tests: in CI, a test that skips itself because the machine lacks something has failed."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any, TypeVar

import pytest

IN_CI = os.environ.get("GATEHOUSE_CI") == "1"
R = TypeVar("R", pytest.TestReport, pytest.CollectReport)


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

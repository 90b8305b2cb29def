"""Each rig gets its story; its line goes to the report, and all lines are shown at the end."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import msgspec
import pytest

from tests.faults.story import SEED, Line, Story, report_file, write

_LINE = "line of the report"
_lines: list[Line] = []


@pytest.fixture
def story(request: pytest.FixtureRequest) -> Story:
    return Story(f"{request.path.stem.removeprefix('test_')}/{request.node.name.removeprefix('test_')}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    story: Any = getattr(item, "funcargs", {}).get("story")
    if call.when == "call" and story is not None:
        line = write(story, report.outcome, call.duration)
        report.user_properties.append((_LINE, msgspec.json.encode(line).decode()))
        print(f"\n{line}")
        if report.failed:
            report.sections.extend(_of_nodes(item))
            report.sections.append(
                ("seed", f"repeat with: GATEHOUSE_SEED={story.seed} pytest {item.nodeid.partition('@')[0]}")
            )
    return report


def _of_nodes(item: pytest.Item) -> list[tuple[str, str]]:
    """What the nodes of its database said last, where it has any."""
    cluster: Any = getattr(item, "funcargs", {}).get("cluster")
    return [("nodes", cluster.last_words(80))] if cluster is not None else []


def pytest_configure() -> None:
    """Before other processes are begun that take a part of the tests: one run has one seed."""
    os.environ.setdefault("GATEHOUSE_SEED", str(SEED))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Wherever the test ran."""
    _lines.extend(msgspec.json.decode(said, type=Line) for name, said in report.user_properties if name == _LINE)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _lines:
        return
    terminalreporter.section(f"faults, seed {SEED} (GATEHOUSE_SEED={SEED} repeats every choice)")
    for line in _lines:
        mark = "ok " if line.outcome == "passed" else line.outcome
        terminalreporter.write_line(f"{mark} {line.seconds:6.1f} s  {line}")
    terminalreporter.write_line(f"report: {report_file()}")

"""gatehouse-edge as one program: the agent without what only commands need, the same options either way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from edge.commands.app import app
from edge.program import options
from simulators.products import command

COMMANDS_ONLY = ("typer", "pydantic")


def loaded_after(statement: str) -> set[str]:
    """Which of those libraries a process has loaded after a statement."""
    code = f"import sys\n{statement}\nprint(*(name for name in {COMMANDS_ONLY!r} if name in sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(said.stdout.split())


def test_the_agent_starts_without_what_only_commands_need() -> None:
    assert loaded_after("import edge.program, edge.running") == set()
    assert "typer" in loaded_after("import edge.commands.app")  # the control: the question can be answered otherwise


def test_run_has_the_options_that_its_help_explains() -> None:
    explained = typer.main.get_command(app).commands["run"]  # pyright: ignore
    parsed = [set(action.option_strings) for action in options()._actions]  # pyright: ignore
    assert sorted(map(sorted, parsed)) == sorted(sorted(one.opts) for one in explained.params)  # pyright: ignore


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["run", "--config", "none.toml"], 1, "none.toml"),
        (["run", "--colour"], 2, "--colour"),
        (["run", "--help"], 0, "Run the agent until it is told to stop"),
        (["--help"], 0, "The Gatehouse agent of one complex"),
        (["no-such"], 2, "no-such"),
    ],
)
def test_what_is_typed_is_answered(tmp_path: Path, words: list[str], code: int, said: str) -> None:
    env = {**os.environ, "COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb"}
    ended = subprocess.run(
        [command("gatehouse-edge"), *words], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == code, ended.stderr
    assert said in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr

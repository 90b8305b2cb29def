"""``gatehouse-server doctor``: what is wrong with this centre, why, and what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import typer
from rich.text import Text

from domain.findings import Finding, Level, exit_code
from server.cli_parts import DEFAULT_FOLDER, AsJson, Folder, out
from server.configured import utc_now

_MARKS: dict[Level, tuple[str, str]] = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "error": ("✗", "red")}


def doctor(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Look at everything: settings, database, machine, work. What is not well is told with its cause and the next step.

    Exit 0: all well; 1: something deserves a look; 2: something must be mended. Works beside a running server and
    changes nothing.

    Example: gatehouse-server doctor --data server-data
    """
    from server.doctor.examination import GROUPS, examine  # it knows all works of a server, which no other command does

    findings = asyncio.run(examine(folder, utc_now()))
    if as_json:
        print(msgspec.json.encode({"exit": exit_code(findings), "findings": findings}).decode())
    else:
        _print(findings, GROUPS)
    raise typer.Exit(exit_code(findings))


def _print(findings: list[Finding], groups: Sequence[str]) -> None:
    for group in groups:
        of_group = [finding for finding in findings if finding.group == group]
        if of_group:
            out.print(Text(f"\n{group}", style="bold"))
        for finding in of_group:
            _print_one(finding)


def _print_one(finding: Finding) -> None:
    mark, style = _MARKS[finding.level]
    line = Text(f"  {mark} {finding.name}: {finding.cause}", style="" if finding.level == "ok" else style)
    out.print(line, soft_wrap=True)
    if finding.next_step:
        out.print(Text(f"      → {finding.next_step}"), soft_wrap=True)

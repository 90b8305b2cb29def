"""``gatehouse-edge doctor``: what is wrong with this box, why, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer
from rich.text import Text

from domain.findings import Finding, Level, exit_code
from edge.agent import utc_now
from edge.commands.options import DEFAULT_CONFIG, AsJson, ConfigFile, out
from edge.doctor.examination import GROUPS, examine

_MARKS: dict[Level, tuple[str, str]] = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "error": ("✗", "red")}


def doctor(
    config: ConfigFile = DEFAULT_CONFIG,
    device: Annotated[str, typer.Option(help="Test this device of the list alone, by its id.")] = "",
    as_json: AsJson = False,
) -> None:
    """Look at everything: settings, box, connections, devices, data. What is not well is told with its cause and the
    next step.

    Exit 0: all well; 1: something deserves a look; 2: something must be mended. Works beside a running agent.

    Example: gatehouse-edge doctor --device uhppote:405419896
    """
    findings = examine(config, utc_now, device)
    if as_json:
        print(report(findings).decode())
    else:
        _print(findings)
    raise typer.Exit(exit_code(findings))


def report(findings: Sequence[Finding]) -> bytes:
    """The findings as one JSON object."""
    return msgspec.json.encode({"exit": exit_code(findings), "findings": findings})


def _print(findings: Sequence[Finding]) -> None:
    for group in GROUPS:
        out.print(Text(f"\n{group}", style="bold"))
        for finding in findings:
            if finding.group == group:
                _print_one(finding)


def _print_one(finding: Finding) -> None:
    mark, style = _MARKS[finding.level]
    line = Text(f"  {mark} {finding.name}: {finding.cause}", style="" if finding.level == "ok" else style)
    out.print(line, soft_wrap=True)
    if finding.next_step:
        out.print(Text(f"      → {finding.next_step}"), soft_wrap=True)

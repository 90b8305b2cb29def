"""The two products as a person starts them: by their commands, which stand beside the Python that runs us."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from simulators.processes import Child, ChildFailed, bound_to

COMMAND_LIMIT_S = 180.0
_PAUSE_S = 0.05


def command(name: str) -> str:
    """The path of a console script. Raises ChildFailed where it is not installed."""
    path = Path(sys.executable).parent / name
    if not path.is_file():
        raise ChildFailed(f"{name} is not installed beside {sys.executable}: pip install 'gatehouse[edge,server,sim]'")
    return str(path)


async def run_command(name: str, *arguments: str, typed: str = "") -> str:
    """Runs a command to its end and returns what it printed. Raises ChildFailed with its last lines."""
    process = await asyncio.create_subprocess_exec(
        command(name),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=bound_to(os.getpid()),
    )
    shown = f"{name} {' '.join(arguments[:1])}"
    try:
        out, err = await asyncio.wait_for(process.communicate(typed.encode()), COMMAND_LIMIT_S)
    except TimeoutError as error:
        raise ChildFailed(f"{shown} did not end within {COMMAND_LIMIT_S:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise ChildFailed(f"{shown} ended with status {process.returncode}:\n{(out + err).decode(errors='replace')}")
    return out.decode()


async def ask(name: str, *arguments: str) -> dict[str, Any]:
    """The JSON object that a command prints with --json. Raises ChildFailed."""
    printed = await run_command(name, *arguments, "--json")
    try:
        return msgspec.json.decode(printed, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise ChildFailed(f"{name} {arguments[0]} --json printed no JSON object: {printed[:200]!r}") from error


async def until(child: Child, ready: Callable[[], bool], limit_s: float) -> None:
    """Waits until ``ready`` is true, without stopping the loop. Raises ChildFailed with the child's last lines."""
    for _ in range(round(limit_s / _PAUSE_S)):
        if ready():
            return
        if not child.running:
            raise ChildFailed(f"{child.name} ended with status {child.exit_status}:\n{child.tail()}")
        await asyncio.sleep(_PAUSE_S)
    raise ChildFailed(f"{child.name} was not ready after {limit_s:g} s:\n{child.tail()}")


def printed_line(child: Child, begins: str) -> str | None:
    """The first whole line on the child's standard output that begins so."""
    if not child.out_file.is_file():
        return None
    for line in child.out_file.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
        if line.startswith(begins) and line.endswith("\n"):
            return line.strip()
    return None

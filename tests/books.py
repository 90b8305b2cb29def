"""Whether a day's conservation statement adds up, asked as a person would: by the centre's command."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec

from simulators.products import command
from tests.rig import Rig

_LIMIT_S = 60.0
_HEADS = "SELECT 1 FROM statement_head WHERE received_at > ?"


async def unbalanced(rig: Rig) -> list[str]:
    """What does not add up by a statement made now, each (stream, day) with its verdict and numbers.

    A day that is not complete is waited for; one that is broken is told at once, for it never may be.
    """
    since = datetime.now(UTC).isoformat()
    lines = await _compared(rig, "--ask")
    try:
        async with asyncio.timeout(_LIMIT_S):
            while not rig.centre_query(_HEADS, since):
                await asyncio.sleep(0.1)
            lines = await _compared(rig)
            while any(line["verdict"] == "open" for line in lines):
                await asyncio.sleep(0.2)
                lines = await _compared(rig)
    except TimeoutError:
        return [*_told(lines), f"no statement that is complete within {_LIMIT_S:g} s"]
    return _told(lines) if lines else ["a statement without a day in it"]


def _told(lines: list[dict[str, Any]]) -> list[str]:
    return [
        f"{line['stream']} {line['day']} {line['verdict']}: {line['numbers']} {line['differences']}"
        for line in lines
        if line["verdict"] != "balanced"
    ]


async def _compared(rig: Rig, *arguments: str) -> list[dict[str, Any]]:
    """The command exits 1 where something does not add up; what it printed tells what."""
    words = (command("gatehouse-server"), "conservation", "--data", str(rig.server_folder), "--json", *arguments)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*words, stdout=pipe, stderr=pipe)
    out, err = await asyncio.wait_for(process.communicate(), _LIMIT_S)
    assert process.returncode in (0, 1) and out, err.decode()
    return msgspec.json.decode(out)

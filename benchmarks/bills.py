"""Bills reconciled by the command as a person types it: time and memory from a thousand rows to a million."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.bills_day import CLOSED
from benchmarks.rows import Row, row
from tests.bills import DAY

_PROGRAM = "from server.program import main; main()"
_CURVE = (1_000, 10_000, 100_000, 200_000, 1_000_000)
_JUDGED, _MOST_S, _MOST_MB = 200_000, 20, 500


async def run(scale: float) -> list[Row]:
    """Trade bills of so many rows, with the fund bill, the bank and our side; the faults put in must be those found."""
    return [made for count in _CURVE for made in _measured(int(count * scale), judged=count == _JUDGED and scale == 1)]


def _measured(count: int, *, judged: bool) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        faults, names, rows = _write(Path(folder), count)
        took, peak_mb, found = _reconcile(Path(folder), names)
    if found != faults:
        raise RuntimeError(f"{count} rows: {found} open items, and {faults} were put in")
    cpu_s, wall_s = took
    beside = {"rows_with_fund_bill": rows, "wall_s": round(wall_s, 2), "us_a_row": round(cpu_s / rows * 1e6, 1)}
    bounds = (_MOST_S, _MOST_MB) if judged else (None, None)
    return [
        row(f"{count:,} trades reconciled", round(cpu_s, 2), "s of a core", at_most=bounds[0], **beside),
        row(f"{count:,} trades, most memory", round(peak_mb, 1), "MB", at_most=bounds[1]),
    ]


def _write(folder: Path, count: int) -> tuple[int, list[str], int]:
    """Let another process write the files: a child's peak begins with its parent's memory."""
    command = [sys.executable, "-m", "benchmarks.bills_day", str(folder), str(count)]
    told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return told["open"], told["names"], told["rows"]


def _reconcile(folder: Path, names: list[str]) -> tuple[tuple[float, float], float, int]:
    """Seconds of a core and of the clock, peak resident megabytes, and open items of the command."""
    command = [sys.executable, "-c", _PROGRAM, "bills", "reconcile", "--day", f"{DAY}", "--local", "local.json"]
    began = time.perf_counter()
    with (folder / "report.json").open("wb") as report:
        here = {**os.environ, "PYTHONPATH": str(Path.cwd())}
        child = subprocess.Popen([*command, *names, "--json"], cwd=folder, stdout=report, env=here)
        _, status, usage = os.wait4(child.pid, 0)
    took = (usage.ru_utime + usage.ru_stime, time.perf_counter() - began)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"the command ended with {child.returncode}")
    found = json.loads((folder / "report.json").read_bytes())
    return took, usage.ru_maxrss / 1024, sum(item["class"] not in CLOSED for item in found["items"])

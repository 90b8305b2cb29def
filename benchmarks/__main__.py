"""python -m benchmarks: runs them, prints a JSON line each and a table, keeps the results."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import timeit
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import (
    bills,
    cameras,
    chain,
    decode,
    delay,
    doors,
    drain,
    feed,
    fleet,
    fleet_page,
    ingest,
    ingest_city,
    intake,
    mixed,
    overview_page,
    peer,
    plates,
    projections,
    resident,
    scale,
    tariff,
    vision_scene,
)
from benchmarks.rows import Row, full

BENCHMARKS: dict[str, Callable[[float], Awaitable[list[Row]]]] = {
    "decode": decode.run,
    "intake": intake.run,
    "delay": delay.run,
    "doors": doors.run,
    "peer": peer.run,
    "resident": resident.run,
    "drain": drain.run,
    "mixed": mixed.run,
    "ingest": ingest.run,
    "ingest-city": ingest_city.run,
    "projections": projections.run,
    "fleet": fleet.run,
    "fleet-page": fleet_page.run,
    "chain": chain.run,
    "overview-page": overview_page.run,
    "scale": scale.run,
    "bills": bills.run,
    "cameras": cameras.run,
    "tariff": tariff.run,
    "feed": feed.run,
    "vision-scene": vision_scene.run,
    "plates": plates.run,
}
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; none: all")
    parser.add_argument("--scale", type=float, default=1.0, help="fewer events for a quick look, as 0.1")
    asked = parser.parse_args()
    rows = asyncio.run(measure(asked.names or list(BENCHMARKS), asked.scale))
    _keep(rows)
    _show(rows)
    if any(not row["reached"] for row in rows if "reached" in row):
        sys.exit(1)


async def measure(names: list[str], scale: float) -> list[Row]:
    rows: list[Row] = []
    for name in names:
        for row in await BENCHMARKS[name](scale):
            rows.append({"benchmark": name, **row})
            print(json.dumps(rows[-1]), flush=True)
    return rows


def _keep(rows: list[Row]) -> None:
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    load = [round(value, 1) for value in os.getloadavg()]
    about = {
        "at": now.isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cpus": _cpus(),
        "load": load,
        "loop_s": _loop_s(),
    }
    content = {**about, "full": full(), "gatehouse": version("gatehouse"), "rows": rows}
    (RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json").write_text(json.dumps(content, indent=1))


def _cpus() -> int:
    return len(os.sched_getaffinity(0))


def _loop_s() -> float:
    """How fast the machine is just now: seconds for a loop that is always the same, the best of three.

    On a machine that shares its processors this differs by more than twice from one hour to the next.
    """
    return round(min(timeit.repeat(lambda: sum(number * number for number in range(3_000_000)), number=1, repeat=3)), 3)


def _show(rows: list[Row]) -> None:
    table = Table("benchmark", "what", "figure", "unit", "to reach", "")
    for row in rows:
        reached = "" if "reached" not in row else "reached" if row["reached"] else "NOT REACHED"
        table.add_row(
            row["benchmark"], row["what"], f"{row['figure']:,}", row["unit"], str(row.get("reach", "")), reached
        )
    Console(stderr=True).print(table)


if __name__ == "__main__":
    main()

"""The fleet on a terminal, while it plays: a table of rich."""

from __future__ import annotations

import asyncio

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from simulators.fleet.fleet import Fleet

_EVERY_S = 1.0


async def show(fleet: Fleet, console: Console) -> None:
    """Until cancelled."""
    with Live(console=console, auto_refresh=False) as live:
        while True:
            live.update(picture(fleet), refresh=True)
            await asyncio.sleep(_EVERY_S)


def picture(fleet: Fleet) -> Group:
    """How it is now."""
    report = fleet.report
    table = Table(title=f"{len(fleet.lives)} 个网关 gateways · {_clock(fleet.hour)}")
    for title in ("项目 what", "数 count"):
        table.add_column(title, justify="left" if title.startswith("项") else "right")
    rows = {
        "在线 online": fleet.online,
        "事件产生 made": report.events["made"],
        "中心已收 acknowledged": report.events["acknowledged"],
        "未到 waiting": fleet.waiting,
    }
    for name, count in rows.items():
        table.add_row(name, f"{count:,}")
    for name, times in report.times.items():
        said = times.plain()
        table.add_row(f"{name} p50 / p99", f"{said['p50_ms']} / {said['p99_ms']} ms")
    for name, count in sorted((report.refused + report.happened).items()):
        table.add_row(name, f"{count:,}")
    return Group(table, Text("Ctrl-C 结束 · to end"))


def _clock(hour: float) -> str:
    return f"{int(hour):02}:{int(hour * 60) % 60:02}"

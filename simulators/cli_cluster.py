"""gatehouse-sim cluster: a database on three nodes to play with, of which any may be killed."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Annotated

import msgspec
import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from simulators.patroni import Cluster, ClusterFailed, Role
from simulators.postgres import PostgresUnavailable
from simulators.processes import ChildFailed

_EVERY_S, _AGAIN_S = 1.0, 60.0
_SHOWN: dict[Role, tuple[str, str]] = {
    "leader": ("主 leader", "bold green"),
    "synchronous": ("同步备 synchronous standby", "green"),
    "replica": ("备 replica", "none"),
    "away": ("不在 away", "bold red"),
}

_HINT = """kill -9 一个节点的两个进程即断电，一分钟后重启 · kill -9 both processes of a node: it is back after a minute
Ctrl-C 结束 · to end"""
Roles = dict[str, Role]


def cluster(
    nodes: Annotated[int, typer.Option(help="How many; of three, one may die.", min=3, max=7)] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="A line for scripts whenever a role changes.")] = False,
) -> None:
    """PostgreSQL on several nodes under Patroni on loopback, until it is told to stop; shows which one leads.

    Example: gatehouse-sim cluster --nodes 3
    """
    console = Console(stderr=as_json)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Cluster(nodes) as one:
            _watch(one, _lines(one)) if as_json else _live(one, console)
    except KeyboardInterrupt:
        console.print("stopped")
    except (ClusterFailed, PostgresUnavailable, ChildFailed) as error:
        console.print(str(error), style="red", highlight=False, soft_wrap=True, markup=False)
        raise typer.Exit(1) from error


def _live(one: Cluster, console: Console) -> None:
    with Live(console=console, auto_refresh=False) as live:
        _watch(one, lambda roles: live.update(_page(one, roles), refresh=True))


def _lines(one: Cluster) -> Callable[[Roles], None]:
    return lambda roles: print(msgspec.json.encode({"url": one.url(), "nodes": roles}).decode(), flush=True)


def _watch(one: Cluster, show: Callable[[Roles], None]) -> None:
    """Until it is interrupted."""
    shown: Roles = {}
    gone_s: dict[str, float] = {}
    while True:
        roles = one.roles()
        if roles != shown:
            show(roles)
            shown = roles
        _start_again(one, gone_s)
        time.sleep(_EVERY_S)


def _start_again(one: Cluster, gone_s: dict[str, float]) -> None:
    """Start nodes that somebody killed a while ago. ``gone_s``: since when."""
    for node in one.nodes:
        if one.running(node):
            gone_s.pop(node, None)
        elif time.monotonic() - gone_s.setdefault(node, time.monotonic()) > _AGAIN_S:
            one.start_node(node)


def _page(one: Cluster, roles: Roles) -> Group:
    table = Table("节点 node", "角色 role", "进程 processes", title="PostgreSQL · Patroni")
    for node, role in roles.items():
        word, style = _SHOWN[role]
        table.add_row(node, Text(word, style=style), " ".join(map(str, one.pids(node))))
    setting = Text(f'database = "{one.url()}"', overflow="fold")
    return Group(table, Text("写入 server.toml · in server.toml:"), setting, Text(_HINT))

"""gatehouse-edge: what an installer types on the box."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import msgspec
import structlog
import typer
from rich.console import Console
from rich.table import Table

from edge import agent, identity, parked_again, status
from edge.agent import utc_now
from edge.cli_broker import broker_config
from edge.cli_decode import decode
from edge.cli_enrol import enrol_gateway
from edge.cli_statement import statement
from edge.config import BadConfig, Config, load
from edge.parked import Parked, listed
from edge.store import open_store
from eventlog.log import LogBroken

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The Gatehouse agent of one complex.",
)
app.command()(decode)
app.command()(statement)
app.command()(broker_config)
app.command(name="enrol")(enrol_gateway)
out = Console()
err = Console(stderr=True)

ConfigFile = Annotated[Path, typer.Option("--config", "-c", help="The settings file (TOML).")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for scripts.")]
DEFAULT_CONFIG = Path("edge.toml")


def fail(message: str) -> typer.Exit:
    """Say what is wrong on standard error; exit 1."""
    err.print(message, style="red", highlight=False, soft_wrap=True, markup=False)
    return typer.Exit(1)


def settings(path: Path) -> Config:
    try:
        return load(path)
    except BadConfig as error:
        raise fail(str(error)) from error


@app.command()
def run(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Run the agent until it is told to stop.

    Example: gatehouse-edge run --config edge.toml
    """
    _log_to_stderr()
    told = settings(config)
    try:
        asyncio.run(_until_stopped(agent.run(told, _ready)))
    except* (LogBroken, OSError) as errors:
        raise fail(f"stopped, nothing more was acknowledged: {errors.exceptions[0]}") from errors


def _ready() -> None:
    from sdnotify import SystemdNotifier  # pyright: ignore[reportMissingTypeStubs]

    SystemdNotifier().notify("READY=1")  # pyright: ignore[reportUnknownMemberType]
    print("ready", flush=True)


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        structlog.get_logger().info("stopped")


def _log_to_stderr() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


@app.command(name="status")
def show_status(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """How far the log is, how much the centre still lacks, and how much was parked.

    Example: gatehouse-edge status --json
    """
    told = settings(config)
    described = asyncio.run(_status(told))
    if as_json:
        print(msgspec.json.encode(described).decode())
        return
    table = Table("stream", "newest", "at the centre", "backlog")
    for name, row in described["streams"].items():
        table.add_row(name, str(row["head"]), str(row["acknowledged"]), str(row["backlog"]))
    out.print(table)
    out.print(f"uplink: {described['uplink']}   broker: {described['broker']}   parked: {described['parked']}")


async def _status(told: Config) -> dict[str, Any]:
    left = status.read_file(told.folder)
    running = _alive(left)
    store = await open_store(told.folder, utc_now)
    try:
        streams = {name: entry.plain() for name, entry in (await status.of_store(store)).items()}
        if running:
            streams = {name: _fresher(row, left["streams"].get(name, {})) for name, row in streams.items()}
        parked_count = await status.counted(store, "parked")
    finally:
        await store.close()
    shown = {key: left.get(key, "unknown") if running else "agent not running" for key in ("uplink", "broker")}
    counts = left.get("counts", {})
    return {"streams": streams, "parked": parked_count, "running": running, "counts": counts, **shown}


def _fresher(stored: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    acknowledged = max(stored["acknowledged"], told.get("acknowledged", 0))
    return {**stored, "acknowledged": acknowledged, "backlog": max(0, stored["head"] - acknowledged)}


def _alive(left: dict[str, Any]) -> bool:
    try:
        os.kill(int(left["pid"]), 0)
    except (KeyError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


@app.command(name="parked")
def show_parked(
    config: ConfigFile = DEFAULT_CONFIG,
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.")] = 20,
    retry: Annotated[
        bool, typer.Option("--retry", help="Decode them again, after a device or driver was added.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Messages that became no event: why, from where, and their bytes.

    Example: gatehouse-edge parked --limit 5
    """
    told = settings(config)
    if retry:
        done, left = asyncio.run(parked_again.retry(told))
        out.print(f"{done} became events, {left} stay parked")
        return
    rows = asyncio.run(_listed(told, limit))
    if as_json:
        for row in rows:
            print(msgspec.json.encode(row).decode())
        return
    _print_parked(rows)


async def _listed(told: Config, limit: int) -> list[Parked]:
    store = await open_store(told.folder, utc_now)
    try:
        return await listed(store, limit)
    finally:
        await store.close()


def _print_parked(rows: list[Parked]) -> None:
    if not rows:
        out.print("nothing is parked")
        return
    table = Table("no.", "received", "reason", "topic", "detail", "begins")
    for row in rows:
        begins = repr(row.payload[:40])[2:-1]
        table.add_row(str(row.number), f"{row.received_at:%m-%d %H:%M:%S}", row.reason, row.topic, row.detail, begins)
    out.print(table)


@app.command()
def whoami(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Which gateway this box is.

    Example: gatehouse-edge whoami
    """
    try:
        me = identity.load(settings(config).folder)
    except identity.NotEnrolled as error:
        raise fail(str(error)) from error
    out.print(f"{me.gateway} of complex {me.complex}, centre {me.server}")


def main() -> None:
    app()

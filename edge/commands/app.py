"""gatehouse-edge: what an installer types on the box."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from edge import identity, logs, running
from edge.agent import utc_now
from edge.commands import lane, models
from edge.commands.broker import broker_config
from edge.commands.collect import collect
from edge.commands.decode import decode
from edge.commands.device_secret import device_secret
from edge.commands.discover import discover
from edge.commands.doctor import doctor
from edge.commands.enrol import enrol_gateway
from edge.commands.options import DEFAULT_CONFIG, AsJson, ConfigFile, fail, out, settings
from edge.commands.plates import plates
from edge.commands.statement import statement
from edge.commands.status import show_status
from edge.commands.tail import tail
from edge.commands.version import about
from edge.commands.watch import watch
from edge.config import Config
from edge.intake import parked_again
from edge.intake.parked import Parked, listed
from edge.store.file import open_store

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The Gatehouse agent of one complex.",
)
app.callback()(about)
app.command(name="enrol")(enrol_gateway)


@app.command()
def run(
    config: ConfigFile = DEFAULT_CONFIG,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more than logs.level: each batch too.")] = False,
) -> None:
    """Run the agent until it is told to stop.

    Example: gatehouse-edge run --config edge.toml
    """
    try:
        running.run(settings(config), verbose=verbose)
    except running.Stopped as error:
        raise fail(str(error)) from error


app.command(name="status")(show_status)
app.command()(tail)
app.command()(doctor)
app.command()(discover)


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


app.command()(statement)
app.command()(broker_config)
app.command()(decode)
app.command()(collect)
app.command()(watch)
app.command(name="device-secret")(device_secret)
app.command()(plates)
app.add_typer(models.app, name="models")
app.add_typer(lane.app, name="lane")


def main() -> None:
    logs.configure("warning")  # what a command prints is its own; only run says more
    app()

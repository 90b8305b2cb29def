"""gatehouse-sim: stand-ins for what surrounds Gatehouse, by hand and for scripts."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import typer
from rich.console import Console

from simulators import cli_asking, cli_channels, cli_cluster, cli_fleet, cli_gb28181, cli_payments, cli_upper
from simulators.broker import BrokerUnavailable, make_broker
from simulators.channels.server import FarEnds
from simulators.crowd.crowd import NotMet
from simulators.crowd.families import other_families
from simulators.crowd.member import Gateway
from simulators.crowd.settings import device_list
from simulators.payments.server import Payments
from simulators.postgres import PostgresUnavailable
from simulators.processes import ChildFailed
from simulators.receiver import Failing, Receiver
from simulators.site import Site
from simulators.site_run import Beside, BrokerAway, SiteReport, SiteRun

T = TypeVar("T")
app = typer.Typer(no_args_is_help=True, add_completion=False, help="Simulated surroundings of Gatehouse.")
out = Console()
err = Console(stderr=True)

Engine = Literal["sqlite", "postgres"]
Families = Literal["site", "all"]
FIRST_PORT = 18_100
FamiliesOption = Annotated[Families, typer.Option(help="all: a device of each other family beside the site's.")]
FirstPort = Annotated[int, typer.Option(help="Of the devices that the agent asks, with --families all.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for scripts.")]

app.command()(cli_cluster.cluster)
app.command()(cli_fleet.fleet)
app.command()(cli_upper.upper_platform)
app.add_typer(cli_asking.app, name="upper-asks")
app.command()(cli_gb28181.gb_platform)


def fail(message: str) -> typer.Exit:
    """Say what is wrong on standard error; exit 1."""
    err.print(message, style="red", highlight=False, soft_wrap=True, markup=False)
    return typer.Exit(1)


@app.command()
def broker(
    kind: Annotated[str, typer.Option(help="nats (pip installs it) or mosquitto (the system's).")] = "nats",
    port: Annotated[int, typer.Option(help="0: a free one.")] = 1883,
    store: Annotated[Path | None, typer.Option(help="Where it keeps messages; else a temporary folder.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run an MQTT broker on loopback until it is told to stop.

    Example: gatehouse-sim broker --kind nats --port 1883 --store broker-data
    """
    if kind not in ("nats", "mosquitto"):
        raise typer.BadParameter(f"{kind!r}; nats and mosquitto are known", param_hint="--kind")
    try:
        one = make_broker(kind, port, store)
        with one:
            _say({"broker": kind, "host": one.host, "port": one.port, "pid": one.pid, "store": str(one.store)}, as_json)
            asyncio.run(_until_told())
    except (BrokerUnavailable, ChildFailed) as error:
        raise fail(str(error)) from error


@app.command()
def site(
    port: Annotated[int, typer.Option(help="Of the MQTT broker.")] = 1883,
    host: Annotated[str, typer.Option(help="Of the MQTT broker.")] = "127.0.0.1",
    seed: Annotated[int, typer.Option(help="The same seed: the same story.")] = 1,
    minutes: Annotated[float, typer.Option(help="How long; 0: until told to stop.", min=0)] = 10.0,
    rate: Annotated[float, typer.Option(help="Facts a second, about.", min=0.01)] = 1.0,
    pictures: Annotated[bool, typer.Option(help="Draw the cameras' pictures.")] = True,
    families: FamiliesOption = "site",
    first_port: FirstPort = FIRST_PORT,
    http: Annotated[int, typer.Option(help="Of the agent's [listen], for --families all.")] = 8080,
    fire: Annotated[int, typer.Option(help="Where the agent hears GB/T 26875.3, for --families all.")] = 26_875,
    websocket: Annotated[int, typer.Option(help="Of the agent's [websocket], for --families all.")] = 9000,
    as_json: AsJson = False,
) -> None:
    """Play a whole complex to a broker: residents, visitors, cars, and somebody who should not be there.

    With --families all a device of each other family beside it, over its own transport, to an agent that has the list
    of gatehouse-sim devices --families all.

    Example: gatehouse-sim site --port 1883 --seed 7 --minutes 5
    """
    gateway = Gateway(port, http, fire, websocket, host)
    beside = Beside(other_families(first_port), gateway) if families == "all" else None
    run = SiteRun(Site(seed, minutes or None, rate, pictures), host, port, beside=beside)
    status = None if as_json else out.status("connecting")
    try:
        if status is not None:
            status.start()
        asyncio.run(_until_told(run.run(lambda report: _show(status, report))))
    except (BrokerAway, NotMet) as error:
        raise fail(str(error)) from error
    finally:
        if status is not None:
            status.stop()
    _say({**msgspec.to_builtins(run.report), "truth": run.truth.counts()}, as_json)


@app.command()
def devices(families: FamiliesOption = "site", first_port: FirstPort = FIRST_PORT, as_json: AsJson = False) -> None:
    """The device list of the simulated complex, as an installer writes it into edge.toml.

    Example: gatehouse-sim devices >> edge.toml
    """
    others = other_families(first_port).rows if families == "all" else []
    rows: list[dict[str, Any]] = [*Site.devices(), *others]
    print(msgspec.json.encode(rows).decode() if as_json else device_list(rows))


@app.command()
def receiver(
    port: Annotated[int, typer.Option(help="0: a free one.")] = 8090,
    secret_file: Annotated[Path | None, typer.Option(help="Requests must be signed with this secret.")] = None,
    jsonl: Annotated[Path | None, typer.Option(help="Append every event to this file.")] = None,
    fail_first: Annotated[int, typer.Option(help="Fail so many requests first.", min=0)] = 0,
    fail_status: Annotated[int, typer.Option(help="How; 0: let them hang.")] = 503,
    refuse: Annotated[list[str] | None, typer.Option(help="Answer 400 to this event id; may be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Receive webhooks (CloudEvents 1.0) and count each event once; GET /counts shows the counts.

    Example: gatehouse-sim receiver --port 8090 --secret-file webhook.secret --fail-first 3
    """
    secret = secret_file.read_bytes().strip() if secret_file else None
    failing = Failing(fail_first, fail_status, refuse_ids=frozenset(refuse or ()))
    try:
        asyncio.run(_receive(port, secret, jsonl, failing, as_json))
    except OSError as error:
        raise fail(
            f"port {port} cannot be used ({error.strerror}): give another --port, or 0 for a free one"
        ) from error


async def _receive(port: int, secret: bytes | None, jsonl: Path | None, failing: Failing, as_json: bool) -> None:
    one = Receiver(port, secret, jsonl)
    one.failing = failing
    await one.start()
    _say({"receiver": one.url}, as_json)
    try:
        await _until_told()
    finally:
        await one.stop()
    _say(msgspec.to_builtins(one.counts()), as_json)


@app.command()
def payments(
    port: cli_payments.PortOption = 8300,
    keys: cli_payments.KeysOption = Path("server-data"),
    fault: cli_payments.FaultOption = None,
    seed: Annotated[int, typer.Option(help="The same seed: the same faults.")] = 1,
    share: cli_payments.ShareOption = 0.0,
    as_json: AsJson = False,
) -> None:
    """WeChat Pay v3 and Alipay on loopback, with books, callbacks, faults, refunds and bills of their own.

    Prints what server.toml needs; GET / lists the orders, each with a page that pays it.

    Example: gatehouse-sim payments --port 8300 --keys server-data --fault lost --fault doubled
    """
    try:
        one = cli_payments.made(port, keys, fault, seed, share)
        asyncio.run(_until_told(_serve(one, "payments", as_json)))
    except (OSError, ValueError) as error:
        raise fail(f"it cannot run: {error}") from error


async def _serve(one: Payments | FarEnds, named: str, as_json: bool) -> None:
    """Far ends on loopback, with the settings by which a centre finds them."""
    await one.start()
    if as_json:
        _say({named: one.url, "settings": one.settings()}, as_json=True)
    else:
        print(f"# {one.url}\n{one.toml()}", flush=True)
    try:
        await _for_ever()
    finally:
        await one.stop()


@app.command()
def channels(
    port: cli_channels.PortOption = 8400,
    mail_port: cli_channels.MailPortOption = 8425,
    secrets: cli_channels.SecretsOption = Path("server-data"),
    fault: cli_channels.FaultOption = None,
    as_json: AsJson = False,
) -> None:
    """What people are told by, on loopback: robots of three messengers, a push service, a mail server, a telephone.

    Prints what server.toml needs; GET / lists what was taken, POST /sim/fault/NAME spoils the next.

    Example: gatehouse-sim channels --port 8400 --secrets server-data --fault 429
    """
    try:
        one = cli_channels.made(port, mail_port, secrets, fault)
        asyncio.run(_until_told(_serve(one, "channels", as_json)))
    except (OSError, ValueError) as error:
        raise fail(f"it cannot run: {error}") from error


@app.command()
def demo(
    minutes: Annotated[float, typer.Option(help="How long.", min=0.5)] = 15.0,
    headless: Annotated[bool, typer.Option("--headless", help="No live line; exit 1 if it does not add up.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Where to keep everything; else a temporary folder.")] = None,
    port: Annotated[int, typer.Option(help="Of the centre's pages; 0: a free one.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed: the same story.")] = 1,
    engine: Annotated[Engine, typer.Option(help="The centre's database; pip installs PostgreSQL too.")] = "sqlite",
    as_json: AsJson = False,
) -> None:
    """A whole Gatehouse on this machine: broker, agent, centre, a simulated complex, and an uplink that is cut.

    Example: gatehouse-sim demo --minutes 5
    """
    from simulators.demo import Demo, DemoFailed, DemoSettings

    told = DemoSettings(minutes, headless or as_json, folder, port, seed, engine)
    try:
        result = asyncio.run(_until_told(Demo(told, err).run()))
    except (DemoFailed, ChildFailed, BrokerUnavailable, BrokerAway, PostgresUnavailable) as error:
        raise fail(str(error)) from error
    if result is None:
        err.print("stopped")
        return
    _say(result.plain(), as_json)
    if result.discrepancies:
        raise fail("it does not add up:\n" + "\n".join(f"- {line}" for line in result.discrepancies))


async def _until_told(work: Coroutine[Any, Any, T] | None = None) -> T | None:
    """Runs ``work`` (or nothing) until it ends or SIGINT or SIGTERM comes: then None, after its own cleaning up."""
    task = asyncio.ensure_future(work if work is not None else _for_ever())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return None


async def _for_ever() -> Any:
    await asyncio.Event().wait()


def _show(status: Any, report: SiteReport) -> None:
    if status is not None:
        status.update(f"facts {report.facts}  published {report.published}  acknowledged {report.acknowledged}")


def _say(values: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(values).decode(), flush=True)
        return
    for key, value in values.items():
        out.print(f"{key}: {value}", highlight=False, soft_wrap=True, markup=False)


def main() -> None:
    app()

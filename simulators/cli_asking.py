"""``gatehouse-sim upper-asks``: what a platform above asks of the centre's view library, from the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import aiohttp
import msgspec
import typer
from rich.console import Console

from simulators.upper.asking import Asking, NotHeard, stamp
from simulators.upper.platform import CODE

app = typer.Typer(no_args_is_help=True, help="What a platform above asks of our view library: docs/feeds/cascade.md.")
err = Console(stderr=True)

Library = Annotated[str, typer.Option(help="Where the centre is.")]
Code = Annotated[str, typer.Option(help="The platform's own, as [[viid.peers]] of server.toml has it.")]
PasswordFile = Annotated[Path, typer.Option("--password", help="The file with its password at our library.")]
ReceiveAt = Annotated[str, typer.Option(help="Where it is told: an upper-platform that runs, within report_to.")]
Days = Annotated[float, typer.Option(help="How long from now.", min=0.001)]
Why = Annotated[str, typer.Option(help="In the audit of both.")]
LIBRARY, RECEIVE_AT, PASSWORD_FILE = "http://127.0.0.1:8000", "http://127.0.0.1:8500", Path("server-data/viid.password")


@app.callback()
def asks(
    context: typer.Context,
    library: Library = LIBRARY,
    code: Code = CODE,
    password: PasswordFile = PASSWORD_FILE,
    receive_at: ReceiveAt = RECEIVE_AT,
) -> None:
    """Each command registers by digest, asks one thing, and prints what was answered as JSON.

    Example: gatehouse-sim upper-asks objects APE
    """
    context.obj = (library, code, password, receive_at)


@app.command()
def subscribe(
    context: typer.Context,
    detail: Annotated[str, typer.Argument(help="SubscribeDetail: 13 cars, 14 two-wheelers, 11 persons, 3 cameras …")],
    resource: Annotated[str, typer.Argument(help="ResourceURI: our library's code, gates, cameras, or a district.")],
    days: Days = 1.0,
    interval: Annotated[int, typer.Option(help="Seconds between two reports.", min=0)] = 0,
    pictures: Annotated[bool, typer.Option(help="Want pictures.")] = True,
) -> None:
    """Subscribe; prints the number.

    Example: gatehouse-sim upper-asks subscribe 13 33010600015030000001
    """
    now = datetime.now(UTC)
    said: dict[str, Any] = {"EndTime": stamp(now + timedelta(days=days)), "ReportInterval": interval}
    said |= {} if pictures else {"ResultImageDeclare": "-1"}
    _do(context, lambda one: one.subscribe(detail, resource, now, **said), "SubscribeID")


@app.command()
def unsubscribe(context: typer.Context, number: str, why: Why = "") -> None:
    """Cancel a subscription.

    Example: gatehouse-sim upper-asks unsubscribe 330106000000032026112216070000001 --why 结案
    """
    _do(context, lambda one: one.unsubscribe(number, why))


@app.command()
def dispose(
    context: typer.Context,
    plate: str,
    unit: Annotated[str, typer.Option(help="That approved it.")] = "西湖分局",
    document: Annotated[str, typer.Option(help="Its number.")] = "西公布控〔2026〕7号",
    purpose: Annotated[str, typer.Option(help="Why.")] = "被盗车辆",
    days: Days = 1.0,
) -> None:
    """Order a car to be looked for; prints the number.

    Example: gatehouse-sim upper-asks dispose 浙A12345 --days 3
    """
    now = datetime.now(UTC)
    said = {"ApplicantOrg": unit, "ApplicantInfo": document, "Reason": purpose}
    said["EndTime"] = stamp(now + timedelta(days=days))
    _do(context, lambda one: one.dispose(plate, now, **said), "DispositionID")


@app.command()
def withdraw(context: typer.Context, number: str, why: Why = "结案") -> None:
    """Withdraw an order.

    Example: gatehouse-sim upper-asks withdraw 330106000000012026112216070000001
    """
    _do(context, lambda one: one.withdraw(number, why))


@app.command()
def objects(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="APE, APEStatus, Tollgate, Lane, Subscribe, Disposition, MotorVehicle …")],
    where: Annotated[list[str] | None, typer.Argument(help="Object.Field=value, RecordStartNo=…; several.")] = None,
) -> None:
    """Ask for objects.

    Example: gatehouse-sim upper-asks objects APE RecordStartNo=1 PageRecordNum=20
    """
    pairs = [(key, value) for key, _, value in (text.partition("=") for text in where or [])]
    query = f"?{urlencode(pairs)}" if pairs else ""
    _do(context, lambda one: one.objects(name, query), name)


def _do(context: typer.Context, ask: Callable[[Asking], Awaitable[Any]], name: str = "") -> None:
    library, code, password, receive_at = context.obj
    try:
        said = asyncio.run(_asked(Asking(library, code, password.read_text().strip(), receive_at), ask))
    except (NotHeard, OSError, TimeoutError, aiohttp.ClientError) as error:
        err.print(f"not done: {error}", style="red", highlight=False, soft_wrap=True, markup=False)
        raise typer.Exit(1) from error
    typer.echo(msgspec.json.encode({name or "done": said if name else True}).decode())


async def _asked(asking: Asking, ask: Callable[[Asking], Awaitable[Any]]) -> Any:
    async with asking as one:
        await one.register()
        return await ask(one)

"""``gatehouse-sim gb-platform``: an upper platform of GB/T 28181."""

from __future__ import annotations

import asyncio
import secrets
import signal
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer
from rich.console import Console

from simulators.gb28181.faults import fault_named
from simulators.gb28181.platform import Platform

out, err = Console(), Console(stderr=True)
_SECRET = "gb28181.secret"  # noqa: S105 - the name of a file  # pragma: allowlist secret
_CODE = "33010600002000000001"

FaultOption = Annotated[
    list[str] | None, typer.Option(help="As drop:Alarm, lose:Keepalivex3, 503:Alarm, forget:REGISTER; may be repeated.")
]


def gb_platform(
    port: Annotated[int, typer.Option(help="Of datagrams and connections; 0: a free one.")] = 5060,
    code: Annotated[str, typer.Option(help="Its own code of twenty digits.")] = _CODE,
    secrets_folder: Annotated[Path, typer.Option("--secrets", help="Where its password goes.")] = Path("server-data"),
    fault: FaultOption = None,
    unknown: Annotated[int, typer.Option(help="Its answer to whom it does not know.")] = 403,
    qop: Annotated[bool, typer.Option(help="Offer qop in its challenges.")] = True,
    edition: Annotated[Literal["2016", "2022"], typer.Option(help="Whose encoding it asks in.")] = "2016",
    ask_every: Annotated[float, typer.Option(help="Seconds between its queries; 0: never.", min=0)] = 30.0,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for scripts.")] = False,
) -> None:
    """An upper platform of GB/T 28181 on loopback: registers, asks for the catalogue, hears alarms, fails as told.

    Example: gatehouse-sim gb-platform --port 5060 --secrets server-data --fault lose:Alarmx3
    """
    try:
        one = Platform(code, _password(secrets_folder), port)
        one.faults.coming = [fault_named(name) for name in fault or []]
        one.habits.unknown, one.habits.qop = unknown, qop
        one.habits.encoding = "GB18030" if edition == "2022" else "GB2312"
        asyncio.run(_serve(one, ask_every, as_json))
    except (OSError, ValueError) as error:
        err.print(f"it cannot run: {error}", style="red", highlight=False, soft_wrap=True, markup=False)
        raise typer.Exit(1) from error


def _password(folder: Path) -> str:
    """The one that is there, or a new one, for its owner alone."""
    path = folder / _SECRET
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        path.touch(0o600)
        path.write_text(secrets.token_urlsafe(16))
    return path.read_text().strip()


async def _serve(one: Platform, ask_every: float, as_json: bool) -> None:
    """Until SIGINT or SIGTERM; then what it heard."""
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await one.start()
    _say({"address": f"sip://127.0.0.1:{one.port}", "server": one.code, "secret_file": _SECRET}, as_json)
    asking = asyncio.create_task(_ask(one, ask_every)) if ask_every else None
    await told.wait()
    if asking is not None:
        asking.cancel()
    await one.stop()
    heard = one.heard
    counts: dict[str, object] = {"alarms": len(heard.alarms), "repeats": heard.repeats, "packets": dict(heard.packets)}
    _say(counts | {"odd": list(heard.refused)}, as_json)


async def _ask(one: Platform, every_s: float) -> None:
    """The catalogue of whoever is registered."""
    while True:
        await asyncio.sleep(every_s)
        for device in list(one.registered):
            try:
                await one.query(device, "Catalog")
            except (TimeoutError, AssertionError) as error:
                err.print(f"{device} does not answer: {error!r}", highlight=False, markup=False)


def _say(values: dict[str, object], as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(values).decode(), flush=True)
        return
    for key, value in values.items():
        out.print(f"{key}: {value}", highlight=False, soft_wrap=True, markup=False)

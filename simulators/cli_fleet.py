"""gatehouse-sim fleet: a city's gateways in one process, against a centre."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from simulators.fleet import keys, screen
from simulators.fleet.fleet import Fleet
from simulators.fleet.keys import CannotEnrol, Identity
from simulators.fleet.settings import Settings

_DEFAULT = Settings()
err = Console(stderr=True)


def fleet(
    server: Annotated[str, typer.Option(help="Of the centre, such as http://127.0.0.1:8000.")],
    gateways: Annotated[int, typer.Option(help="How many.", min=1, max=20_000)] = _DEFAULT.gateways,
    identities: Annotated[Path, typer.Option("--keys", help="Where their keys are kept.")] = Path("fleet-keys.json"),
    codes: Annotated[Path | None, typer.Option(help="One-time codes, a line each, for gateways not yet there.")] = None,
    minutes: Annotated[float, typer.Option(help="How long; 0: until told to stop.", min=0)] = _DEFAULT.minutes,
    seed: Annotated[int, typer.Option(help="The same seed: the same city.")] = _DEFAULT.seed,
    speed: Annotated[float, typer.Option(help="Its seconds in one of ours.", min=0.01)] = _DEFAULT.speed,
    begin_hour: Annotated[float, typer.Option(help="Its clock at the start.", min=0, max=24)] = _DEFAULT.begin_hour,
    storm_at_s: Annotated[float, typer.Option(help="Cut every line at this second; 0: never.", min=0)] = 0.0,
    storm_s: Annotated[float, typer.Option(help="For so long; then all come back at once.")] = _DEFAULT.storm_s,
    calm: Annotated[bool, typer.Option("--calm", help="No outages, floods, wrong clocks or late batches.")] = False,
    broken_version: Annotated[list[str] | None, typer.Option(help="A release that silences gateways.")] = None,
    returning_version: Annotated[list[str] | None, typer.Option(help="A release from which they return.")] = None,
    check: Annotated[bool, typer.Option("--check", help="At the end ask the centre what it holds; exit 1.")] = False,
    holds: Annotated[Path | None, typer.Option(help="Write what the centre should hold, as JSON.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON, no live table.")] = False,
) -> None:
    """Thousands of gateways: a day's rhythm, outages, storms, floods, wrong clocks, old versions.

    Example: gatehouse-sim fleet --gateways 2000 --server http://127.0.0.1:8000 --codes codes.txt --check
    """
    told = Settings(
        gateways=gateways,
        seed=seed,
        speed=speed,
        begin_hour=begin_hour,
        minutes=minutes,
        storm_at_s=storm_at_s,
        storm_s=storm_s,
        broken_versions=tuple(broken_version or ()),
        returning_versions=tuple(returning_version or ()),
    )
    told = _calmed(told) if calm else told
    try:
        report, wrong = asyncio.run(_play(server, identities, codes, told, holds, shown=not as_json, check=check))
    except CannotEnrol as error:
        raise _fail(str(error)) from error
    print(msgspec.json.format(msgspec.json.encode(report), indent=0 if as_json else 2).decode())
    if wrong:
        raise _fail("the centre does not hold what it acknowledged:\n" + "\n".join(wrong[:20]))


def _calmed(told: Settings) -> Settings:
    nothing = dict.fromkeys(
        ("wrong_clocks", "old_versions", "doubled", "late", "outages_an_hour", "floods_an_hour"), 0.0
    )
    return msgspec.structs.replace(told, **nothing)


async def _play(
    server: str, file: Path, codes: Path | None, told: Settings, holds: Path | None, *, shown: bool, check: bool
) -> tuple[dict[str, Any], list[str]]:
    """The report, and what differs at the centre."""
    one = Fleet(server, await _identities(server, file, codes, told.gateways), told)
    playing = asyncio.create_task(one.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, playing.cancel)
    showing = asyncio.create_task(screen.show(one, err)) if shown else None
    with suppress(asyncio.CancelledError):
        await playing
    drained = await one.drained() if check else True
    wrong = await one.check() if check else []
    if showing is not None:
        showing.cancel()
    await one.close()
    if holds is not None:
        holds.write_bytes(msgspec.json.encode(one.holds()))
    left = [] if drained else [f"{one.waiting} events were not acknowledged in time"]
    return {**one.plain(), "differences": wrong}, left + wrong


async def _identities(server: str, file: Path, codes: Path | None, wanted: int) -> list[Identity]:
    """Those of the file, and new ones for the codes, as many as are wanted. Raises CannotEnrol."""
    known = keys.load(file)[:wanted]
    missing = wanted - len(known)
    if not missing:
        return known
    lines = codes.read_text().split() if codes is not None else []
    if len(lines) < missing:
        say = "gatehouse-server enrol-code --complex NAME --count N >codes.txt"
        raise CannotEnrol(f"{missing} gateways have no key yet, and there are {len(lines)} codes: {say}, and --codes")
    new = await keys.enrol(server.rstrip("/"), lines[:missing])
    keys.save([*keys.load(file), *new], file)
    return [*known, *new]


def _fail(message: str) -> typer.Exit:
    err.print(message, style="red", highlight=False, soft_wrap=True, markup=False)
    return typer.Exit(1)

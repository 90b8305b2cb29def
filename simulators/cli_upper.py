"""``gatehouse-sim upper-platform``: a police view library above the centre."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from simulators.upper.faults import FAULTS, Faults, fault_named
from simulators.upper.platform import UpperPlatform
from simulators.upper.profiles import PROFILES

out, err = Console(stderr=False), Console(stderr=True)
FaultOption = Annotated[
    list[str] | None,
    typer.Option(help=f"Of the next request that brings something ({', '.join(FAULTS)}); may be repeated, in order."),
]
ScaleOption = Annotated[float, typer.Option(help="Of the lengths of sessions: 0.01 makes a minute 0.6 s.", min=0.0001)]


def upper_platform(
    profile: Annotated[str, typer.Option(help=f"One of {', '.join(PROFILES)}.")] = "strict",
    port: Annotated[int, typer.Option(help="0: a free one.")] = 8500,
    secrets: Annotated[Path, typer.Option(help="Where its password goes: the centre's data folder.")] = Path(
        "server-data"
    ),
    fault: FaultOption = None,
    share: Annotated[float, typer.Option(help="Of such requests that go wrong, by chance.", min=0, max=1)] = 0.0,
    seed: Annotated[int, typer.Option(help="The same seed: the same faults.")] = 1,
    session_scale: ScaleOption = 1.0,
    hang: Annotated[float, typer.Option(help="Seconds that a request without an answer hangs.", min=0)] = 30.0,
    answer: Annotated[float, typer.Option(help="Seconds that each answer takes.", min=0)] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for scripts.")] = False,
) -> None:
    """A view library of GA/T 1400 above the centre, on loopback, as one of seven kinds of real ones behaves.

    GET /sim/kept lists what it took, each object once, GET /sim/counts how often; POST /sim/fault/NAME spoils the next.

    Example: gatehouse-sim upper-platform --profile go --port 8500 --secrets server-data --share 0.1 --seed 7
    """
    try:
        faults = Faults(seed, share)
        faults.coming.extend(fault_named(name) for name in fault or [])
        one = UpperPlatform(
            profile, port, faults=faults, session_scale=session_scale, hang_s=hang, answer_s=answer, seed=seed
        )
        one.write_password(secrets)
        asyncio.run(_serve(one, as_json))
    except (OSError, ValueError) as error:
        err.print(f"it cannot run: {error}", style="red", highlight=False, soft_wrap=True, markup=False)
        raise typer.Exit(1) from error


async def _serve(one: UpperPlatform, as_json: bool) -> None:
    """Until SIGINT or SIGTERM; then the counts."""
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await one.start()
    _say(one.settings(), as_json)
    await told.wait()
    await one.stop()
    _say(msgspec.to_builtins(one.kept.counts()), as_json)


def _say(values: dict[str, object], as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(values).decode(), flush=True)
        return
    for key, value in values.items():
        out.print(f"{key}: {value}", highlight=False, soft_wrap=True, markup=False)

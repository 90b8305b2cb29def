"""``gatehouse-edge lane``: the gate's screen on a command line; the PIN is read from the keyboard or standard input."""

from __future__ import annotations

import asyncio
import base64
import secrets
import ssl
import sys
from pathlib import Path
from typing import Annotated

import aiohttp
import msgspec
import typer
from rich.table import Table

from domain.lanes.words import yuan
from edge.commands.options import DEFAULT_CONFIG, AsJson, ConfigFile, fail, out, settings
from edge.config import Gate
from edge.gate.acts import Done
from edge.gate.view import Told, Waiting
from edge.gate.words import REFUSED, spoken

app = typer.Typer(no_args_is_help=True, help="What waits at the lanes; cash, debts and openings by hand.")
_TIMEOUT_S = 15.0


class _Refused(msgspec.Struct, frozen=True):
    refused: str = ""


Guard = Annotated[str, typer.Option("--guard", help="Who asks, as the centre's document names them.")]
LaneName = Annotated[str, typer.Argument(help="The lane, as the lanes document names it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is counted and shown at the centre.")]


@app.command(name="show")
def show(guard: Guard, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Each lane, who waits there and what is due; what each guard took today.

    Example: gatehouse-edge lane show --guard wang
    """
    told = _told(settings(config).gate, guard, _pin())
    if as_json:
        print(msgspec.json.encode(told).decode())
        return
    table = Table("lane", "way", "plate", "since", "due", "why")
    for lane in told.lanes:
        table.add_row(lane.lane, lane.direction, *_of_car(lane.car))
    out.print(table)


def _of_car(car: Waiting | None) -> tuple[str, ...]:
    if car is None:
        return ("", "", "", "")
    due = "" if car.due_fen is None else f"¥{yuan(car.due_fen)}"
    return (car.plate, f"{car.entered_at:%m-%d %H:%M}" if car.entered_at else "", due, car.reason)


@app.command(name="cash")
def cash(guard: Guard, lane: LaneName, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """The car that waits has paid what is due, in cash: the arm opens, the receipt's number is printed.

    Example: gatehouse-edge lane cash east-out --guard wang
    """
    _act(config, guard, lane, "cash", "", as_json=as_json)


@app.command(name="debt")
def debt(
    guard: Guard, lane: LaneName, reason: Reason, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False
) -> None:
    """Let the car that waits out with a debt.

    Example: gatehouse-edge lane debt east-out --guard wang --reason 没带钱
    """
    _act(config, guard, lane, "debt", reason, as_json=as_json)


@app.command(name="open")
def open_by_hand(
    guard: Guard, lane: LaneName, reason: Reason, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False
) -> None:
    """Open a lane by hand, whoever waits.

    Example: gatehouse-edge lane open east-out --guard wang --reason 救护车
    """
    _act(config, guard, lane, "hand", reason, as_json=as_json)


def _act(config: Path, guard: str, lane: str, what: str, reason: str, *, as_json: bool) -> None:
    gate, pin = settings(config).gate, _pin()
    car = next((one.car for one in _told(gate, guard, pin).lanes if one.lane == lane), None)
    tap: dict[str, object] = {"lane": lane, "what": what, "reason": reason, "request": secrets.token_hex(12)}
    if car is not None:
        tap |= {"request": f"{car.request}-{what}", "plate": car.plate, "fen": car.due_fen or 0}
    answer = _ask(gate, guard, pin, "POST", "/v1/acts", tap)
    done = msgspec.json.decode(answer, type=Done)
    if as_json:
        print(answer.decode())
    elif done.act.receipt:
        out.print(f"{done.act.receipt}: ¥{yuan(done.act.fen)}")
    if done.failure:
        raise fail(f"on record, but the barrier did not open: {done.failure}; the same command asks it again")


def _told(gate: Gate, guard: str, pin: str) -> Told:
    return msgspec.json.decode(_ask(gate, guard, pin, "GET", "/v1/lanes"), type=Told)


def _pin() -> str:
    """Never an argument: those are for everybody to see."""
    if sys.stdin.isatty():
        return typer.prompt("PIN", hide_input=True)
    return sys.stdin.readline().strip()


def _ask(gate: Gate, guard: str, pin: str, method: str, path: str, body: object = None) -> bytes:
    if not gate.port:
        raise fail("the gate's screen is not served: set [gate] port in the settings, docs/edge.md")
    try:
        status, said = asyncio.run(_asked(gate, guard, pin, method, path, body))
    except (OSError, aiohttp.ClientError, TimeoutError) as error:
        raise fail(f"the agent does not answer at {gate.host}:{gate.port}: {error or 'too slow'}") from error
    if status == 403:
        raise fail(f"wrong PIN, no guard {guard!r}, or too many tries: wait five minutes")
    if status != 200:
        code = msgspec.json.decode(said, type=_Refused).refused if said.startswith(b"{") else str(status)
        raise fail(spoken("en")[1].get(REFUSED.get(code, ""), code))
    return said


async def _asked(gate: Gate, guard: str, pin: str, method: str, path: str, body: object) -> tuple[int, bytes]:
    scheme, context = ("https", _tls(gate)) if gate.certificate_file else ("http", False)
    host = "127.0.0.1" if gate.host == "0.0.0.0" else gate.host  # noqa: S104 - compared, not bound
    coded = base64.b64encode(f"{guard}:{pin}".encode()).decode()
    headers, timeout = {"Authorization": f"Basic {coded}"}, aiohttp.ClientTimeout(_TIMEOUT_S)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        url = f"{scheme}://{host}:{gate.port}{path}"
        async with session.request(method, url, json=body, ssl=context) as answer:
            return answer.status, await answer.read()


def _tls(gate: Gate) -> ssl.SSLContext:
    """The very certificate of the settings, whatever name it bears."""
    context = ssl.create_default_context(cafile=gate.certificate_file)
    context.check_hostname = False
    return context

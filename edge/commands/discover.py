"""``gatehouse-edge discover``: which devices are there that nobody listed yet, and the lines that list them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from domain.desired_bodies import Device
from edge.agent import utc_now
from edge.commands.ages import span
from edge.commands.options import DEFAULT_CONFIG, AsJson, ConfigFile, err, fail, out, settings
from edge.config import Config
from edge.control.desired import devices_beside
from edge.devices.driver import discover as all_drivers
from edge.discovery import found_file
from edge.discovery.discoverer import Search, discoverers
from edge.discovery.found import Findings, Found, plain
from edge.discovery.search import search
from edge.discovery.toml import blocks
from edge.status import beside

_MOST_S = 60.0


def discover(
    config: ConfigFile = DEFAULT_CONFIG,
    seconds: Annotated[float, typer.Option(help="So long each way is looked.", min=0.1, max=_MOST_S)] = 5.0,
    interface: Annotated[str, typer.Option(help="This box's own address on the network to be searched.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Those that are listed already too.")] = False,
    as_json: AsJson = False,
    as_toml: Annotated[bool, typer.Option("--toml", help="Ready [[devices]] blocks for edge.toml.")] = False,
) -> None:
    """Devices on the network and at the broker that are not listed yet: asked who they are, none of them is changed.

    Works beside a running agent. Exit 1: no way could be looked.

    Example: gatehouse-edge discover --seconds 10 --toml
    """
    told = settings(config)
    findings, failed, ways = asyncio.run(_search(told, seconds, interface or told.discovery.interface))
    listed = _listed(told)
    shown = findings.all(listed) if every else findings.unlisted(listed, most=len(findings))
    for name, why in failed.items():
        err.print(f"{name}: {why}", style="yellow", highlight=False, soft_wrap=True, markup=False)
    if len(failed) == ways:
        raise fail("no way could be looked")
    if as_json:
        print(msgspec.json.encode([plain(one) for one in shown]).decode())
    elif as_toml:
        print(blocks(shown), end="")
    else:
        _print(shown, len(findings) - len(findings.unlisted(listed, most=len(findings))), seconds)


async def _search(config: Config, seconds: float, interface: str) -> tuple[Findings, dict[str, str], int]:
    """What was found, what a running agent found before, why a way could not be looked, and how many ways there are."""
    findings = Findings()
    for one in found_file.read(config.folder, utc_now()):  # by the agent: callers that it refused, too
        findings.add(one)
    asked = Search(config, all_drivers(), utc_now, seconds, interface)
    failed = await search(asked, findings.add)
    return findings, failed, len(discoverers())


def _listed(config: Config) -> Sequence[Device]:
    """The list that counts: the centre's, where it has sent one."""
    try:
        with beside.opened(config.folder) as db:
            return devices_beside(db, config.devices)
    except (beside.NoLog, sqlite3.Error):
        return config.devices


def _print(shown: Sequence[Found], listed: int, seconds: float) -> None:
    already = f"; {listed} that are listed already were there" if listed else ""
    if not shown:
        out.print(f"nothing was found that is not listed{already}")
        out.print(
            f"Looked for {seconds:.0f} s. A camera answers only where ONVIF and its discovery are on; what pushes or "
            "calls is known once it spoke to the running agent. More: docs/devices/README.md, Finding devices.",
            soft_wrap=True,
            style="dim",
        )
        return
    table = Table()
    for title in ("device", "address", "found by", "last"):
        table.add_column(title, overflow="fold")  # they are copied from here: nothing is left out
    for one in shown:
        table.add_row(_head(one), one.address or one.host, ", ".join(one.by), _ago(one.seen_at))
    out.print(table)
    if any(not one.exact for one in shown):
        out.print(
            "? a proposal: the id is as far as could be told; the family's page says what it must be", style="dim"
        )
    out.print(f"{len(shown)} found{already}. To list them: gatehouse-edge discover --toml", style="dim")


def _head(one: Found) -> Text:
    """Its id, and below it what it says of itself and which page to read."""
    name = ", ".join(dict.fromkeys(word for word in (one.name, one.model) if word))
    identity = f"{one.id}{'' if one.exact else ' ?'}{' (listed)' if one.listed else ''}"
    below = "\n".join(line for line in (name, one.page) if line)
    return Text.assemble((identity, "bold"), ("\n" + below if below else "", "dim"))


def _ago(at: datetime) -> str:
    return f"{span(max(utc_now() - at, timedelta()))} ago"

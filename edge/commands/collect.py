"""``gatehouse-edge collect``: one file to send along with a question."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge.agent import utc_now
from edge.commands import bundle
from edge.commands.options import DEFAULT_CONFIG, ConfigFile, fail, out
from edge.config import BadConfig, Config, load
from edge.doctor.examination import examine
from edge.store.durable import write_file

_OWNER_ALONE = 0o600


def collect(
    config: ConfigFile = DEFAULT_CONFIG,
    to: Annotated[Path | None, typer.Option("--out", "-o", help="The file to write; else named by the time.")] = None,
    log: Annotated[
        Path | None, typer.Option(help="The agent's log, where it is not in the journal.", exists=True, dir_okay=False)
    ] = None,
) -> None:
    """Gather how the box is in a .tar.gz: doctor, status, settings, log lines, versions, sizes.

    Keys, passwords, codes, plates and card numbers are taken out; events, pictures and parked messages are not in it.

    Example: gatehouse-edge collect --out box.tar.gz
    """
    now = utc_now()
    told = _settings(config)
    lines = bundle.last_lines(log) if log else bundle.journal()
    found = bundle.contents(config, told, examine(config, utc_now), lines, bundle.for_this_box(told))
    name = f"gatehouse-{now:%Y%m%dT%H%M%SZ}"
    path = to or Path(f"{name}.tar.gz")
    try:
        write_file(path, bundle.packed(found, now, name), mode=_OWNER_ALONE)
    except OSError as error:
        raise fail(f"{path}: {error.strerror}") from error
    out.print(f"{path}: look into it before you send it", highlight=False, soft_wrap=True)


def _settings(path: Path) -> Config | None:
    """A box whose settings are broken has the most to tell."""
    try:
        return load(path)
    except BadConfig:
        return None

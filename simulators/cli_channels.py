"""``gatehouse-sim channels``: what people are told by, on loopback."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulators.channels.faults import fault_named
from simulators.channels.server import FarEnds

PortOption = Annotated[int, typer.Option(help="Of robots, pushes and the telephone; 0: a free one.")]
MailPortOption = Annotated[int, typer.Option(help="Of the mail server; 0: a free one.")]
SecretsOption = Annotated[Path, typer.Option(help="Where the secrets go: the centre's data folder.")]
FaultOption = Annotated[list[str] | None, typer.Option(help="Of the next request; may be repeated, in order.")]


def made(port: int, mail_port: int, secrets: Path, faults: list[str] | None) -> FarEnds:
    """The simulator, its secrets in a folder. Raises ValueError for a fault that there is not, and OSError."""
    one = FarEnds(port, mail_port)
    for name in faults or []:
        one.faults.coming.append(fault_named(name))
    one.write_secrets(secrets)
    return one

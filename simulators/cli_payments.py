"""``gatehouse-sim payments``: both payment providers on loopback."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from simulators.payments.faults import Fault, Faults
from simulators.payments.server import Payments


def faults_named(names: list[str], seed: int, share: float) -> Faults:
    """Raises ValueError for a fault that there is not."""
    made = Faults(seed, share)
    for name in names:
        found = next((one for one in get_args(Fault) if one == name), None)
        if found is None:
            raise ValueError(f"no fault {name}: there are {', '.join(get_args(Fault))}")
        made.coming.append(found)
    return made


PortOption = Annotated[int, typer.Option(help="0: a free one.")]
KeysOption = Annotated[Path, typer.Option(help="Where the merchant's keys go: the centre's data folder.")]
FaultOption = Annotated[list[str] | None, typer.Option(help="Of the next callback; may be repeated, in order.")]
ShareOption = Annotated[float, typer.Option(help="Of callbacks that go wrong, by chance.", min=0, max=1)]


def made(port: int, keys: Path, fault: list[str] | None, seed: int, share: float) -> Payments:
    """The simulator, its merchant's keys in a folder."""
    one = Payments(port, faults=faults_named(fault or [], seed, share))
    one.write_keys(keys)
    return one

"""``gatehouse-server ledger verify-public``: whether a month's file is what was published; needs no data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from domain.ledger import PublicLedger, check_parts
from server.cli_parts import AsJson, fail, out

_MOST_BYTES = 512 * 1024 * 1024


def verify_public(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="A month's journals, as downloaded from the public account: all parts."),
    ],
    last_hash: Annotated[
        str, typer.Option("--hash", help="The hash that the public page names; compared with the file's.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Recompute the chain and the sums of a published month. Exit 1 at a fault.

    Example: gatehouse-server ledger verify-public gatehouse-garden-2026-10-1.json --hash 3f9a…
    """
    ledgers = [_read(file) for file in files]
    checked = check_parts(ledgers)
    faults = list(checked.faults)
    if last_hash and last_hash.lower() != checked.last_hash:
        faults.append(f"the page names the hash {last_hash}, the file has {checked.last_hash}")
    if as_json:
        print(msgspec.json.encode(msgspec.structs.replace(checked, faults=faults)).decode())
    else:
        _tell(ledgers[0], checked.journals, checked.withheld, faults)
    if faults:
        raise typer.Exit(1)


def _read(file: Path) -> PublicLedger:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise fail(f"{file} has more than {_MOST_BYTES} bytes: that is no month of a complex")
        return msgspec.json.decode(file.read_bytes(), type=PublicLedger)
    except OSError as error:
        raise fail(f"{file}: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise fail(f"{file} is no month of a public account: {error}") from error


def _tell(ledger: PublicLedger, journals: int, withheld: int, faults: list[str]) -> None:
    plain: dict[str, Any] = {"highlight": False, "markup": False, "soft_wrap": True}
    out.print(f"{ledger.complex} {ledger.month}: {journals} journals, {len(faults)} faults", **plain)
    if withheld:
        out.print(f"{withheld} journals hold words that are not published: their hash is taken on trust", **plain)
    for fault in faults:
        out.print(f"  {fault}", **plain)


def add_to(app: typer.Typer) -> None:
    """Beside the other commands of the ledger."""
    app.command(name="verify-public")(verify_public)

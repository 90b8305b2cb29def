"""``gatehouse-edge device-secret``: the password of a device, read from the keyboard, kept on this box alone."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from edge.commands.options import DEFAULT_CONFIG, ConfigFile, fail, out, settings
from edge.device_secrets import ASKED_OF_IT, ASKED_OF_US, DeviceSecret, DeviceSecrets

_MOST_SIGNS = 1_000


def device_secret(
    device: Annotated[str, typer.Argument(help="As in the device list: hikvision:00005e005341.")],
    config: ConfigFile = DEFAULT_CONFIG,
    user: Annotated[str, typer.Option(help="The user's name at the device, where it wants one.")] = "",
    push: Annotated[
        bool, typer.Option("--push", help="The password that the device must show when it pushes to this box.")
    ] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Forget the one that is kept.")] = False,
) -> None:
    """Keep the password or key by which this box speaks to a device; a running agent takes it at once.

    It is read from the keyboard, or from standard input: on the command line other accounts of this box could read it.
    It stands in a file of its own, mode 0600; the centre never has it.

    Example: gatehouse-edge device-secret hikvision:00005e005341 --user admin
    """
    kept = DeviceSecrets(settings(config).folder, ASKED_OF_IT if push else ASKED_OF_US)
    if not device.partition(":")[2]:
        raise fail(f"{device} is no device: its kind and its identity, as gatehouse-edge parked shows them")
    try:
        if forget:
            out.print(f"{device}: " + ("forgotten" if kept.forget(device) else "there was none"))
            return
        kept.keep(device, DeviceSecret(_typed(device), user))
    except OSError as error:
        raise fail(str(error)) from error
    out.print(f"{device}: kept")


def _typed(device: str) -> str:
    """One line, its end left out."""
    if sys.stdin.isatty():
        secret = typer.prompt(f"Password of {device}", hide_input=True)
    else:
        secret = sys.stdin.readline(_MOST_SIGNS + 2).rstrip("\r\n")
    if not 0 < len(secret) <= _MOST_SIGNS:
        raise fail(f"no password: one line of at most {_MOST_SIGNS} signs is read from standard input")
    return secret

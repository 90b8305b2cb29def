"""``gatehouse-server desired digest``: what stands in ``credentials`` for a PIN, a code or a token."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from domain.doors.secrets import digest_of, fits
from server.cli_parts import AsJson, fail
from server.cli_parts import show as show_content

_NEW_BYTES, _LEAST_SALT = 18, 16


def digest(
    kind: Annotated[str, typer.Argument(help="pin, qr (a visitor's code, opens once) or token (a phone's).")],
    salt: Annotated[str, typer.Option(help="The salt of the document credentials, in hex.")],
    key_file: Annotated[
        Path | None, typer.Option(help="A file with the site's key in hex, where its gateway has one.", exists=True)
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Make a code or token, and show it this once.")] = False,
    as_json: AsJson = False,
) -> None:
    """The digest of a secret, which is read from the keyboard or from standard input, never from the command line.

    Example: gatehouse-server desired digest qr --salt 0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f --new
    """
    if kind not in ("pin", "qr", "token"):
        raise fail(f"{kind!r} is none of pin, qr, token")
    if new and kind == "pin":
        raise fail("a PIN is chosen by whoever keys it; --new makes codes and tokens")
    text = secrets.token_urlsafe(_NEW_BYTES) if new else _typed(kind)
    if why := fits(kind, text):
        raise fail(f"a {kind} has {why}")
    salted, key = _hex(salt, "--salt", _LEAST_SALT), _hex(_content(key_file), "the site's key", 0)
    found = digest_of(kind, text, salted, key)
    show_content({"digest": found, **({"code": text} if new else {})}, as_json=as_json)


def _typed(kind: str) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(kind, hide_input=True)).strip()
    return sys.stdin.readline(1_000).strip()


def _content(file: Path | None) -> str:
    try:
        return file.read_text(encoding="ascii").strip() if file else ""
    except (OSError, ValueError) as error:
        raise fail(f"{file}: {error}") from error


def _hex(text: str, name: str, least_bytes: int) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError as error:
        raise fail(f"{name} is not hex") from error
    if len(found) < least_bytes:
        raise fail(f"{name}: at least {least_bytes} bytes")
    return found

"""``gatehouse-edge enrol``: shows whom the code would go to, asks, and gives this box its identity."""

from __future__ import annotations

import asyncio
import ipaddress
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from domain.enrolment import BadLink, EnrolLink, in_groups, is_link, read_fingerprint, read_link
from edge.config import BadConfig, Config, load
from edge.enrol import enrol
from edge.server_certificate import Shown, Unreachable, look
from edge.sync.transport import Refused, UplinkDown
from edge.sync.trust import Trust


class _NotSent(Exception):
    """The code was not sent; says why and what to do."""


def enrol_gateway(
    url: Annotated[str, typer.Argument(help="The centre, or the whole link under its QR code.")] = "",
    code: Annotated[str, typer.Argument(help="The one-time code; better left out: then it is asked for.")] = "",
    config: Annotated[
        Path, typer.Option("--config", "-c", envvar="GATEHOUSE_EDGE_CONFIG", help="The settings file.")
    ] = Path("edge.toml"),
    code_file: Annotated[Path | None, typer.Option(help="Where the code (or the link) stands.")] = None,
    fingerprint: Annotated[str, typer.Option(help="SHA-256 of the centre's certificate; another is refused.")] = "",
    ca_file: Annotated[Path | None, typer.Option(help="The authority of the centre's certificate (PEM).")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, where an authority vouches for the centre.")] = False,
    insecure_http: Annotated[bool, typer.Option("--insecure-http", help="Send the code without encryption.")] = False,
    new_key: Annotated[bool, typer.Option("--new-key", help="Become another gateway: leave the old key.")] = False,
) -> None:
    """Give this box its identity with a one-time code of the centre, after showing whose certificate it bears.

    The code is read from the keyboard, from standard input or from a file. On the command line other accounts of this
    box can read it until it is used: it is good for once, and for 15 minutes. Enrolling again keeps the key.

    Example: gatehouse-edge enrol https://centre.example.invalid
    """
    try:
        told = load(config)
        link = _link(told, url, code or (code_file.read_text() if code_file else ""), fingerprint)
        ca = ca_file.read_text() if ca_file else ""
        now, later = _agreed(link, ca, yes=yes, insecure_http=insecure_http, may_ask=bool(code or code_file))
        me = asyncio.run(enrol(link.url, link.code, told.folder, now, later, new_key=new_key))
    except Refused as refusal:
        raise _fail(f"the centre refused the code: {refusal.answer.get('message', refusal)}") from refusal
    except UplinkDown as error:
        raise _fail(f"the centre cannot be reached: {error}") from error
    except (BadConfig, BadLink, Unreachable, _NotSent, OSError) as error:
        raise _fail(str(error)) from error
    typer.echo(f"enrolled: this is {me.gateway} of complex {me.complex}")


def _fail(message: str) -> typer.Exit:
    typer.secho(message, err=True, fg="red")
    return typer.Exit(1)


def _link(told: Config, url: str, code: str, fingerprint: str) -> EnrolLink:
    """Where, with which code, and by which certificate, from whatever was given. Raises BadLink, _NotSent."""
    if is_link(url):
        given = read_link(url)
    else:
        text = code or _ask_code()
        given = read_link(text) if is_link(text) else EnrolLink(url or told.server, text.strip())
    if url and not is_link(url) and url.rstrip("/") != given.url.rstrip("/"):
        raise _NotSent(f"the link is for {given.url}, not for {url}")
    if not given.url:
        raise _NotSent("which centre? name it: gatehouse-edge enrol https://centre.example.invalid")
    if told.server and told.server.rstrip("/") != given.url.rstrip("/"):
        raise _NotSent(f"edge.toml names another server, {told.server}: change that line or leave it out")
    return EnrolLink(given.url, given.code, _one_fingerprint(given.sha256, fingerprint))


def _one_fingerprint(of_link: str, option: str) -> str:
    wanted = read_fingerprint(option) if option else of_link
    if of_link and wanted != of_link:
        raise _NotSent("--fingerprint is not the one of the link: which is right? The code was not sent")
    return wanted


def _ask_code() -> str:
    if sys.stdin.isatty():
        return typer.prompt("Code", hide_input=True)
    return sys.stdin.readline()


def _agreed(link: EnrolLink, ca: str, *, yes: bool, insecure_http: bool, may_ask: bool) -> tuple[Trust, Trust]:
    """By what the centre is known while the code is sent, and by what from then on. Raises _NotSent, Unreachable."""
    parts = urlsplit(link.url)
    if parts.scheme == "https" and parts.hostname:
        return _agreed_certificate(link, ca, yes=yes, may_ask=may_ask)
    if parts.scheme != "http" or not parts.hostname:
        raise _NotSent(f"{link.url!r} is no address of a centre; https://centre.example.invalid is one")
    if link.sha256 or ca:
        raise _NotSent(f"{link.url} has no certificate to compare: https is meant? The code was not sent")
    if not insecure_http and not _is_loopback(parts.hostname):
        raise _NotSent(
            f"{link.url} is not encrypted: anyone on the way could take the code. Use https, or say so: --insecure-http"
        )
    typer.echo(f"{link.url} is not encrypted{': this machine' if _is_loopback(parts.hostname) else ''}", err=True)
    return Trust(), Trust()


def _agreed_certificate(link: EnrolLink, ca: str, *, yes: bool, may_ask: bool) -> tuple[Trust, Trust]:
    shown = look(link.url, ca)
    typer.echo(_description(link.url, shown), err=True)
    if link.sha256 and link.sha256 != shown.sha256:
        raise _NotSent(f"another certificate was expected: {in_groups(link.sha256)}. The code was not sent")
    if ca and shown.distrust:
        raise _NotSent(f"the authority of --ca-file did not sign it: {shown.distrust}. The code was not sent")
    if not link.sha256 and not (yes and not shown.distrust):
        _ask(shown, may_ask=may_ask or sys.stdin.isatty())
    # One that an authority vouches for may be renewed; one that nobody vouches for is known by itself alone.
    later = Trust(ca=ca) if ca else Trust(shown.sha256 if shown.distrust else "")
    return Trust(shown.sha256), later


def _ask(shown: Shown, *, may_ask: bool) -> None:
    """Raises _NotSent where nobody says yes."""
    how = "compare it and give it: --fingerprint" + ("" if shown.distrust else ", or --yes")
    if not may_ask:
        raise _NotSent(f"nobody is there to ask; {how}. The code was not sent")
    if not typer.confirm("Is this the centre's fingerprint?", err=True):
        raise _NotSent("The code was not sent")


def _description(url: str, shown: Shown) -> str:
    vouched = f"NOBODY vouches for it: {shown.distrust}" if shown.distrust else "an authority vouches for it"
    return (
        f"{url} shows this certificate:\n"
        f"  SHA-256  {in_groups(shown.sha256)}\n"
        f"  subject  {_printable(shown.subject)}\n"
        f"  issuer   {_printable(shown.issuer)}\n"
        f"  valid    {shown.begins_at:%Y-%m-%d} to {shown.ends_at:%Y-%m-%d} (UTC)\n"
        f"  {vouched}"
    )


def _printable(text: str) -> str:
    """What a stranger wrote, without what could move a terminal's cursor."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""The centre, asked as the agent asks it: its name, its line, its certificate, and whether it knows us."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from domain.findings import Finding, Reporter
from edge import identity
from edge.clock import standing
from edge.doctor import certificate
from edge.sync.transport import Refused, Uplink, UplinkDown, understood
from edge.sync.trust import Trust

_LINE = Reporter("connections", "centre's line")
_TLS = Reporter("connections", "centre's certificate")
_SAYS = Reporter("connections", "centre")
_TIMEOUT_S = 5.0
_PORTS = {"http": 80, "https": 443}


class WhoAmI(msgspec.Struct):
    """The centre's answer to a gateway that asks who it is."""

    gateway: str
    complex: str
    version: str
    server_time: Annotated[datetime, msgspec.Meta(tz=True)]


class Asked(msgspec.Struct):
    """What came of asking; ``offset`` is the centre's time less ours."""

    findings: list[Finding]
    offset: timedelta | None = None


def check(server: str, me: identity.Identity | None, now: datetime) -> Asked:
    """From the name to the answer; what cannot work without the step before it is not tried."""
    address = urlsplit(server)
    if not address.hostname:
        return Asked([])  # said by the check of the settings
    port = address.port or _PORTS.get(address.scheme, 443)
    found = list(_line(address.hostname, port))
    if address.scheme == "https" and not _failed(found):
        step = "a certificate that this box trusts, for this name; is the clock right?"
        found.append(certificate.held(_TLS, server, me.trust if me else Trust(), now, step))
    if _failed(found) or me is None:
        return Asked(found)
    asked = asyncio.run(_ask(server, me, now))
    return Asked(found + asked.findings, asked.offset)


def _failed(findings: list[Finding]) -> bool:
    return any(finding.level == "error" for finding in findings)


def _line(host: str, port: int) -> Iterator[Finding]:
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        yield _LINE.error(f"{host} is no name that is known here: {error}", "look at the box's DNS, and at `server`")
        return
    try:
        socket.create_connection((host, port), timeout=_TIMEOUT_S).close()
    except OSError as error:
        yield _LINE.error(f"{host}:{port}: {error}", "is the box on the Internet? does a firewall let it out?")
        return
    yield _LINE.ok(f"{host}:{port} answers")


async def _ask(server: str, me: identity.Identity, now: datetime) -> Asked:
    """As this gateway. A wrong clock is learned from the first refusal, as the agent does."""
    signer = identity.Signer(me, standing(now))
    try:
        async with Uplink(server, signer, me.trust) as uplink:
            answer = understood(await uplink.send("GET", "/v1/hello", b"", "application/json"), WhoAmI)
    except UplinkDown as error:
        return Asked([_SAYS.error(f"no answer: {error}", "open the address with curl from the box")])
    except Refused as refusal:
        return Asked([_refused(refusal)])
    return Asked(list(_judged(answer)), answer.server_time - now)


def _refused(refusal: Refused) -> Finding:
    if refusal.status in (401, 403):
        return _SAYS.error(f"it does not know us: {refusal}", "ask the centre for a code, then: gatehouse-edge enrol")
    if refusal.status in (404, 405):
        return _SAYS.warn("it is older than this agent and cannot be asked", "upgrade the centre")
    return _SAYS.error(f"it refuses: {refusal}", "look at the centre's log")


def _judged(answer: WhoAmI) -> Iterator[Finding]:
    yield _SAYS.ok(f"it knows us as {answer.gateway} of {answer.complex}")
    ours = version("gatehouse")
    if _numbers(answer.version) < _numbers(ours):
        yield _SAYS.warn(f"it runs {answer.version}, we run {ours}", "upgrade the centre first, then its gateways")
    else:
        yield _SAYS.ok(f"it runs {answer.version}, we run {ours}")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdecimal())

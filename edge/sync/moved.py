"""The complex is served by another cell: who may say so, how the box makes sure, and that it goes there.

Followed is only the cell that served the complex until now, over the connection by which it is known, or the directory
that it named at enrolment; and only to where somebody answers, over the certificate that was named, who knows this very
gateway. A false answer can make a box try; it cannot lead it away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
import structlog

from domain.cells import Whereabouts, is_no_worse
from edge import identity
from edge.identity import Identity, Signer
from edge.server_certificate import Unreachable, look
from edge.sync.transport import Refused, Uplink, UplinkDown, understood
from edge.sync.trust import Trust

log = structlog.get_logger()

SILENT_S = 600.0  # of the cell, before the directory is asked whether it is still the one
_LOOK_S = 5.0


class Followed(Exception):
    """The box has a new cell, and its identity says so: begin anew with that."""


class NotFollowed(Exception):
    """Where the box was sent is not gone to; says why."""


class _Known(msgspec.Struct):
    """A cell's answer to a gateway that asks who it is."""

    gateway: str
    complex: str
    server_time: Annotated[datetime, msgspec.Meta(tz=True)]


class Mover:
    """Watches for word of a move, and follows it. ``server`` is where the box sends to now."""

    def __init__(
        self, me: Identity, folder: Path, server: str, signer: Signer, monotonic_s: Callable[[], float]
    ) -> None:
        self._me, self._folder, self._server, self._signer = me, folder, server, signer
        self._monotonic_s, self._answered_s = monotonic_s, monotonic_s()
        self._told = asyncio.Event()
        self._where: Whereabouts | None = None

    def answered(self) -> None:
        """The cell has just answered, whatever it said."""
        self._answered_s = self._monotonic_s()

    def moved(self, answer: dict[str, Any]) -> None:
        """The cell says that the complex is elsewhere."""
        try:
            self._where = msgspec.convert(answer, Whereabouts)
        except msgspec.ValidationError as error:
            log.warning("moved_not_understood", error=str(error))
            return
        self._told.set()

    async def run(self, pause_s: Callable[[int], float]) -> None:
        """Until the box has a new cell. Raises Followed."""
        failures = 0
        while True:
            where = await self._word()
            if where is None:
                continue
            try:
                await follow(self._me, self._folder, self._server, self._signer, where)
            except NotFollowed as error:
                failures += 1
                log.error("move_not_followed", to=where.url, error=str(error))
                await asyncio.sleep(pause_s(failures))
            else:
                raise Followed(where.url)

    async def _word(self) -> Whereabouts | None:
        """The cell's own word, or the directory's while the cell is silent."""
        try:
            async with asyncio.timeout(_LOOK_S):
                await self._told.wait()
        except TimeoutError:
            return await self._ask_directory() if self._is_silent() else None
        self._told.clear()
        return self._where

    def _is_silent(self) -> bool:
        if not self._me.directory or self._monotonic_s() - self._answered_s < SILENT_S:
            return False
        self.answered()  # asked once in so long
        return True

    async def _ask_directory(self) -> Whereabouts | None:
        found = await ask(self._me.directory, Trust(self._me.directory_fingerprint), self._me.complex)
        return found if found is not None and found.version > self._me.cell_version else None


async def ask(directory: str, trust: Trust, complex_id: str) -> Whereabouts | None:
    """Where the directory says that a complex is; None where it does not know, or does not answer."""
    try:
        async with Uplink(directory, trust=trust) as uplink:
            path = f"/v1/cells/{quote(complex_id, safe='')}"
            return understood(await uplink.send("GET", path, b"", "application/json"), Whereabouts)
    except (UplinkDown, Refused) as error:
        log.info("directory_silent", error=str(error))
        return None


async def follow(me: Identity, folder: Path, server: str, signer: Signer, where: Whereabouts) -> Identity:
    """Go to another cell: the identity that names it is durable before it is used. Raises NotFollowed."""
    if where.version <= me.cell_version:
        raise NotFollowed(f"version {where.version} is no newer than {me.cell_version}: an old word")
    if not is_no_worse(where.url, server):
        raise NotFollowed(f"{where.url} is no address that may stand in for {server}: TLS is not given up")
    trust = await asyncio.to_thread(_trusted, me, where)
    await _known_there(me, signer, where, trust)
    moved = msgspec.structs.replace(
        me,
        server=where.url,
        enrolled_at=me.enrolled_at or me.server,
        fingerprint=trust.fingerprint,
        ca=trust.ca,
        cell_version=where.version,
    )
    identity.save(moved, folder)
    log.warning("moved", to=where.url, version=where.version)
    return moved


def _trusted(me: Identity, where: Whereabouts) -> Trust:
    """By what the new cell is known from now on: the certificate that was named, which must be the one it shows; or,
    where none was, who vouches for it. One that an authority vouches for may be renewed (edge/commands/enrol.py)."""
    if not where.fingerprint or not where.url.startswith("https"):
        return Trust(ca=me.ca)
    try:
        shown = look(where.url, me.ca)
    except Unreachable as error:
        raise NotFollowed(str(error)) from error
    if shown.sha256 != where.fingerprint:
        raise NotFollowed(f"{where.url} shows another certificate than was named: {shown.sha256}")
    return Trust(where.fingerprint) if shown.distrust else Trust(ca=me.ca)


async def _known_there(me: Identity, signer: Signer, where: Whereabouts, trust: Trust) -> None:
    """Raises NotFollowed where nobody knows this gateway there."""
    once = Trust(where.fingerprint) if where.fingerprint and where.url.startswith("https") else trust
    try:
        async with Uplink(where.url, signer, once) as uplink:
            known = understood(await uplink.send("GET", "/v1/hello", b"", "application/json"), _Known)
    except (UplinkDown, Refused) as error:
        raise NotFollowed(f"{where.url}: {error}") from error
    if (known.gateway, known.complex) != (me.gateway, me.complex):
        raise NotFollowed(f"{where.url} takes us for {known.gateway} of {known.complex}")


def server_of(me: Identity, told: str) -> str:
    """Where to send to: what the settings say, if that is another address than the one the box was enrolled at."""
    enrolled_at = me.enrolled_at or me.server
    return told if told and told.rstrip("/") != enrolled_at.rstrip("/") else me.server

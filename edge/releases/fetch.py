"""The package of a release that is wished: fetched beside the work, held against its hash, and left for the installer.

The agent may not install: what it leaves is checked again, from the signature on, by ``gatehouse-release apply``.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import aiohttp
import msgspec
import structlog

from domain.desired_bodies import Release, version_number
from edge.store.durable import make_folder, sync_folder, write_file
from eventlog.follow import rung_or_after

log = structlog.get_logger()

FOLDER, PACKAGE, ABOUT = "release", "package.deb", "release.json"
_TIMEOUT = aiohttp.ClientTimeout(total=3_600, sock_connect=30, sock_read=60)
_CHUNK_BYTES = 256 * 1024


class BadPackage(Exception):
    """What lies at the address is not the package that was signed."""


class Fetcher:
    """``want`` says which release is in force; ``run`` fetches it, once."""

    def __init__(self, folder: Path, running: str, retry_s: Callable[[int], float]) -> None:
        """``running``: the version that runs; what is not newer is not fetched, unless it may go back."""
        self._folder, self._running, self._retry_s = folder / FOLDER, version_number(running), retry_s
        self._wanted: Release | None = None
        self._bell = asyncio.Event()

    def want(self, release: Release | None) -> None:
        self._wanted = release
        self._bell.set()

    async def run(self) -> None:
        failures = 0
        while True:
            self._bell.clear()
            release = self._wanted
            try:
                if release is not None and self._is_due(release):
                    await fetch(release, self._folder)
                    log.info("release_fetched", version=release.version)
                failures, pause_s = 0, 3_600.0
            except (BadPackage, aiohttp.ClientError, TimeoutError, OSError) as error:
                failures += 1
                pause_s = self._retry_s(failures)
                log.warning("release_not_fetched", error=str(error))
            await rung_or_after(self._bell, pause_s)

    def _is_due(self, release: Release) -> bool:
        if release.number == self._running or (release.number < self._running and not release.goes_back):
            return False
        return _lying(self._folder) != release


def _lying(folder: Path) -> Release | None:
    try:
        return msgspec.json.decode((folder / ABOUT).read_bytes(), type=Release)
    except (OSError, msgspec.MsgspecError):
        return None


async def fetch(release: Release, folder: Path) -> None:
    """The package whole and on the disk, then what it is; in this order. Raises BadPackage and what aiohttp raises."""
    make_folder(folder)
    (folder / ABOUT).unlink(missing_ok=True)
    aside = folder / f"{PACKAGE}.part"
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session, session.get(release.url) as response:
        response.raise_for_status()
        digest = await _write(response, aside, release.size_bytes)
    if digest != release.sha256:
        aside.unlink()
        raise BadPackage(f"{release.url}: sha256 {digest}, signed is {release.sha256}")
    aside.rename(folder / PACKAGE)
    sync_folder(folder)
    write_file(folder / ABOUT, msgspec.json.encode(release))


async def _write(response: aiohttp.ClientResponse, file: Path, size_bytes: int) -> str:
    """Raises BadPackage at the first byte too many, and where some are missing."""
    digest, count = hashlib.sha256(), 0
    with file.open("wb") as opened:
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            count += len(chunk)
            if count > size_bytes:
                raise BadPackage(f"{response.url}: more than the {size_bytes} bytes that are signed")
            digest.update(chunk)
            opened.write(chunk)
        opened.flush()
        os.fsync(opened.fileno())
    return digest.hexdigest()

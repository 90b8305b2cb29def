"""Our own view library, wired: what the routes under /VIID ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from eventlog.log import BatchLog
from server.media import MediaBox
from server.store.engine import Database
from server.viid.dispositions import Dispositions
from server.viid.door import Door
from server.viid.equipment import Equipment, Registered
from server.viid.looking_back import LookingBack
from server.viid.settings import Settings
from server.viid.subscribing import Subscribing
from server.viid.taking import Taking


class BadPassword(ValueError):
    """A peer's password cannot be read; the message says which, and why."""


@dataclass
class Library:
    """``equipment`` and ``dispositions`` are ports: whoever keeps these takes their place."""

    code: str
    door: Door
    taking: Taking
    subscribing: Subscribing
    equipment: Equipment
    dispositions: Dispositions
    looking_back: LookingBack
    now: Callable[[], datetime]


def open_library(
    folder: Path,
    settings: Settings,
    db: Database,
    log: BatchLog,
    media: MediaBox,
    dispositions: Dispositions,
    now: Callable[[], datetime],
) -> Library:
    """Raises BadPassword."""
    peers = {peer.code: peer for peer in settings.peers}
    passwords = {peer.code: _password(folder, peer.password_file) for peer in settings.peers}
    key = (folder / "second-factor.key").read_bytes()  # the same for all processes of one database
    door = Door(db, peers, passwords, key, timedelta(seconds=settings.session_s), now)
    looking_back = LookingBack(db, folder, settings.code, now)
    taking, subscribing = Taking(db, log, media, now), Subscribing(db, settings.code, now)
    return Library(settings.code, door, taking, subscribing, Registered(db, now), dispositions, looking_back, now)


def _password(folder: Path, name: str) -> str:
    try:
        text = (folder / name).read_text().strip()
    except OSError as error:
        raise BadPassword(f"viid: {folder / name}: {error.strerror or error}") from error
    if not text:
        raise BadPassword(f"viid: {folder / name} is empty")
    return text

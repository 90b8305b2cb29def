"""A cluster's passwords: made for it alone, in files that only we may read, never in an argument or a URL."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from simulators.patroni_settings import HOST, REPLICATION, REST, REWIND, SUPERUSER, Place
from simulators.postgres import OWNER

_ROLES = (SUPERUSER, REPLICATION, REWIND, REST, "raft", OWNER)


class Keys:
    """The passwords by role; a passfile for each role that connects as a client."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.passwords = {role: secrets.token_hex(16) for role in _ROLES}

    def write(self) -> None:
        """The passfiles, as libpq and asyncpg read them."""
        for role in (SUPERUSER, OWNER):
            write_private(self._passfile(role), f"{HOST}:*:*:{role}:{self.passwords[role]}\n")

    def url(self, role: str, database: str, places: Sequence[Place]) -> str:
        """Several hosts in the form that libpq and asyncpg both read."""
        hosts = ",".join(HOST for _ in places)
        ports = ",".join(str(place.postgres_port) for place in places)
        which = "&target_session_attrs=read-write" if len(places) > 1 else ""
        return f"postgresql://{role}@/{database}?host={hosts}&port={ports}{which}&passfile={self._passfile(role)}"

    def _passfile(self, role: str) -> Path:
        return self._folder / f"{role}.pass"


def write_private(file: Path, text: str) -> None:
    """Write a file that nobody else could read at any moment."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)

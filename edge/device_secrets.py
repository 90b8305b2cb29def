"""What a device asks of us before it listens, and what we ask of one that pushes: a file each, on this box alone."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote, unquote

import msgspec
import structlog

from edge.store.durable import make_folder, write_file

_OWN_FOLDER, _OWNER_ALONE = 0o700, 0o600
ASKED_OF_US, ASKED_OF_IT = "device-secrets", "device-push-secrets"  # two passwords: the device keeps one of each
log = structlog.get_logger()

SITE_KEY = "site:doors"


class DeviceSecret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``secret`` is a password, or a key in hexadecimal where the family wants one."""

    secret: str
    user: str = ""

    def __repr__(self) -> str:
        return f"DeviceSecret(user={self.user!r})"  # never in a log


class DeviceSecrets:
    """The secrets under the agent's data folder. The centre never has them."""

    def __init__(self, data: Path, which: str = ASKED_OF_US) -> None:
        self._folder = data / which

    @property
    def devices(self) -> frozenset[str]:
        """Those for which one was entered."""
        try:
            return frozenset(unquote(file.name) for file in self._folder.iterdir() if file.suffix != ".part")
        except FileNotFoundError:
            return frozenset()

    def of(self, device: str) -> DeviceSecret | None:
        """None where none was entered. Raises OSError, msgspec.DecodeError for a file that cannot be read."""
        try:
            return msgspec.json.decode(self._file(device).read_bytes(), type=DeviceSecret)
        except FileNotFoundError:
            return None

    def keep(self, device: str, secret: DeviceSecret) -> None:
        """Durable, mode 0600, in place of an earlier one; of the account whose data folder it is. Raises OSError."""
        make_folder(self._folder, mode=_OWN_FOLDER)
        write_file(self._file(device), msgspec.json.encode(secret), mode=_OWNER_ALONE)
        owner = self._folder.parent.stat()
        if owner.st_uid != os.geteuid():
            for path in (self._folder, self._file(device)):
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)

    def forget(self, device: str) -> bool:
        """Whether there was one."""
        existed = self._file(device).exists()
        self._file(device).unlink(missing_ok=True)
        return existed

    def _file(self, device: str) -> Path:
        return self._folder / quote(device, safe="")


def site_key(secrets: DeviceSecrets) -> bytes:
    """The site's own key, which stirs the digests of PINs and codes; b"" where there is none that can be read."""
    try:
        found = secrets.of(SITE_KEY)
        return bytes.fromhex(found.secret) if found else b""
    except (OSError, ValueError) as error:
        log.error("site_key_not_read", error=repr(error)[:200])
        return b""

"""What the agent fetched, as root sees it: copied out of the agent's reach, checked from the signature on, installed.

Standard library only. The agent's folder is believed in nothing: whoever took over the agent could have written it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from edge.releases.ed25519 import verifies

FETCHED = Path("/var/lib/gatehouse/release")
SETTINGS = Path("/etc/gatehouse/edge.toml")
_INSTALL = ("dpkg", "--install", "--force-confold")
_LIMIT_S = 900.0
_MOST_BYTES = 512 * 1024 * 1024


class NotBelieved(Exception):
    """What lies there is not installed; the message says why."""


def apply(fetched: Path, settings: Path, install: tuple[str, ...] = _INSTALL) -> str:
    """Install what was fetched; its version, empty where nothing lies there. Raises NotBelieved, OSError.

    What was looked at is taken away, whether it was installed or not: it is not tried for ever.
    """
    about, package = fetched / "release.json", fetched / "package.deb"
    if not about.is_file():
        return ""
    try:
        with tempfile.TemporaryDirectory(prefix="gatehouse-release-") as mine:
            release = json.loads(about.read_bytes())
            held = _copied(package, Path(mine) / "package.deb")
            _check(release, held, _pinned(settings))
            subprocess.run([*install, str(held)], check=True, timeout=_LIMIT_S)
            return str(release["version"])
    except (KeyError, TypeError, ValueError) as error:
        raise NotBelieved(f"{about} is no release: {error!r}") from error
    finally:
        about.unlink(missing_ok=True)


def _copied(package: Path, to: Path) -> Path:
    """Out of the folder that the agent can write, so that what is checked is what is installed."""
    if package.is_symlink() or package.stat().st_size > _MOST_BYTES:
        raise NotBelieved(f"{package} is no package of ours")
    shutil.copyfile(package, to, follow_symlinks=False)
    return to


def _pinned(settings: Path) -> bytes:
    text = tomllib.loads(settings.read_text(encoding="utf-8")).get("releases", {}).get("key", "")
    if not text:
        raise NotBelieved(f"no key is pinned in {settings}: [releases] key")
    return base64.b64decode(text, validate=True)


def _check(release: dict[str, Any], package: Path, key: bytes) -> None:
    """Raises NotBelieved: the signature first, before a byte of the package is looked at."""
    goes_back = "goes_back" if release.get("goes_back") else ""
    parts = ["gatehouse-release/1", release["version"], release["sha256"], str(release["size_bytes"]), goes_back]
    if not verifies(key, "\n".join(parts).encode(), base64.b64decode(release["signature"], validate=True)):
        raise NotBelieved(f"the signature of {release['version']} is not by the key that is pinned on this box")
    if package.stat().st_size != release["size_bytes"]:
        raise NotBelieved(f"{package.stat().st_size} bytes, signed are {release['size_bytes']}")
    with package.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if digest != release["sha256"]:
        raise NotBelieved(f"sha256 {digest}, signed is {release['sha256']}")

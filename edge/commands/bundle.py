"""What a person sends along with a question: how the box is, without what must not leave it."""

from __future__ import annotations

import io
import platform
import sqlite3
import stat
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import msgspec

from domain.findings import Finding
from edge import identity
from edge.broker.folder import BrokerFolder
from edge.commands.redact import Redact, everywhere, redactor
from edge.config import Config
from edge.doctor.agent import UNIT
from edge.doctor.software import installed
from edge.status import beside
from edge.status.box_status import described

_LOG_LINES = 2_000
_LOG_BYTES = 4 * 1024 * 1024
_LIMIT_S = 20.0
_MOST_FILES = 500
_ENTRY_MODE = 0o600
_SETTINGS_BYTES = 1024 * 1024


def contents(
    settings: Path, config: Config | None, findings: Sequence[Finding], log: str, redact: Redact
) -> dict[str, bytes]:
    """File name -> bytes. Payloads of parked messages, events and pictures are in none of them."""
    found: dict[str, Any] = {"doctor.json": findings, "software.json": software()}
    if config is not None:
        found |= {"files.json": list(files(config.folder)), **_of_the_log(config.folder)}
    plain = {name: everywhere(msgspec.to_builtins(value), redact) for name, value in found.items()}
    bundle = {name: msgspec.json.format(msgspec.json.encode(value), indent=1) for name, value in plain.items()}
    bundle["settings.toml"] = redact(_beginning(settings)).encode()
    bundle["log.txt"] = redact(log).encode()
    return bundle


def for_this_box(config: Config | None) -> Redact:
    """The redaction that also knows this box's own secrets, and lets its devices keep their numbers."""
    if config is None:
        return redactor()
    serials = {device.id.partition(":")[2] for device in config.devices}
    return redactor(_own_secrets(config), {part for serial in serials for part in (serial, *serial.split("-"))})


def _own_secrets(config: Config) -> Iterator[str]:
    """The agent's broker password, each device's, and the private half of the key; none of what is not there."""
    with suppress(OSError, UnicodeDecodeError):
        yield Path(config.broker.password_file).read_text(encoding="utf-8").strip()
    with suppress(OSError, msgspec.MsgspecError):
        yield from BrokerFolder(config.folder / "mosquitto", config.folder / "broker").passwords().values()
    with suppress(identity.NotEnrolled, OSError, msgspec.MsgspecError):
        key: dict[str, Any] = msgspec.json.decode(identity.load(config.folder).private_key)
        yield str(key.get("d", ""))


def _beginning(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_SETTINGS_BYTES).decode(errors="replace")
    except OSError as error:
        return f"{path}: {error.strerror}"


def _of_the_log(folder: Path) -> dict[str, Any]:
    try:
        with beside.opened(folder) as db:
            tables, parked = beside.tables(db), beside.parked_by_reason(db)
        return {"status.json": described(folder), "tables.json": tables, "parked.json": parked}
    except (beside.NoLog, sqlite3.Error) as error:
        return {"status.json": {"error": str(error)}}


def software() -> dict[str, Any]:
    """Versions of what runs here."""
    packages = {found.metadata["Name"]: found.version for found in distributions()}
    return {
        "python": sys.version,
        "sqlite": sqlite3.sqlite_version,
        "system": platform.platform(),
        "mosquitto": installed(),
        "packages": dict(sorted(packages.items())),
    }


def files(folder: Path) -> Iterator[dict[str, Any]]:
    """What lies in the data folder: names, sizes and modes; pictures by their number alone."""
    pictures = [path.stat().st_size for path in (folder / "media").glob("*/*") if path.is_file()]
    yield {"name": "media/", "files": len(pictures), "size_bytes": sum(pictures)}
    others = (path for path in sorted(folder.rglob("*")) if "media" not in path.relative_to(folder).parts)
    for path, _ in zip(others, range(_MOST_FILES), strict=False):
        found = path.lstat()
        changed = datetime.fromtimestamp(found.st_mtime, UTC)
        name = str(path.relative_to(folder))
        yield {"name": name, "size_bytes": found.st_size, "mode": stat.filemode(found.st_mode), "changed": changed}


def journal() -> str:
    """The unit's last lines as the journal has them, or why there are none."""
    asked = ["journalctl", "--unit", UNIT, "--lines", str(_LOG_LINES), "--output", "cat", "--no-pager"]
    try:
        done = subprocess.run(asked, capture_output=True, timeout=_LIMIT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return f"no journal: {error}"
    return done.stdout.decode(errors="replace")


def last_lines(path: Path) -> str:
    """The end of a log file. Raises OSError."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, io.SEEK_END) - _LOG_BYTES))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-_LOG_LINES:])


def packed(bundle: Mapping[str, bytes], now: datetime, within: str) -> bytes:
    """The files as one .tar.gz, in a folder ``within``."""
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as archive:
        for name, content in sorted(bundle.items()):
            entry = tarfile.TarInfo(f"{within}/{name}")
            entry.size, entry.mode, entry.mtime = len(content), _ENTRY_MODE, int(now.timestamp())
            archive.addfile(entry, io.BytesIO(content))
    return body.getvalue()

"""The settings file: every mistake in it at once, each with its key."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from domain.findings import Finding, Reporter
from edge.config import Config, is_loopback, load, mistakes
from edge.devices.driver import discover

_SAYS = Reporter("configuration", "settings")
_DEVICES = Reporter("configuration", "device list")
_SERVER = Reporter("configuration", "centre's address")
_FILES = Reporter("configuration", "files the settings name")
_OTHERS_MAY = 0o077


def check(path: Path) -> tuple[Config | None, list[Finding]]:
    """The settings where they can be used, and what was found in them."""
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None, [
            _SAYS.error(f"{path} is not there", "write one (docs/edge.md shows an example), or name it: --config")
        ]
    except (OSError, ValueError) as error:
        return None, [_SAYS.error(f"{path}: {error}", "mend the file; the line and column say where")]
    wrong = [
        _SAYS.error(f"{path}: {mistake}", "mend the key; docs/edge.md lists every one") for mistake in mistakes(written)
    ]
    if wrong:
        return None, wrong
    config = load(path)
    return config, [
        _SAYS.ok(f"{path}, {len(config.devices)} devices"),
        *_server(config),
        *_files(config),
        *_devices(config),
    ]


def _server(config: Config) -> Iterator[Finding]:
    if not config.server:
        yield _SERVER.warn("server is not set: everything is kept, nothing is sent", 'add: server = "https://…"')
        return
    address = urlsplit(config.server)
    if address.scheme not in ("http", "https") or not address.hostname:
        yield _SERVER.error("server is no address", 'write it so: server = "https://centre.example.invalid"')
    elif address.scheme == "http" and not is_loopback(address.hostname):
        yield _SERVER.warn("server is http: whoever is on the line reads along", "serve the centre by https")
    else:
        yield _SERVER.ok(f"{address.scheme}://{address.hostname}")


def _files(config: Config) -> Iterator[Finding]:
    """Files are named in the settings so that no secret stands in them; then they must be there, and be one's own."""
    broker = config.broker
    if broker.username and not broker.password_file:
        yield _FILES.error("broker.username without broker.password_file", "write the password in a file and name it")
    for key, name in (("password_file", broker.password_file), ("ca_file", broker.ca_file)):
        if name:
            yield _file(f"broker.{key}", Path(name), secret=key == "password_file")


def _file(key: str, path: Path, *, secret: bool) -> Finding:
    try:
        path.read_bytes()
        mode = path.stat().st_mode & 0o777
    except OSError as error:
        return _FILES.error(f"{key}: {path}: {error.strerror}", "put the file there, readable by the agent's user")
    if secret and mode & _OTHERS_MAY:
        return _FILES.warn(f"{key}: {path} has mode {mode:04o}: others may read it", f"chmod 600 {path}")
    return _FILES.ok(f"{key}: {path}")


def _devices(config: Config) -> Iterator[Finding]:
    kinds = discover().by_kind.keys()
    for identity, count in Counter(device.id for device in config.devices).items():
        if count > 1:
            yield _DEVICES.error(f"{identity} is listed {count} times; the last one counts", "keep one of them")
        if identity.partition(":")[0] not in kinds:
            known = ", ".join(sorted(kinds))
            yield _DEVICES.error(f"{identity}: no driver of that kind", f"the part before the colon is one of {known}")
    if not config.devices and config.unknown_devices == "park":
        yield _DEVICES.warn(
            "no device is listed: every message is parked", "list them; gatehouse-edge parked shows ids"
        )

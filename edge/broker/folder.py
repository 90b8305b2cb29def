"""The broker's two folders on the disk: Mosquitto's own, and ours with the passwords and the authority's key."""

from __future__ import annotations

import os
import pwd
import secrets
import stat
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from edge.broker import config as broker_config
from edge.broker.certificates import Signed, hosts_of, is_signed_by, make_authority, make_server, with_loopback
from edge.broker.config import BrokerSettings, access_text, passwords_text, settings_text
from edge.broker.users import AGENT
from edge.devices.driver import BrokerUser
from edge.store.durable import write_file

_PASSWORDS_FILE, _AUTHORITY, _AUTHORITY_KEY = "device-passwords.json", "ca.crt", "ca.key"
_AGENT_PASSWORD = "agent.password"  # noqa: S105 - a file's name  # pragma: allowlist secret
_OWNER_ALONE, _OWN_FOLDER, _BROKERS_FOLDER, _ANYBODY = 0o600, 0o700, 0o750, 0o007
# Typed into a camera's page by hand: no signs that look alike. 20 of 31: 99 bits.
_SIGNS = "23456789abcdefghjkmnpqrstuvwxyz"  # pragma: allowlist secret
_LENGTH = 20


class BrokerFolderError(Exception):
    """A folder cannot be used for this; says which and why."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be written. ``users`` holds the agent too; ``hosts`` empty: those of the certificate that stands."""

    settings: BrokerSettings
    users: list[BrokerUser]
    hosts: tuple[str, ...] = ()
    rotate: frozenset[str] = frozenset()


class Changes(msgspec.Struct, frozen=True):
    """What a run changed, by user; ``hosts`` are those of the server's certificate."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    rotated: tuple[str, ...]
    hosts: tuple[str, ...]
    must_restart: bool  # Mosquitto reads users and access again at a reload, the rest at a start


class BrokerFolder:
    """``mosquitto`` is what the broker reads; ``own`` is ours and never the broker's."""

    def __init__(self, mosquitto: Path, own: Path) -> None:
        self.mosquitto, self._own = mosquitto, own
        self.authority_file, self.agent_password_file = own / _AUTHORITY, own / _AGENT_PASSWORD

    def passwords(self) -> dict[str, str]:
        """Every password by user; none before the first run."""
        try:
            return msgspec.json.decode((self._own / _PASSWORDS_FILE).read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}

    def write(self, plan: Plan, now: datetime) -> Changes:
        """Make or renew everything; passwords and keys that stand are kept. Raises BadSetting, BadHost,
        BrokerFolderError, OSError; before the first file is written where the plan is at fault."""
        self._refuse_foreign()
        before = self.passwords()
        passwords = _passwords(before, [user.name for user in plan.users], plan.rotate)
        authority = _read(self._own, _AUTHORITY, _AUTHORITY_KEY) or make_authority(now)
        server = self._server(authority, plan.hosts, now)
        files = _files(plan, passwords, authority, server)
        must_restart = any(self._differs(name, files[name]) for name in _READ_AT_START)
        self._write_own(passwords, authority)
        self._write_mosquittos(files)
        rotated = tuple(sorted(plan.rotate & before.keys()))
        added, removed = _less(passwords, before), _less(before, passwords)
        return Changes(added, removed, rotated, hosts_of(server.certificate), must_restart)

    def hand_over(self, account: str) -> bool:
        """Root gives Mosquitto's files to its account, and ours to the owner of the folder around them; the folder
        stays root's, so that the broker cannot put others in their place. False: we are not root, or there is no such
        account, and nothing changes hands."""
        if os.geteuid() != 0:
            return False
        above = self._own.parent.stat()
        _give(self._own, above.st_uid, above.st_gid)
        try:
            entry = pwd.getpwnam(account)
        except KeyError:
            return False
        _give(self.mosquitto, entry.pw_uid, entry.pw_gid)
        os.chown(self.mosquitto, 0, entry.pw_gid)
        self.mosquitto.chmod(_BROKERS_FOLDER)
        return True

    def unreachable(self, account: str) -> Path | None:
        """The first folder on the way to Mosquitto's that this account may not enter; None: it can, or is not here."""
        try:
            entry = pwd.getpwnam(account)
        except KeyError:
            return None
        above = reversed(self.mosquitto.resolve().parents)
        return next((folder for folder in above if not _may_enter(folder, entry)), None)

    def _refuse_foreign(self) -> None:
        """Modes and owners are set here: that must not happen to a folder of something else."""
        folder = self.mosquitto
        if folder.is_dir() and any(folder.iterdir()) and not (folder / broker_config.SETTINGS).is_file():
            raise BrokerFolderError(f"{folder} holds other files; give an empty or a new folder: --out")

    def _server(self, authority: Signed, hosts: tuple[str, ...], now: datetime) -> Signed:
        """The server's certificate that stands, where it is of this authority and for these hosts; else a new one."""
        standing = _read(self.mosquitto, broker_config.CERTIFICATE, broker_config.KEY)
        if standing is None or not is_signed_by(standing.certificate, authority.certificate):
            return make_server(authority, with_loopback(hosts), now)
        known = hosts_of(standing.certificate)
        wanted = with_loopback(hosts) if hosts else known
        return standing if set(wanted) == set(known) else make_server(authority, wanted, now)

    def _differs(self, name: str, body: bytes) -> bool:
        file = self.mosquitto / name
        return not file.is_file() or file.read_bytes() != body

    def _write_own(self, passwords: Mapping[str, str], authority: Signed) -> None:
        _make(self._own)
        _write(self._own / _PASSWORDS_FILE, msgspec.json.format(msgspec.json.encode(passwords)))
        _write(self._own / _AUTHORITY_KEY, authority.key)
        _write(self._own / _AUTHORITY, authority.certificate)
        _write(self._own / _AGENT_PASSWORD, f"{passwords[AGENT]}\n".encode())

    def _write_mosquittos(self, files: Mapping[str, bytes]) -> None:
        _make(self.mosquitto)
        _make(self.mosquitto / broker_config.STORE)
        for name, body in files.items():
            _write(self.mosquitto / name, body)


_READ_AT_START = (broker_config.SETTINGS, broker_config.CA_FILE, broker_config.CERTIFICATE, broker_config.KEY)


def _files(plan: Plan, passwords: Mapping[str, str], authority: Signed, server: Signed) -> dict[str, bytes]:
    """Mosquitto's files by name; the settings last, so that a folder without them is not ready."""
    return {
        broker_config.PASSWORDS: passwords_text(passwords, secrets.token_bytes).encode(),
        broker_config.ACCESS: access_text(plan.users).encode(),
        broker_config.CA_FILE: authority.certificate,
        broker_config.CERTIFICATE: server.certificate,
        broker_config.KEY: server.key,
        broker_config.SETTINGS: settings_text(plan.settings).encode(),
    }


def _passwords(before: Mapping[str, str], users: Collection[str], rotate: Collection[str]) -> dict[str, str]:
    """A password for each user: as before, or a new one."""
    kept = {name: password for name, password in before.items() if name not in rotate}
    return {name: kept.get(name) or new_password() for name in sorted(users)}


def new_password() -> str:
    """99 random bits that can be read aloud."""
    return "".join(secrets.choice(_SIGNS) for _ in range(_LENGTH))


def _less(one: Mapping[str, str], other: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(one.keys() - other.keys()))


def _read(folder: Path, certificate: str, key: str) -> Signed | None:
    try:
        return Signed((folder / certificate).read_bytes(), (folder / key).read_bytes())
    except FileNotFoundError:
        return None


def _make(folder: Path) -> None:
    """A folder that others cannot enter; one that was handed over stays open to its broker, which may be running."""
    folder.mkdir(parents=True, exist_ok=True, mode=_OWN_FOLDER)
    if folder.stat().st_mode & _ANYBODY:
        folder.chmod(_OWN_FOLDER)


def _write(path: Path, body: bytes) -> None:
    path.with_name(f"{path.name}.part").unlink(missing_ok=True)  # it may have been left with a wider mode
    write_file(path, body, mode=_OWNER_ALONE)


def _may_enter(folder: Path, account: pwd.struct_passwd) -> bool:
    there = folder.stat()
    if account.pw_uid in (0, there.st_uid):
        return account.pw_uid == 0 or bool(there.st_mode & stat.S_IXUSR)
    return bool(there.st_mode & (stat.S_IXGRP if account.pw_gid == there.st_gid else stat.S_IXOTH))


def _give(folder: Path, owner: int, group: int) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner, group, follow_symlinks=False)

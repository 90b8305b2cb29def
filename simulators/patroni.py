"""Three PostgreSQL under Patroni on loopback, from pip alone: one leads, the others stand by, any may be killed.

Patroni keeps its state in its own raft here, so that nothing else has to run; in production it is etcd: docs/ha.md.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import msgspec

from simulators.broker import free_port
from simulators.descendants import descendants, end, signal_all
from simulators.patroni_keys import Keys, write_private
from simulators.patroni_rest import Rest
from simulators.patroni_settings import REST, SUPERUSER, Place, settings
from simulators.postgres import DATABASE, OWNER, PostgresUnavailable, can_be_nobody_here, program, way_in
from simulators.processes import Child

START_LIMIT_S, STOP_LIMIT_S = 90.0, 25.0
_POLL_S, _STATEMENT_LIMIT_S = 0.1, 30.0
_NOBODY = 65534


Role = Literal["leader", "synchronous", "replica", "away"]


class ClusterFailed(Exception):
    """The cluster did not become what it was waited for; the message says what each node said last."""


class Cluster:
    """Nodes by name: "n1" and so on. Start it from the main thread: its processes end with that."""

    def __init__(self, nodes: int = 3) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="gh-ha-"))  # short: a socket's name has 107 bytes
        self._keys = Keys(self._folder)
        self._places = {place.name: place for place in _places(self._folder, nodes)}
        self._children = {name: _child(place) for name, place in self._places.items()}
        self._rest = Rest(REST, self._keys.passwords[REST])

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def nodes(self) -> Sequence[str]:
        return tuple(self._places)

    def url(self, database: str = DATABASE) -> str:
        """What a client connects to: all nodes, of which it takes the one that may be written to."""
        return self._keys.url(OWNER, database, list(self._places.values()))

    def start(self) -> Self:
        """Start all nodes and wait until one leads and one follows it synchronously; make the owner and the database.

        Raises PostgresUnavailable, ChildFailed, ClusterFailed.
        """
        self._write_files()
        for name in self.nodes:
            self.start_node(name)
        self.wait_until(lambda: self.leader() and self.standbys(), "leader with a synchronous standby", START_LIMIT_S)
        self.say(f"CREATE ROLE {OWNER} LOGIN PASSWORD '{self._keys.passwords[OWNER]}'")
        self.say(f"CREATE DATABASE {DATABASE} OWNER {OWNER} TEMPLATE template0")
        return self

    def leader(self) -> str | None:
        """The node that leads, if one does at this moment."""
        return next(iter(self._that_are("primary")), None)

    def standbys(self) -> list[str]:
        """The synchronous standbys: what is acknowledged is on each of them too."""
        return self._that_are("synchronous")

    def replicas(self) -> list[str]:
        """All nodes that run and follow, synchronous or not."""
        return self._that_are("replica")

    def streaming(self) -> int:
        """How many nodes get the leader's log at this moment. One that runs and follows may not yet: a former leader
        is first brought to the history that the others went on with, and cannot be the synchronous one until then."""
        leader = self.leader()
        try:
            return int(self.say("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'", leader))
        except (PostgresUnavailable, subprocess.TimeoutExpired):
            return 0

    def roles(self) -> dict[str, Role]:
        """What each node is at this moment."""
        found: dict[str, Role] = {}
        found.update((node, "away") for node in self.nodes)
        found.update((node, "replica") for node in self.replicas())
        found.update((node, "synchronous") for node in self.standbys())
        found.update((node, "leader") for node in self._that_are("primary"))
        return found

    def pids(self, node: str) -> list[int]:
        """Patroni and PostgreSQL itself, as far as they run: kill both, and the machine is gone."""
        below = descendants(self._children[node].pid) if self.running(node) else []
        with suppress(OSError):
            postgres = int((self._places[node].data / "postmaster.pid").read_text().split()[0])
            return [pid for pid in (*below[:1], postgres) if pid in below]
        return below[:1]

    def running(self, node: str) -> bool:
        """Whether Patroni runs there, or something that it left behind."""
        return self._children[node].running

    def kill(self, node: str) -> None:
        """kill -9 of all that runs there, Patroni and PostgreSQL, at once."""
        child = self._children[node]
        if child.running:
            end(child.pid)
            child.kill()

    def freeze(self, node: str) -> None:
        """Stop all that runs there and close no connection: a machine that is silent, and not known to be dead."""
        signal_all(self._children[node].pid, signal.SIGSTOP)

    def thaw(self, node: str) -> None:
        """Let a node go on that was frozen."""
        if self.running(node):
            signal_all(self._children[node].pid, signal.SIGCONT)

    def cut_off(self, node: str) -> None:
        """Let nobody stream from a node any more, until it is started again. Raises PostgresUnavailable."""
        rules = self._places[node].data / "pg_hba.conf"
        rules.write_text(f"host replication all all reject\n{rules.read_text()}")
        self.say("SELECT pg_reload_conf(); SELECT pg_terminate_backend(pid) FROM pg_stat_replication", node)

    def start_node(self, node: str) -> None:
        """Start a node that is not running; it finds its place by itself. Raises ChildFailed."""
        self._children[node].start()

    def reinitialize(self, node: str) -> bool:
        """Make a node again from the leader, as ``patronictl reinit --force`` does; whether Patroni agreed."""
        return self._rest.reinitialize(self._places[node].rest_port)

    def configure(self, changes: Mapping[str, Any]) -> None:
        """Change what all nodes share, as ``patronictl edit-config`` does. Raises ClusterFailed."""
        leader = self.leader()
        if leader is None or not self._rest.patch(self._places[leader].rest_port, "config", changes):
            raise ClusterFailed(f"the settings were not taken: {self.last_words()}")

    def say(self, sql: str, node: str | None = None, database: str = "postgres") -> str:
        """A statement by psql as the superuser, to the leader or to that node; what it printed.

        Raises PostgresUnavailable.
        """
        places = [self._places[node]] if node else list(self._places.values())
        ended = subprocess.run(
            [str(program("psql")), "-d", self._keys.url(SUPERUSER, database, places), "-v", "ON_ERROR_STOP=1", "-Atq"],
            input=sql,  # not an argument: everybody may read those
            capture_output=True,
            text=True,
            preexec_fn=way_in(),
            timeout=_STATEMENT_LIMIT_S,
        )
        if ended.returncode:
            raise PostgresUnavailable(f"psql: {ended.stderr.strip()}")
        return ended.stdout.strip()

    def wait_until(self, so: Callable[[], object], what: str, limit_s: float) -> None:
        """Poll until it is so. Raises ClusterFailed."""
        until_s = time.monotonic() + limit_s
        while not so():
            if time.monotonic() > until_s:
                raise ClusterFailed(f"no {what} after {limit_s:g} s: {self.last_words()}")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """End all nodes in good order, at once; what does not end within a bound is killed."""
        for name, child in self._children.items():
            self.thaw(name)
            child.send(signal.SIGTERM)
        until_s = time.monotonic() + STOP_LIMIT_S
        for name, child in self._children.items():
            if not child.wait(max(0.0, until_s - time.monotonic())):
                self.kill(name)

    def close(self) -> None:
        """End it and remove its folder."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _that_are(self, role: str) -> list[str]:
        """All nodes are asked at the same time, as one that is silent takes its second."""
        ports = [place.rest_port for place in self._places.values()]
        with ThreadPoolExecutor(len(ports)) as threads:
            answers = threads.map(partial(self._rest.says, role), ports)
        return [name for name, answer in zip(self._places, answers, strict=True) if answer]

    def _write_files(self) -> None:
        """The passfiles and each node's settings; where the nodes are to be somebody else, they become his."""
        self._keys.write()
        for name, place in self._places.items():
            place.folder.mkdir(mode=0o700)
            others = [other for other in self._places.values() if other.name != name]
            told = settings(place, others, self._keys.passwords)
            write_private(place.settings_file, msgspec.json.encode(told).decode())
        if os.geteuid() == 0 and not can_be_nobody_here():
            for path in (self._folder, *self._folder.rglob("*")):
                os.chown(path, _NOBODY, _NOBODY)

    def last_words(self, lines: int = 5) -> str:
        """What each node said last."""
        return "\n".join(f"{name}: {child.tail(lines)}" for name, child in self._children.items())


def _places(folder: Path, count: int) -> list[Place]:
    """Names, folders and ports, no port twice."""
    ports: set[int] = set()
    while len(ports) < 3 * count:
        ports.add(free_port())
    each = iter(sorted(ports))
    names = [f"n{number + 1}" for number in range(count)]
    return [Place(name, folder / name, next(each), next(each), next(each)) for name in names]


def _child(place: Place) -> Child:
    command = [sys.executable, "-m", "simulators.patroni_node", str(place.settings_file)]
    env = {**os.environ, "LC_ALL": "C", "HOME": str(place.folder)}
    return Child(place.name, command, place.folder, enter=way_in(), env=env)

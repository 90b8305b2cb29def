"""Three NATS servers on loopback that keep streams together: each may be killed and started again."""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from simulators.broker import HOST, MAX_MESSAGE_BYTES, BrokerUnavailable, free_port, nats_server
from simulators.processes import Child

_START_LIMIT_S = 30.0
_SETTINGS = """\
server_name: {name}
listen: "{host}:{port}"
max_payload: {payload}
jetstream {{
  store_dir: "{store}"
  max_file_store: 1073741824
  sync_interval: {sync}
}}
cluster {{
  name: gatehouse
  listen: "{host}:{route}"
  routes: [{routes}]
}}
"""


class NatsCluster:
    """Nodes n1 to n3. ``sync`` "always": what is acknowledged is on the disks of most of them."""

    def __init__(self, nodes: int = 3, sync: str = "always") -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="gatehouse-nats-", ignore_cleanup_errors=True)
        self._sync = sync
        self.ports = {f"n{number}": free_port() for number in range(1, nodes + 1)}
        self._routes = {name: free_port() for name in self.ports}
        self._children: dict[str, Child] = {}

    @property
    def servers(self) -> list[str]:
        return [f"nats://{HOST}:{port}" for port in self.ports.values()]

    def __enter__(self) -> Self:
        try:
            for name in self.ports:
                self.start(name)
            for name in self.ports:
                self._wait(lambda name=name: _answers(self.ports[name]), f"{name} to answer")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, name: str) -> None:
        """Start a node, on what it kept."""
        store = Path(self._folder.name) / name
        store.mkdir(exist_ok=True)
        settings = store / "nats.conf"
        settings.write_text(self._settings(name, store), encoding="utf-8")
        child = self._children.get(name) or Child(name, [str(nats_server()), "-c", str(settings)], store)
        self._children[name] = child
        child.start()

    def _settings(self, name: str, store: Path) -> str:
        routes = ", ".join(f'"nats://{HOST}:{port}"' for port in self._routes.values())
        where = {"host": HOST, "port": self.ports[name], "route": self._routes[name], "routes": routes}
        return _SETTINGS.format(name=name, store=store / "js", sync=self._sync, payload=MAX_MESSAGE_BYTES, **where)

    def kill(self, name: str) -> None:
        """kill -9."""
        self._children[name].kill()

    def last_words(self, lines: int = 5) -> str:
        """What each node said last."""
        return "\n".join(f"{name}: {child.tail(lines)}" for name, child in self._children.items())

    def close(self) -> None:
        for child in self._children.values():
            child.kill()
        self._folder.cleanup()

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        end_s = time.monotonic() + _START_LIMIT_S
        while not condition():
            if time.monotonic() > end_s:
                raise BrokerUnavailable(f"waited {_START_LIMIT_S:g} s for {what}")
            time.sleep(0.05)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1) as line:
            return line.recv(4) == b"INFO"
    except OSError:
        return False

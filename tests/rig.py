"""The whole chain in real processes: broker, agent, centre, started by their commands and killed at will."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from domain.ids import Origin
from domain.wire import split_events, unpack
from simulators.broker import Broker
from simulators.processes import Child
from simulators.products import ask, command, run_command
from tests.centre_sql import on_postgres, on_sqlite

COMPLEX = "garden"
_READY_S = 30.0
SERVER_TOML = """\
host = "{host}"
port = {port}
database = "{database}"
[[complexes]]
id = "garden"
name = "测试小区"
tariff = "tariff.yaml"
[[complexes.quiet]]
from = "00:00"
to = "24:00"
"""
TARIFF = """\
timezone: Asia/Shanghai
plans:
  small:
    free: {minutes: 15, mode: from_start}
    charge: {kind: unit, unit_min: 60, fen: 200, rounding: ceil}
"""
EDGE_TOML = """\
data = "data"
server = "{server}"
unknown_devices = "accept"
[metrics]
port = 0
[broker]
port = {broker}
[limits]
device_rate_per_s = {rate}
"""


class Rig:
    """One complex and its centre in ``folder``. ``agent`` and ``centre`` may be other commands than the products'.

    ``extra_server`` and ``extra_edge`` go behind the settings, the agent's first into [limits]; ``agent_env`` is added
    to the agent's environment; ``host`` is where the centre listens; ``database`` is its PostgreSQL, if not SQLite.
    """

    def __init__(
        self,
        folder: Path,
        broker: Broker,
        agent: list[str] | None = None,
        extra_server: str = "",
        *,
        centre: list[str] | None = None,
        extra_edge: str = "",
        agent_env: dict[str, str] | None = None,
        host: str = "127.0.0.1",
        database: str = "",
    ) -> None:
        self.folder, self.broker = folder, broker
        self._extra_server, self._extra_edge, self._host = extra_server, extra_edge, host
        self.database = database
        self.server_folder, self.edge_folder = folder / "centre", folder / "gateway"
        self.edge_config = self.edge_folder / "edge.toml"
        program = agent or [command("gatehouse-edge")]
        env = {**os.environ, **(agent_env or {})}
        self.edge = Child("edge", [*program, "run", "--config", str(self.edge_config)], folder, env)
        serve = [*(centre or [command("gatehouse-server")]), "serve", "--data", str(self.server_folder)]
        self.server = Child("server", serve, folder)
        self.is_the_product = agent is None and centre is None
        self.device_rate_per_s = 0.0  # load comes from a few devices, each faster than any real one: no limit
        self.url = ""
        self.account: dict[str, Any] = {}

    async def start_server(self) -> None:
        """Make the centre where there is none, and serve; the port stays the same over restarts."""
        if not self.server_folder.exists():
            self.make_server_folder()
            self.account = await ask("gatehouse-server", "init", "--data", str(self.server_folder))
        line = await start(self.server, "ready http")
        self.url = line.split()[1]
        self._write_server(int(self.url.rsplit(":", 1)[1]))

    def make_server_folder(self) -> None:
        """Settings and a tariff; the port is chosen at the first start."""
        self.server_folder.mkdir(parents=True)
        (self.server_folder / "tariff.yaml").write_text(TARIFF)
        self._write_server(0)

    def _write_server(self, port: int) -> None:
        (self.server_folder / "server.toml").write_text(
            SERVER_TOML.format(host=self._host, port=port, database=self.database) + self._extra_server
        )

    async def enrol(self, uplink: str = "") -> None:
        """Write the agent's settings, and give it its identity. ``uplink`` is the way to the centre, if not direct."""
        self.write_edge_settings(uplink or self.url)
        code = await ask("gatehouse-server", "enrol-code", "--data", str(self.server_folder), "--complex", COMPLEX)
        await run_command("gatehouse-edge", "enrol", "--config", str(self.edge_config), typed=code["code"])

    def adopt(self, made: Path) -> None:
        """Begin as another rig had begun in the folder ``made``: its centre, and the gateway enrolled there."""
        shutil.copytree(made / "centre", self.server_folder)
        self._write_server(0)
        (self.edge_folder / "data").mkdir(0o700, parents=True, exist_ok=True)
        identity = shutil.copy(made / "gateway" / "data" / "identity.json", self.edge_folder / "data")
        with Path(identity).open("rb") as file:
            os.fsync(file.fileno())  # as the agent's own enrolment does

    def write_edge_settings(self, server: str) -> None:
        """The agent's settings; without a server it only stores."""
        self.edge_folder.mkdir(parents=True, exist_ok=True)
        told = {"server": server, "broker": self.broker.port, "rate": self.device_rate_per_s}
        self.edge_config.write_text(EDGE_TOML.format(**told) + self._extra_edge)

    async def start_edge(self) -> None:
        await start(self.edge, "ready")

    async def start_all(self) -> None:
        """Broker, centre, enrolment, agent."""
        self.broker.start()
        await self.start_server()
        await self.enrol()
        await self.start_edge()

    def stop_all(self) -> None:
        for child in (self.edge, self.server):
            child.stop(5.0)
        self.broker.close()

    def edge_head(self) -> int:
        """How many events the agent's log ever took."""
        return on_sqlite(self.edge_folder / "data" / "log.db", "SELECT coalesce(sum(head), 0) FROM stream")[0][0]

    def centre_count(self) -> int:
        """How many events the centre's log holds."""
        return self.centre_query("SELECT CAST(coalesce(sum(last - first + 1), 0) AS bigint) FROM batch")[0][0]

    def centre_events(self) -> list[tuple[Origin, dict[str, Any]]]:
        """Every event at the centre with its origin, straight from the stored batches."""
        bodies = [row[0] for row in self.centre_query("SELECT body FROM batch ORDER BY position")]
        found: list[tuple[Origin, dict[str, Any]]] = []
        for body in bodies:
            header, unpacked = unpack(body)
            for index, event in enumerate(split_events(unpacked)):
                found.append((header.origin(index), msgspec.json.decode(event)))
        return found

    def centre_query(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        """Rows of the centre's database, whichever it is; parameters are question marks."""
        if self.database:
            return on_postgres(self.database, sql, args)
        return on_sqlite(self.server_folder / "gatehouse.db", sql, args)

    async def drained(self, least: int = 0, timeout_s: float = 60.0) -> None:
        """Until the centre holds all that the agent's log took, and at least ``least``."""
        await until(lambda: self.centre_count() >= max(least, 1) and self.centre_count() >= self.edge_head(), timeout_s)


async def start(child: Child, begins: str, limit_s: float = _READY_S) -> str:
    """Start a child and wait for the line that says it is ready."""
    seen = _lines(child, begins)
    child.start()
    await until(lambda: len(_lines(child, begins)) > len(seen) or not child.running, limit_s)
    assert child.running, f"{child.name} ended:\n{child.tail()}"
    return _lines(child, begins)[-1]


def _lines(child: Child, begins: str) -> list[str]:
    if not child.out_file.is_file():
        return []
    return [line for line in child.out_file.read_text().splitlines() if line.startswith(begins)]


async def until(condition: Callable[[], Any], timeout_s: float = 30.0, every_s: float = 0.05) -> None:
    """Poll a state; fails after a bound."""
    try:
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(every_s)
    except TimeoutError:
        raise AssertionError(f"not so after {timeout_s} s: {condition}") from None


def repeats(keys: list[Any]) -> list[Any]:
    """What stands in a list more than once."""
    return [key for key, count in Counter(keys).items() if count > 1]

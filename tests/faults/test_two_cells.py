"""A complex moves between two real cells while its gateway works, the command killed again and again."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from edge import identity
from simulators.broker import NatsBroker, free_port
from simulators.devices.uhppoted import Controller
from simulators.load import publish
from simulators.processes import Child
from simulators.products import ask, command
from simulators.receiver import Receiver
from tests.books import unbalanced
from tests.faults.invariants import look
from tests.faults.load import loaded
from tests.rig import COMPLEX, Rig, start, until

pytestmark = pytest.mark.faults
SECRET = "two cells and a directory know this"  # pragma: allowlist secret
SETTINGS = """\
cell = "{name}"
public_url = "{url}"
{server}[[cells]]
name = "{other}"
url = "{other_url}"
secret_file = "cell.secret"  # pragma: allowlist secret
[directory]
url = "{directory}"
secret_file = "cell.secret"  # pragma: allowlist secret
[[webhooks]]
name = "office"
url = "{office}"
"""


class Cell(Rig):
    """A rig that is one of two cells; ``towards`` is the other's name and address."""

    def __init__(
        self, folder: Path, broker: NatsBroker, name: str, towards: tuple[str, str], outside: dict[str, str]
    ) -> None:
        super().__init__(folder, broker)
        self.name, self.towards, self.outside, self.port = name, towards, outside, free_port()

    def _write_server(self, port: int) -> None:
        super()._write_server(self.port)
        file = self.server_folder / "server.toml"
        own = {"name": self.name, "url": f"http://127.0.0.1:{self.port}", **self.outside}
        written = SETTINGS.format(
            **own,
            server=file.read_text().partition("[[complexes]]")[0],
            other=self.towards[0],
            other_url=self.towards[1],
        )
        file.write_text(f"{written}[[complexes]]{file.read_text().partition('[[complexes]]')[2]}")
        (self.server_folder / "cell.secret").write_text(SECRET)


@asynccontextmanager
async def cells(folder: Path) -> AsyncIterator[tuple[Cell, Cell, Receiver, Child]]:
    """East with the complex and its gateway, west without; a directory, and an office that both send to."""
    broker, office, port = NatsBroker(), Receiver(), free_port()
    await office.start()
    outside = {"directory": f"http://127.0.0.1:{port}", "office": office.url}
    west = Cell(folder / "w", broker, "west", ("east", "http://127.0.0.1:1"), outside)
    east = Cell(folder / "e", broker, "east", ("west", f"http://127.0.0.1:{west.port}"), outside)
    (folder / "d").mkdir()
    (folder / "d" / "directory.secret").write_text(SECRET)
    (folder / "d" / "directory.toml").write_text(f"port = {port}\n")
    directory = Child("directory", [command("gatehouse-server"), "directory", "--data", str(folder / "d")], folder)
    try:
        await start(directory, "ready http")
        await west.start_server()
        await east.start_all()
        west.edge_folder = east.edge_folder
        yield east, west, office, directory
    finally:
        for child in (directory, west.server):
            child.stop(5.0)
        east.stop_all()
        await office.stop()


def acted(east: Cell) -> None:
    """Somebody takes an alert."""
    with closing(sqlite3.connect(east.server_folder / "gatehouse.db", timeout=20)) as db, db:
        db.execute(
            "INSERT INTO alert_action(alert, action, account, at, note, request) "
            "SELECT id, 'acknowledge', (SELECT min(id) FROM account), occurred_at, 'seen', 'r1' FROM alert LIMIT 1"
        )


async def move(east: Cell, *, die_at: str = "") -> str:
    """The command, killed -9 when it says that it begins a step; what it said."""
    words = ("move-complex", COMPLEX, "--to", "west", "--data", str(east.server_folder), "--json")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(command("gatehouse-server"), *words, stdout=pipe, stderr=pipe)
    assert process.stdout is not None and process.stderr is not None
    said: list[str] = []
    async with asyncio.timeout(120):
        async for line in process.stderr:
            said.append(line.decode())
            if die_at and line.decode().strip().endswith(f": {die_at}"):
                process.kill()
        await process.wait()
        out = (await process.stdout.read()).decode()
    assert process.returncode == (-9 if die_at else 0), said
    return out


def books(of: Cell, table: str, columns: str) -> set[tuple[Any, ...]]:
    return set(of.centre_query(f"SELECT {columns} FROM {table}"))


async def test_a_complex_moves_under_load(tmp_path: Path) -> None:
    async with cells(tmp_path) as (east, west, office, directory):
        await _force_a_door(east)
        async with loaded(east, rate=10) as published:
            await until(lambda: east.centre_query("SELECT 1 FROM alert") and len(published.facts) > 40, 60)
            acted(east)
            directory.kill()  # nobody notices
            for step in ("rows", "leave"):
                await move(east, die_at=step)
            await start(directory, "ready http")
            moved = json.loads(await move(east))
            before = len(published.facts)
            await until(lambda: west.centre_query("SELECT 1 FROM gateway WHERE last_seen_at IS NOT NULL"), 60)
            await until(lambda: len(published.facts) > before + 40, 60)
        await west.drained(timeout_s=90)
        await _same_books(east, west)
        found = look(west, published.facts)
        assert (found.lost, found.waiting, found.origins_twice, found.facts_twice, found.disordered) == (
            [],
            [],
            [],
            [],
            [],
        )
        assert await unbalanced(west) == []
        assert moved["rows"]["alert_action"] == 1
        me = identity.load(east.edge_folder / "data")
        assert (me.server, me.cell_version, me.enrolled_at) == (west.url, 2, east.url)
        await _sent_once(west, office, len(published.facts))


async def _force_a_door(east: Cell) -> None:
    controller = Controller(405419896, ZoneInfo("Asia/Shanghai"))
    told = [(one.topic, one.payload) for one in controller.alarm(1, 38, datetime.now(UTC))]
    await publish("127.0.0.1", east.broker.port, told, connections=1)


async def _same_books(east: Cell, west: Cell) -> None:
    """What the old cell held stands at the new one, to the fen, with what people did."""
    for table, columns in (
        ("charge", "session, revision, plate, amount_fen, change_fen, tariff, booked_at"),
        ("alert", "id, incident, rule, occurred_at, received_at"),
        ("alert_action", "alert, action, at, note"),
    ):
        assert books(east, table, columns) <= books(west, table, columns), table
    assert books(west, "alert_action", "alert, action, at, note")


async def _sent_once(west: Cell, office: Receiver, least: int) -> None:
    await until(lambda: not west.centre_query("SELECT 1 FROM delivery WHERE state = 'waiting'"), 60)
    counts = office.counts()
    assert (counts.repeats, counts.refused) == (0, 0)
    assert counts.once >= least
    shown = await ask("gatehouse-server", "report", "--data", str(west.server_folder))
    assert shown["deliveries"]["parked"] == 0

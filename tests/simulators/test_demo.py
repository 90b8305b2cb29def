"""A demonstration that cannot start says why and leaves nothing behind."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest
from rich.console import Console

from simulators import products
from simulators.broker import NatsBroker
from simulators.demo import Demo, DemoFailed, DemoSettings
from simulators.demo_files import DemoFiles
from simulators.demo_screen import Numbers
from simulators.postgres import Postgres
from simulators.processes import Child, ChildFailed
from simulators.site import Site


@pytest.fixture
def python_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every product's command is Python itself."""
    monkeypatch.setattr(products, "command", lambda _name: sys.executable)


@pytest.mark.usefixtures("python_commands")
async def test_a_command_s_answer_is_its_json() -> None:
    assert await products.ask("gatehouse-server", "-c", "print('{\"events\": 3}')") == {"events": 3}
    assert await products.run_command("x", "-c", "print(input())", typed="a code\n") == "a code\n"


@pytest.mark.usefixtures("python_commands")
async def test_a_command_that_fails_shows_what_it_printed() -> None:
    with pytest.raises(ChildFailed, match=r"(?s)gatehouse-server -c ended with status 1.*no such complex"):
        await products.run_command("gatehouse-server", "-c", "raise SystemExit('no such complex')")
    with pytest.raises(ChildFailed, match="printed no JSON object"):
        await products.ask("gatehouse-server", "-c", "print('hello')")


def test_a_product_that_is_not_installed_is_named() -> None:
    with pytest.raises(ChildFailed, match="gatehouse-nothing is not installed beside"):
        products.command("gatehouse-nothing")


async def test_only_a_whole_line_counts_as_printed(tmp_path: Path) -> None:
    child = Child("server", [sys.executable, "-c", "pass"], tmp_path)
    assert products.printed_line(child, "ready ") is None
    child.out_file.write_text("hello\nready http://127.0.0.1:80")
    assert products.printed_line(child, "ready ") is None
    child.out_file.write_text("hello\nready http://127.0.0.1:8000\n")
    assert products.printed_line(child, "ready ") == "ready http://127.0.0.1:8000"


async def test_a_centre_that_does_not_start_ends_the_demonstration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[NatsBroker] = []
    start = NatsBroker.start
    monkeypatch.setattr(products, "command", lambda _name: "/bin/false")
    monkeypatch.setattr(NatsBroker, "start", lambda broker: started.append(broker) or start(broker))
    demo = Demo(DemoSettings(minutes=0.5, headless=True, folder=tmp_path / "demo"), Console(quiet=True))
    with pytest.raises(ChildFailed, match="gatehouse-server init ended with status 1"):
        await demo.run()
    assert [broker.running for broker in started] == [False]


async def test_its_postgres_is_started_and_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Postgres] = []
    start = Postgres.start
    monkeypatch.setattr(products, "command", lambda _name: "/bin/false")
    monkeypatch.setattr(Postgres, "start", lambda database: started.append(database) or start(database))
    told = DemoSettings(minutes=0.5, headless=True, folder=tmp_path / "demo", engine="postgres")
    with pytest.raises(ChildFailed, match="gatehouse-server init ended with status 1"):
        await Demo(told, Console(quiet=True)).run()
    assert [database.running for database in started] == [False]


async def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(DemoFailed, match="is not empty"):
        await Demo(DemoSettings(folder=tmp_path), Console(quiet=True)).run()
    assert [file.name for file in tmp_path.iterdir()] == ["photo.jpg"]


def test_the_settings_are_what_the_products_are_told(tmp_path: Path) -> None:
    files = DemoFiles(tmp_path)
    files.write_server(8123, "http://127.0.0.1:9/events", "postgresql://gatehouse@/gatehouse?host=/run/x")
    files.write_edge(8124, 1883, Site.devices())
    server = tomllib.loads((files.server / "server.toml").read_text())
    assert (server["port"], server["database"]) == (8123, "postgresql://gatehouse@/gatehouse?host=/run/x")
    assert server["complexes"][0]["quiet"] == [{"from": "00:00", "to": "24:00"}]
    assert server["webhooks"][0] == {
        "name": "demo",
        "url": "http://127.0.0.1:9/events",
        "secret_file": "webhook.secret",
        "kinds": [],
    }
    edge = tomllib.loads(files.edge_settings.read_text())
    assert edge["server"] == "http://127.0.0.1:8124"
    assert edge["devices"] == Site.devices()
    assert (files.server / "webhook.secret").stat().st_mode & 0o077 == 0
    assert files.secret not in (files.server / "server.toml").read_text()


def test_the_live_line_says_when_the_uplink_is_cut() -> None:
    assert "断开 CUT" in Numbers(uplink_cut=True).line().plain
    assert "backlog 12" in Numbers(backlog=12).line().plain

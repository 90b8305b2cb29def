"""gatehouse-sim by hand: help with examples, JSON for scripts, exit statuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulators.broker import free_port
from simulators.cli import app
from simulators.site import Site

COMMANDS = ["broker", "site", "devices", "receiver", "demo"]
PROGRAM = [sys.executable, "-c", "from simulators.cli import main; main()"]


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen([*PROGRAM, *arguments], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def first_line(process: subprocess.Popen[str]) -> dict:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert f"Example: gatehouse-sim {command}" in " ".join(shown.output.split())


def test_the_device_list_is_toml_that_an_installer_can_append() -> None:
    shown = CliRunner().invoke(app, ["devices"])
    assert tomllib.loads(shown.output)["devices"] == Site.devices()
    assert json.loads(CliRunner().invoke(app, ["devices", "--json"]).output) == Site.devices()


def test_a_broker_and_a_site_by_their_commands(tmp_path: Path) -> None:
    with running("broker", "--port", "0", "--store", str(tmp_path / "store"), "--json") as broker:
        told = first_line(broker)
        arguments = ["site", "--port", str(told["port"]), "--minutes", "0.05", "--no-pictures", "--json"]
        played = subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, timeout=60, check=True)
        totals = json.loads(played.stdout)
        assert totals["published"] == totals["acknowledged"] > 0
        broker.send_signal(signal.SIGTERM)
        assert broker.wait(20) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(told["pid"], 0)


def test_a_receiver_counts_until_it_is_stopped() -> None:
    with running("receiver", "--port", "0", "--json") as receiver:
        url = first_line(receiver)["receiver"]
        body = json.dumps({"specversion": "1.0", "id": "1", "source": "/x", "type": "gatehouse.plate"}).encode()
        asked = urllib.request.Request(url, body, {"Content-Type": "application/cloudevents+json"})
        with urllib.request.urlopen(asked, timeout=20) as answer:
            assert answer.status == 204
        receiver.send_signal(signal.SIGINT)
        assert first_line(receiver)["once"] == 1
        assert receiver.wait(20) == 0


def test_what_cannot_be_done_ends_with_1_and_what_is_asked_wrongly_with_2() -> None:
    away = CliRunner().invoke(app, ["site", "--port", str(free_port())])
    assert away.exit_code == 1
    assert "gatehouse-sim broker" in away.output
    assert CliRunner().invoke(app, ["broker", "--kind", "carrier-pigeon"]).exit_code == 2
    assert CliRunner().invoke(app, ["site", "--rate", "0"]).exit_code == 2


def test_a_demonstration_refuses_a_folder_in_use(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    refused = CliRunner().invoke(app, ["demo", "--headless", "--minutes", "0.5", "--folder", str(tmp_path)])
    assert refused.exit_code == 1
    assert "is not empty" in refused.output

"""The broker's folders: who may read what, what a second run keeps, and what the command says."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge.commands.app import app
from edge.config import load
from edge.identity import Identity, save
from tests.edge.broker_stage import EAST_USER, WEST_USER, Stage, Visitor, needs_mosquitto

EDGE_TOML = """\
[[devices]]
id = "vzenith:east-1"
name = "东门\\nuser root\\ntopic write #"
[[devices]]
id = "uhppoted:405419896"
"""


@pytest.fixture
def box(tmp_path: Path) -> Path:
    (tmp_path / "edge.toml").write_text(EDGE_TOML)
    return tmp_path


def run(box: Path, *arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["broker-config", "--config", str(box / "edge.toml"), *arguments])
    assert result.exit_code == code, result.output
    return result.output


def told(box: Path, *arguments: str) -> dict[str, Any]:
    return json.loads(run(box, "--site", "garden", "--json", *arguments))


def test_everything_is_for_its_owner_alone(box: Path) -> None:
    run(box, "--site", "garden", "--user", "nobody-here")
    for path in (box / "edge-data").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_name_of_a_device_is_nowhere_in_the_files(box: Path) -> None:
    run(box, "--site", "garden")
    access = (box / "edge-data/mosquitto/access.acl").read_text()
    assert "topic write #" not in access and "东门" not in access
    assert [line for line in access.splitlines() if line.startswith("user ")] == [
        f"user {name}" for name in ("uhppoted-mqtt", EAST_USER, "gatehouse")
    ]


def test_no_password_is_in_mosquittos_folder_and_its_folder_holds_no_authority_key(box: Path) -> None:
    run(box, "--site", "garden")
    passwords = json.loads((box / "edge-data/broker/device-passwords.json").read_text())
    assert len(set(passwords.values())) == len(passwords) == 3
    assert all(len(password) == 20 for password in passwords.values())
    authority_key = (box / "edge-data/broker/ca.key").read_bytes()
    for file in (box / "edge-data/mosquitto").iterdir():
        body = file.read_bytes() if file.is_file() else b""
        assert body != authority_key
        assert not any(password.encode() in body for password in passwords.values()), file


def test_a_second_run_keeps_and_adds_and_removes(box: Path) -> None:
    first = told(box, "--host", "192.168.1.2", "--port", "28883")
    assert first["added"] == ["gatehouse", "uhppoted-mqtt", EAST_USER]
    before = json.loads((box / "edge-data/broker/device-passwords.json").read_text())
    again = told(box)
    assert (again["added"], again["removed"], again["then"]) == ([], [], "reload mosquitto")
    assert again["addresses"] == ["127.0.0.1:28883", "192.168.1.2:28883"], "as before"
    (box / "edge.toml").write_text(EDGE_TOML.replace("uhppoted:405419896", "vzenith:west-2"))
    changed = told(box, "--rotate", "vzenith:east-1")
    assert (changed["added"], changed["removed"]) == ([WEST_USER], ["uhppoted-mqtt"])
    assert changed["new_password"] == [EAST_USER]
    after = json.loads((box / "edge-data/broker/device-passwords.json").read_text())
    assert after["gatehouse"] == before["gatehouse"]
    assert after[EAST_USER] != before[EAST_USER]
    assert set(after) == {"gatehouse", EAST_USER, WEST_USER}


def test_one_device_is_shown_and_the_others_are_not(box: Path) -> None:
    run(box, "--site", "garden")
    passwords = json.loads((box / "edge-data/broker/device-passwords.json").read_text())
    shown = run(box, "--show", "vzenith:east-1")
    assert passwords[EAST_USER] in shown and EAST_USER in shown
    assert passwords["uhppoted-mqtt"] not in shown
    assert "has no user" in run(box, "--show", "vzenith:nobody", code=1)


def test_the_snippet_is_what_the_agent_takes(box: Path) -> None:
    snippet = told(box)["edge_toml"]
    (box / "edge.toml").write_text(EDGE_TOML + snippet)
    broker = load(box / "edge.toml").broker
    assert (broker.username, broker.port) == ("gatehouse", 8883)
    assert Path(broker.password_file).read_text().strip()
    assert "BEGIN CERTIFICATE" in Path(broker.ca_file).read_text()


def test_the_complex_is_the_one_the_box_enrolled_for(box: Path) -> None:
    assert "name it: --site" in run(box, code=1)
    assert not (box / "edge-data/mosquitto").exists(), "nothing is written by halves"
    save(Identity(gateway="gw-1", complex="river", server="s", private_key="{}"), box / "edge-data")
    run(box)
    assert "edge/v1/river/" in (box / "edge-data/mosquitto/access.acl").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--bind", "gate.example.invalid"), "no address"),
        (("--host", "a b"), "neither a host name"),
        (("--rotate", "vzenith:nobody"), "has no user"),
        (("--user", "a\nb"), "user:"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(box: Path, arguments: tuple[str, ...], said: str) -> None:
    assert said in run(box, "--site", "garden", *arguments, code=1)
    assert not (box / "edge-data/mosquitto").exists()


def test_a_folder_of_something_else_is_left_alone(box: Path) -> None:
    other = box / "other"
    other.mkdir(mode=0o755)
    (other / "precious").touch()
    assert "holds other files" in run(box, "--site", "garden", "--out", str(other), code=1)
    assert stat.S_IMODE(other.stat().st_mode) == 0o755


def test_a_file_that_was_left_open_to_all_is_not_written_into(box: Path) -> None:
    run(box, "--site", "garden")
    left = box / "edge-data/broker/device-passwords.json.part"
    left.touch(mode=0o666)
    left.chmod(0o666)
    target = box / "elsewhere"
    (box / "edge-data/broker/ca.key.part").symlink_to(target)
    run(box, "--site", "garden")
    assert stat.S_IMODE((box / "edge-data/broker/device-passwords.json").stat().st_mode) == 0o600
    assert not target.exists()


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that other accounts may enter, as /etc is; pytest's are not."""
    with tempfile.TemporaryDirectory(prefix="gatehouse-broker-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def has_account(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


@needs_mosquitto
@pytest.mark.skipif(os.geteuid() != 0 or not has_account("mosquitto"), reason="needs root and mosquitto's account")
def test_mosquitto_runs_as_its_own_account_when_root_set_it_up(reachable: Path) -> None:
    here = Stage(reachable, account="mosquitto")
    here.configure()
    assert here.folder.hand_over("mosquitto")
    assert here.folder.unreachable("mosquitto") is None
    assert here.folder.mosquitto.stat().st_uid == 0, "it cannot put other files in the place of these"
    here.start()
    owner = Path(f"/proc/{here.child.pid}").stat().st_uid
    assert owner == pwd.getpwnam("mosquitto").pw_uid
    with Visitor(here, EAST_USER) as device:
        assert device.code == "Success"
    here.configure()
    here.folder.hand_over("mosquitto")
    here.reload()
    with Visitor(here, EAST_USER) as device:
        assert device.code == "Success"
    here.child.stop(5.0)
    shutil.rmtree(here.folder.mosquitto)


@pytest.mark.skipif(os.geteuid() != 0 or not has_account("mosquitto"), reason="needs root and mosquitto's account")
def test_a_folder_that_the_brokers_account_cannot_reach_is_said(box: Path) -> None:
    box.chmod(0o700)
    assert "may not enter" in told(box)["warning"]
    assert "warning" not in told(box, "--user", "root")

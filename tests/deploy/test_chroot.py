"""The package on a bare Debian 12: it installs, upgrades, returns by itself, and goes without a trace."""

from __future__ import annotations

import json
import stat
import subprocess
import time
from pathlib import Path

import pytest

from edge.releases.probation import HEALTHY_S, TRIES
from tests.deploy.chroot import Chroot
from tests.deploy.conftest import BROKEN, NEW, OLD, ROOT, Packages
from tests.rig import until

pytestmark = [pytest.mark.faults, pytest.mark.deb, pytest.mark.xdist_group("deb")]  # built once

UNIT = ROOT / "deploy/systemd/gatehouse-edge.service"
SETTINGS = "/etc/gatehouse/edge.toml"
PENDING = "opt/gatehouse/versions/pending"


def version(box: Chroot) -> str:
    return box.run("gatehouse-edge", "--version").strip()


def exec_lines(kind: str) -> list[str]:
    """The command of a line of the unit."""
    (line,) = [line for line in UNIT.read_text().splitlines() if line.startswith(f"{kind}=")]
    return line.partition("=")[2].lstrip("+-").split()


def systemd_starts(box: Chroot, *, arguments: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """What the unit runs at one start: what comes before, and the agent, with other arguments where given."""
    box.run(*exec_lines("ExecStartPre"))
    command = exec_lines("ExecStart")
    return box.try_(*([command[0], *arguments] if arguments else command), user="gatehouse")


def systemd_says(box: Chroot, state: str, active_since_s: float) -> None:
    """A stand-in for systemctl."""
    usec = int(active_since_s * 1_000_000)
    box.script("usr/bin/systemctl", f"#!/bin/sh\necho ActiveState={state}\necho ActiveEnterTimestampMonotonic={usec}\n")


def rewind(box: Chroot, seconds: float) -> None:
    """As if the first start had been so much earlier."""
    pending = json.loads((box.root / PENDING).read_text())
    (box.root / PENDING).write_text(json.dumps({**pending, "since_s": pending["since_s"] - seconds}))


def mode_and_owner(path: Path) -> tuple[str, int]:
    found = path.lstat()
    return stat.filemode(found.st_mode), found.st_uid


async def test_it_installs_and_the_agent_runs_as_its_own_account(
    box: Chroot, packages: Packages, tmp_path: Path
) -> None:
    box.install(packages.get(OLD))
    assert version(box) == OLD
    account = int(box.run("id", "-u", "gatehouse"))
    assert mode_and_owner(box.root / "var/lib/gatehouse") == ("drwx------", account)
    assert mode_and_owner(box.root / SETTINGS[1:]) == ("-rw-r--r--", 0)
    assert str((box.root / "opt/gatehouse/current").readlink()) == f"versions/{OLD}"
    assert (box.root / "etc/systemd/system/multi-user.target.wants/gatehouse-edge.service").is_symlink()
    out = tmp_path / "out"
    agent = box.start(*exec_lines("ExecStart"), user="gatehouse", out=out)
    try:
        await until(lambda: "ready" in out.read_text().splitlines() or agent.poll() is not None, 60.0)
        assert agent.poll() is None, out.read_text()
        assert json.loads(box.run("gatehouse-edge", "status", "--json"))["streams"]
    finally:
        agent.terminate()
        agent.wait(30)
    assert {path.stat().st_uid for path in (box.root / "var/lib/gatehouse").rglob("*")} == {account}


def test_root_leaves_no_file_that_the_agent_cannot_read(box: Chroot, packages: Packages) -> None:
    box.install(packages.get(OLD))
    box.run("gatehouse-edge", "parked")
    box.run("useradd", "--system", "mosquitto")
    mosquitto = "/etc/gatehouse/mosquitto"
    box.run("gatehouse-edge", "broker-config", "--host", "192.168.1.2", "--site", "garden", "--out", mosquitto)
    others = int(box.run("id", "-u", "mosquitto"))
    assert {path.stat().st_uid for path in (box.root / mosquitto[1:]).iterdir()} == {others}
    box.run("gatehouse-edge", "collect", "--out", "/collected.tar.gz")
    assert box.try_("gatehouse-edge", "doctor", "--json").returncode in (1, 2)  # nothing is set up yet, and it says so
    account = int(box.run("id", "-u", "gatehouse"))
    made = list((box.root / "var/lib/gatehouse").rglob("*"))
    assert made
    assert {path.stat().st_uid for path in made} == {account}


def test_an_upgrade_keeps_the_version_before_until_the_new_one_has_passed(box: Chroot, packages: Packages) -> None:
    box.install(packages.get(OLD))
    with (box.root / SETTINGS[1:]).open("a") as file:
        file.write('server = "https://centre.example.invalid"\n')
    box.install(packages.get(NEW))
    assert version(box) == NEW
    assert (box.root / SETTINGS[1:]).read_text().endswith('invalid"\n')
    assert box.run("gatehouse-release", "list").splitlines() == [f"{OLD} (before)", f"{NEW} (starts) (on probation)"]
    assert systemd_starts(box, arguments=("--version",)).stdout.strip() == NEW
    rewind(box, HEALTHY_S + 10)
    systemd_says(box, "active", time.clock_gettime(time.CLOCK_MONOTONIC) - HEALTHY_S - 5)
    assert f"confirmed {NEW}" in box.run("/usr/lib/gatehouse-edge/payload/gatehouse-release", "judge")
    assert not (box.root / PENDING).exists()
    assert box.run("gatehouse-release", "return").strip() == f"returned to {OLD}"
    assert version(box) == OLD
    box.run("gatehouse-release", "return")
    assert version(box) == NEW


def test_a_version_that_does_not_start_gives_way_to_the_one_before(box: Chroot, packages: Packages) -> None:
    box.install(packages.get(OLD))
    box.install(packages.get(BROKEN, defect="raise RuntimeError('a defect that only a box shows')\n"))
    for _ in range(TRIES):
        failed = systemd_starts(box)
        assert "a defect that only a box shows" in failed.stderr
    assert systemd_starts(box, arguments=("--version",)).stdout.strip() == OLD
    assert "returned from 0.1.2" in box.run("gatehouse-release", "list")
    box.install(packages.get(NEW))
    assert (version(box), str((box.root / "opt/gatehouse/previous").readlink())) == (NEW, f"versions/{OLD}")


def test_a_broken_file_in_the_package_is_noticed_before_anything_is_switched(box: Chroot, packages: Packages) -> None:
    box.install(packages.get(OLD))
    box.install(packages.get(NEW))
    payload = box.root / "usr/lib/gatehouse-edge/payload"
    (payload / "VERSION").write_text("0.1.9\n")
    done = box.try_("gatehouse-release", "install")
    assert done.returncode == 1
    assert "VERSION is not what the package holds" in done.stderr
    assert version(box) == NEW


def test_removed_it_leaves_settings_and_data_and_purged_nothing(box: Chroot, packages: Packages) -> None:
    before = box.files()
    accounts = (box.root / "etc/passwd").read_text()
    box.install(packages.get(OLD))
    box.install(packages.get(NEW))
    box.run("gatehouse-edge", "parked")
    box.run("dpkg", "--remove", "gatehouse-edge")
    left = {path for path in box.files() - before if not path.startswith("/var/lib/gatehouse/")}
    assert left == {"/etc/gatehouse", SETTINGS, "/var/lib/gatehouse"}
    assert (box.root / "var/lib/gatehouse/log.db").is_file()
    box.run("dpkg", "--purge", "gatehouse-edge")
    assert box.files() - before == set()
    assert before - box.files() == set()
    assert (box.root / "etc/passwd").read_text() == accounts

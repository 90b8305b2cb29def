"""The units as systemd itself reads them: nothing it warns of, and little that a broken-into agent could do."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
SERVICES = ("gatehouse-edge.service", "gatehouse-edge-health.service")
MOST_EXPOSED = 20  # tenths: 2.0 of 10

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60)


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A root with our units, this machine's own, and stand-ins for our programs."""
    units = tmp_path / "lib/systemd/system"
    units.mkdir(parents=True)
    for unit in (*Path("/lib/systemd/system").glob("*.target"), *Path("/lib/systemd/system").glob("*.slice")):
        shutil.copy(unit, units, follow_symlinks=True)
    for unit in UNITS.iterdir():
        shutil.copy(unit, units)
    for program in ("opt/gatehouse/current/gatehouse-edge", "usr/lib/gatehouse-edge/payload/gatehouse-release"):
        (tmp_path / program).parent.mkdir(parents=True)
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    return tmp_path


def verified(box: Path) -> str:
    done = analyze("verify", f"--root={box}", "--man=no", *(path.name for path in sorted(UNITS.iterdir())))
    return done.stderr + ("" if done.returncode == 0 else f"exit {done.returncode}")


def test_systemd_reads_them_without_a_warning(box: Path) -> None:
    assert verified(box) == ""


def test_a_word_it_does_not_know_would_be_seen(box: Path) -> None:
    unit = box / "lib/systemd/system/gatehouse-edge.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=30", "WatchDogSeconds=30"))
    assert "WatchDogSeconds" in verified(box)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_little_exposed(service: str) -> None:
    done = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", UNITS / service)
    assert done.returncode == 0, done.stdout


def test_without_its_sandbox_it_would_be_called_exposed(tmp_path: Path) -> None:
    bare = (UNITS / SERVICES[0]).read_text().replace("ProtectSystem=strict", "").replace("SystemCallFilter", "#")
    (tmp_path / SERVICES[0]).write_text(bare)
    assert analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", tmp_path / SERVICES[0]).returncode != 0


def test_systemd_waits_for_the_agent_and_watches_it() -> None:
    lines = (UNITS / SERVICES[0]).read_text().splitlines()
    assert {"Type=notify", "WatchdogSec=30", "Restart=always", "User=gatehouse", "StateDirectory=gatehouse"} <= set(
        lines
    )

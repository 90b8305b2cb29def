"""What lies in deploy for the server: units that systemd reads without a warning, files that agree with the product."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from server.api import live
from server.config import Config
from server.media import MAX_PICTURE_BYTES
from server.store import address
from tests.documents import ROOT

DEPLOY = ROOT / "deploy"
UNITS = DEPLOY / "server"
SERVICES = ("gatehouse-server.service", "gatehouse-worker@.service", "gatehouse-backup.service")
MOST_EXPOSED = 20  # tenths: 2.0 of 10
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60)


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A root with our units, this machine's own, and stand-ins for our programs."""
    units = tmp_path / "lib/systemd/system"
    units.mkdir(parents=True)
    for unit in (*Path("/lib/systemd/system").glob("*.target"), *Path("/lib/systemd/system").glob("*.slice")):
        shutil.copy(unit, units, follow_symlinks=True)
    for unit in UNITS.glob("*.[st]*"):
        shutil.copy(unit, units)
    for name in ("gatehouse-server", "gatehouse-backup"):
        program = tmp_path / "opt/gatehouse-server/bin" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    return tmp_path


def verified(box: Path) -> str:
    names = [path.name.replace("@.", "@1.") for path in sorted(UNITS.glob("*.[st]*"))]
    done = analyze("verify", f"--root={box}", "--man=no", *names)
    return done.stderr + ("" if done.returncode == 0 else f"exit {done.returncode}")


@needs_systemd
def test_systemd_reads_them_without_a_warning(box: Path) -> None:
    assert verified(box) == ""
    unit = box / "lib/systemd/system/gatehouse-worker@.service"
    unit.write_text(unit.read_text().replace("TimeoutStopSec=20", "TimeOutStopSeconds=20"))
    assert "TimeOutStopSeconds" in verified(box), "a word it does not know would be seen"


@needs_systemd
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_little_exposed(service: str) -> None:
    done = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", UNITS / service)
    assert done.returncode == 0, done.stdout


def test_old_backups_go_only_behind_a_new_one(tmp_path: Path) -> None:
    program, kept = tmp_path / "gatehouse-server", tmp_path / "backups"
    kept.mkdir()
    for day in range(1, 6):
        (kept / f"gatehouse-2026110{day}T032000Z.zip").touch()
    (kept / "notes.txt").touch()

    def run(body: str) -> int:
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
        env = {**os.environ, "GATEHOUSE_SERVER": str(program)}
        return subprocess.run([UNITS / "gatehouse-backup", str(kept), "3"], env=env, timeout=20).returncode

    assert run("exit 1") != 0
    assert len(list(kept.glob("*.zip"))) == 5, "nothing goes where the new one failed"
    assert run('echo x > "$2"') == 0
    left = sorted(path.name for path in kept.iterdir())
    assert len(left) == 4 and left[:2] == ["gatehouse-20261104T032000Z.zip", "gatehouse-20261105T032000Z.zip"]
    assert "notes.txt" in left


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text(encoding="utf-8"))


def test_compose_names_only_what_it_has(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"database", "server", "worker", "caddy"}
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
        assert set(service["networks"]) <= set(compose["networks"]), name
        assert set(service.get("secrets", [])) <= set(compose["secrets"]), name
        mounted = [volume.split(":")[0] for volume in service.get("volumes", [])]
        assert {source for source in mounted if not source.startswith(".")} <= set(compose["volumes"]), name
    for service in ("server", "worker"):
        assert services[service]["cap_drop"] == ["ALL"] and services[service]["read_only"]
    assert [name for name, service in services.items() if "ports" in service] == ["caddy"]


def test_no_secret_stands_in_compose(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            assert not re.search("PASSWORD|SECRET|KEY", name) or name.endswith("_FILE"), (name, value)


def test_the_commands_of_compose_and_of_the_image_are_ours(compose: dict[str, Any]) -> None:
    from tests.test_repository import VERBS

    dockerfile = (DEPLOY / "compose" / "Dockerfile").read_text()
    assert 'ENTRYPOINT ["gatehouse-server"]' in dockerfile and "USER 10001" in dockerfile
    for service in ("server", "worker"):
        assert f"gatehouse-server {compose['services'][service]['command'][0]}" in VERBS


def test_the_settings_of_compose_are_such_as_the_server_takes(tmp_path: Path) -> None:
    config = msgspec.toml.decode((DEPLOY / "compose" / "server.toml").read_bytes(), type=Config)
    (tmp_path / "pg.pass").touch(mode=0o600)
    assert address.of(tmp_path, config.database).startswith("postgresql://gatehouse@database/")


def test_the_proxies_let_through_what_the_server_takes_and_hold_no_stream_back() -> None:
    nginx = (DEPLOY / "proxy" / "nginx.conf").read_text()
    caddy = (DEPLOY / "proxy" / "Caddyfile").read_text()
    (stream,) = [route.path for route in live.router.routes]  # type: ignore[attr-defined]
    block = nginx[nginx.index(f"location = {stream} {{") :].split("}")[0]
    assert "proxy_buffering off" in block and "flush_interval -1" in caddy
    assert int(re.findall(r"client_max_body_size (\d+)m", nginx)[0]) * 1024**2 > MAX_PICTURE_BYTES
    assert int(re.findall(r"max_size (\d+)MB", caddy)[0]) * 10**6 > MAX_PICTURE_BYTES
    for line in ("Host $http_host", "X-Forwarded-For $remote_addr", "X-Forwarded-Proto $scheme"):
        assert f"proxy_set_header {line};" in nginx
    assert "/metrics" in nginx and "/metrics" in caddy
    assert nginx.count("{") == nginx.count("}") and caddy.count("{") == caddy.count("}")

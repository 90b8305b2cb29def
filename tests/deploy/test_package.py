"""What is in the package: the agent and its libraries for one processor, with their licences, the same each time."""

from __future__ import annotations

import hashlib
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from tests.deploy.conftest import OLD, Packages

pytestmark = [pytest.mark.faults, pytest.mark.deb, pytest.mark.xdist_group("deb")]  # built once

MACHINES = {"amd64": 0x3E, "arm64": 0xB7}
PAYLOAD = "usr/lib/gatehouse-edge/payload"


def asked(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


@pytest.fixture(scope="session", params=MACHINES)
def built(request: pytest.FixtureRequest, packages: Packages) -> tuple[str, Path]:
    return request.param, packages.get(OLD, request.param)


@pytest.fixture(scope="session")
def opened(built: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("opened")
    asked("dpkg-deb", "-x", built[1], folder)
    return built[0], folder


def test_every_binary_is_for_the_processor_of_the_package(built: tuple[str, Path], opened: tuple[str, Path]) -> None:
    architecture, folder = opened
    assert asked("dpkg-deb", "-f", built[1], "Architecture").strip() == architecture
    elf = [path for path in folder.rglob("*") if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"]
    named = [path for path in folder.rglob("*.so*") if path.is_file()]
    assert {struct.unpack_from("<H", path.read_bytes(), 18)[0] for path in elf} == {MACHINES[architecture]}
    assert set(named) == set(elf)
    for library in ("msgspec", "zstandard", "aiohttp", "cryptography", "osdp_sys"):
        assert any(library in str(path) for path in elf), library


def test_only_what_the_agent_needs_is_in_it(opened: tuple[str, Path]) -> None:
    _, folder = opened
    inside = {path.name for path in (folder / PAYLOAD / "lib").iterdir()}
    assert {"domain", "eventlog", "edge", "paho", "aiohttp", "sdnotify", "osdp", "serial"} <= inside
    assert inside & {"server", "simulators", "fastapi", "sqlalchemy", "cv2", "av", "onnxruntime", "pip"} == set()


def test_each_library_comes_with_its_licence(opened: tuple[str, Path]) -> None:
    _, folder = opened
    doc = folder / "usr/share/doc/gatehouse-edge"
    carried = {path.name.removesuffix(".dist-info") for path in (folder / PAYLOAD / "lib").glob("*.dist-info")}
    shown = {path.name for path in (doc / "licences").iterdir() if any(path.iterdir())}
    assert {name.replace("_", "-").lower() for name in carried} == {name.replace("_", "-") for name in shown}
    assert len(shown) > 20
    copyright_ = (doc / "copyright").read_text()
    assert all(f"  {name.rpartition('-')[0]} " in copyright_ for name in shown)


def test_its_files_belong_to_root_and_nobody_else_writes_them(built: tuple[str, Path]) -> None:
    for line in asked("dpkg-deb", "-c", built[1]).splitlines():
        mode, owner = line.split()[:2]
        assert owner == "root/root", line
        assert mode.startswith("l") or (mode[5] == mode[8] == "-" and "s" not in mode), line


def test_the_list_of_files_names_every_file_and_holds(opened: tuple[str, Path]) -> None:
    payload = opened[1] / PAYLOAD
    listed = dict(reversed(line.split("  ", 1)) for line in (payload / "MANIFEST").read_text().splitlines())
    found = {str(path.relative_to(payload)) for path in payload.rglob("*") if path.is_file()}
    assert set(listed) == found - {"MANIFEST"}
    for name in ("gatehouse-edge", "lib/edge/agent.py"):
        assert hashlib.sha256((payload / name).read_bytes()).hexdigest() == listed[name]


def test_built_again_it_is_the_same_to_the_byte(packages: Packages, tmp_path: Path) -> None:
    one, two = packages.get(OLD, "amd64"), packages.build(OLD, "amd64", "", tmp_path)
    assert hashlib.sha256(one.read_bytes()).hexdigest() == hashlib.sha256(two.read_bytes()).hexdigest()


def test_lintian_finds_no_error(packages: Packages) -> None:
    if shutil.which("lintian") is None:
        pytest.skip("lintian is not installed")
    done = subprocess.run(["lintian", packages.get(OLD, "amd64")], capture_output=True, text=True, timeout=300)
    assert [line for line in done.stdout.splitlines() if line.startswith("E:")] == []
